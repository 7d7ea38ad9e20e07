"""Whether explanations say what a model does: what the probability loses without the words that moved it most, against
as many words drawn by chance (comprehensiveness, DeYoung et al. 2020, "ERASER"); milliseconds a row; and how far the
parts of a linear model are from adding up. One line of JSON a model.

    python benchmarks/explain.py --data DATA --sets sst2 trec6 --budget 2m --encoder FOLDER --out explain.jsonl
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import _runs
from penna.artifact.bundle import Bundle
from penna.explain.base import Explanation

#: The share of a row's words that is left out, and how often words are drawn by chance.
SHARE, DRAWS = 0.2, 3


def without(found: Explanation, words: Any) -> str:
    """The row's text without these of its words."""
    (text,) = found.texts.values()
    for word in sorted(words, key=lambda word: -word.start):
        text = text[: word.start] + text[word.end :]
    return text


def lost(model: Bundle, found: list[Explanation], chosen: list[Any]) -> float:
    """What the probability of the explained label loses without the chosen words, on average of rows."""
    shown = model.predict_proba([without(each, words) for each, words in zip(found, chosen, strict=True)])
    places = [model.classes.index(each.label) for each in found]
    return float(np.mean([each.output for each in found]) - shown[np.arange(len(found)), places].mean())


def measured(model: Bundle, texts: list[str], seed: int) -> dict[str, Any]:
    begun = time.perf_counter()
    found = model.explain(texts)
    seconds = time.perf_counter() - begun
    found = [each for each in found if len(each.words) >= 1 / SHARE]
    sizes = [round(SHARE * len(each.words)) for each in found]
    best = [sorted(each.words, key=lambda w: -w.moved)[:n] for each, n in zip(found, sizes, strict=True)]
    draw = np.random.default_rng(seed)
    chance = [
        lost(model, found, [draw.choice(np.array(e.words, object), n, replace=False).tolist()
                            for e, n in zip(found, sizes, strict=True)])
        for _ in range(DRAWS)
    ]  # fmt: skip
    sums = [
        abs(each.intercept + sum(word.margin for word in each.words) - each.margin)
        for each in found
        if each.margin is not None
    ]
    return {
        "rows": len(found),
        "how": found[0].how,
        "ms_a_row": round(1e3 * seconds / len(texts), 2),
        "lost_without_best": round(lost(model, found, best), 4),
        "lost_by_chance": round(float(np.mean(chance)), 4),
        "furthest_sum": max(sums) if sums else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", nargs="+", default=["sst2", "trec6"])
    parser.add_argument("--families", nargs="+", default=["linear", "frozen", "finetune"])
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder", default="")
    parser.add_argument("--out", type=Path, default=Path("explain.jsonl"))
    args = parser.parse_args()
    lines = _runs.Lines(args.out)
    for name in args.sets:
        train, test = (_runs.rows(args.data, name, part) for part in ("train", "test"))
        texts = test.text.sample(min(args.rows, len(test)), random_state=args.seed).tolist()
        for family in args.families:
            auto = _runs.auto(args, args.seed, families=(family,), text="text")
            fitted = auto.fit(train[["text", "label"]], "label")
            lines.add({"set": name, "family": family, **measured(fitted.bundle_, texts, args.seed)})


if __name__ == "__main__":
    main()
