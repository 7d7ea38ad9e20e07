"""Cleaning on against off: on data as it is, and with broken encodings and markup planted in it.

    python benchmarks/cleaning.py --data DATA --sets sst2 banking77 --out c.jsonl             # single recipes, quick
    python benchmarks/cleaning.py --data DATA --sets sst2 --planted 0.3 --out c.jsonl
    python benchmarks/cleaning.py --data DATA --sets sst2 --budget 5m --seeds 0 1 2 --out c.jsonl     # whole fits
    python benchmarks/cleaning.py --table c.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz (columns text, label). ``--planted`` is the share of
rows, of train and test alike, that get a broken encoding, and as many again that get markup: the table shows how much
of what that costs is won back. Without ``--budget``, single recipes of the family linear (with ``--encoder`` of frozen
too) are fitted under every cleaning named; with it, ``penna fit`` chooses (``--text-cleaning auto`` against none).
"""

import argparse
import html
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import _runs
from penna import plugins, tasks
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.preprocessing.cleaning.base import Cleaning
from penna.preprocessing.cleaning_choices import LADDER
from penna.search.recipe import DatasetProfile, Recipe

METRICS = {"tweeteval_emotion": "macro_f1", "tweeteval_irony": "macro_f1", "tweeteval_offensive": "macro_f1"}


def broken(text: str, rng: np.random.Generator) -> str:
    """Typeset, as an editor would do it, and then read in the wrong encoding."""
    typeset = text.replace("'", "’").replace("--", "–").replace("...", "…")
    words = [word + (" " if rng.random() < 0.7 else "\u00a0") for word in typeset.split(" ")]
    return "".join(words).strip(" ").encode("utf-8").decode("cp1252", "ignore")


def marked(text: str, rng: np.random.Generator) -> str:
    """As a page would hold it."""
    words = [f"<b>{word}</b>" if rng.random() < 0.1 else word for word in html.escape(text).split(" ")]
    joined = "".join(word + (" " if rng.random() < 0.7 else "&nbsp;") for word in words)
    return f'<p class="text">{joined}</p><br />'


def planted(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    draw = rng.random(len(frame))
    spoilt = [
        broken(text, rng) if d < share else marked(text, rng) if d < 2 * share else text
        for text, d in zip(frame.text, draw, strict=True)
    ]
    return frame.assign(text=spoilt)


def recipes(profile: DatasetProfile, encoder: str) -> list[Recipe]:
    linear = plugins.find("models", "linear").portfolio(profile)
    frozen = plugins.find("models", "frozen").portfolio(profile) if encoder else []
    return [linear[0], linear[2], *frozen[:1]]


def single(
    args: argparse.Namespace, train: pd.DataFrame, test: pd.DataFrame, metric: str, cache: str
) -> dict[str, Any]:
    """Test score by recipe and cleaning."""
    both = [
        Table({"text": f.text.to_numpy(object)}, f.label.to_numpy(object), rows=np.arange(len(f)))
        for f in (train, test)
    ]
    task = tasks.find("classification", both[0], metric)
    profile = DatasetProfile(len(train), len(task.classes), 50, 80.0, encoders=(args.encoder,) if args.encoder else ())
    resources = Resources(Path(cache), Deadline(3600.0), args.threads)
    y, scores = task.encode(both[1]), {}
    for recipe in recipes(profile, args.encoder):
        family = plugins.find("models", recipe.family)
        name = f"{recipe.family} {recipe.get('analyzer', '')}".strip()
        for clean in ("none", *args.clean):
            fitted, asked = (Cleaning.of(clean)(table) for table in both)
            model = family.fit(recipe, task, fitted, None, resources, lambda *_: True)
            scores[f"{name}: {clean}"] = round(task.score(y, model.outputs(asked)), 4)
    return scores


def whole(args: argparse.Namespace, train: pd.DataFrame, test: pd.DataFrame, metric: str, seed: int) -> dict[str, Any]:
    scores, chosen = {}, {}
    for clean in ("none", "auto"):
        auto = _runs.auto(args, seed, metric=metric, clean=clean)
        fitted = auto.fit(train[["text", "label"]], y="label", test=test[["text", "label"]])
        scores[f"fit: {clean}"] = round(fitted.test_scores_[metric][0], 4)
        chosen[clean] = fitted.bundle_.manifest["recipe"]
    return {**scores, "recipes": chosen}


def table(lines: list[dict[str, Any]]) -> None:
    found: dict[tuple[str, str, str], dict[float, list[float]]] = {}
    for line in lines:
        for name, score in line["scores"].items():
            if isinstance(score, float):
                model, clean = name.split(": ")
                found.setdefault((line["set"], model, clean), {}).setdefault(line["planted"], []).append(score)
    print("| set | model | cleaning | as it is | against none | planted | against none | won back |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, model, clean), by_share in found.items():
        off, dirt = found[name, model, "none"], max(by_share)
        plain = [float(np.mean(scores.get(0.0, [np.nan]))) for scores in (by_share, off)]
        spoilt = [float(np.mean(scores[dirt])) if dirt in scores and dirt else np.nan for scores in (by_share, off)]
        back = (spoilt[0] - spoilt[1]) / (plain[1] - spoilt[1]) if plain[1] > spoilt[1] + 0.002 else np.nan
        cells = [f"{plain[0]:.4f}", f"{100 * (plain[0] - plain[1]):+.2f}", f"{spoilt[0]:.4f}"]
        cells += [f"{100 * (spoilt[0] - spoilt[1]):+.2f}", f"{100 * back:.0f} %"]
        print("| " + " | ".join([name, model, clean, *(c.replace("nan", "-") for c in cells)]) + " |")


def main() -> None:
    parser = _runs.parser(__doc__, "cleaning.jsonl", budget="")
    parser.add_argument("--sets", nargs="+", default=["sst2", "trec6", "banking77", "tweeteval_emotion"])
    parser.add_argument("--text-cleaning", nargs="+", default=list(LADDER))
    parser.add_argument("--planted", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=0, help="at most so many training rows")
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    lines = _runs.Lines(args.out)
    for name in args.sets:
        for seed in args.seeds:
            parts = [_runs.rows(args.data, name, part) for part in ("train", "test")]
            train = parts[0].sample(min(args.rows or len(parts[0]), len(parts[0])), random_state=seed)
            train, test = (planted(part, args.planted, seed + i) for i, part in enumerate((train, parts[1])))
            metric = METRICS.get(name, "accuracy")
            with tempfile.TemporaryDirectory() as cache:
                made = (
                    whole(args, train, test, metric, seed) if args.budget else single(args, train, test, metric, cache)
                )
            lines.add({"set": name, "seed": seed, "planted": args.planted, "budget": args.budget, "scores": made})


if __name__ == "__main__":
    main()
