"""A skewed set: what ``--metric macro_f1`` gains in macro F1 over a model tuned for accuracy. One line of JSON a fit.

    python benchmarks/skewed.py --data DATA --budget 5m --seeds 0 1 2 --encoder FOLDER --out skewed.jsonl
    python benchmarks/skewed.py --table skewed.jsonl

The set is made from goemotions (DATA/goemotions, columns text and labels): rows of one label, three classes with 80, 15
and 5 % of the rows (neutral; five warm emotions; six cold ones), 10,000 for training, the test file for the test set.
"""

from typing import Any

import numpy as np
import pandas as pd

import _runs

CLASSES = {
    "common": (0.80, ("neutral",)),
    "middle": (0.15, ("joy", "love", "gratitude", "admiration", "amusement")),
    "rare": (0.05, ("fear", "sadness", "disappointment", "anger", "annoyance", "disgust")),
}
MOST_ROWS = 10_000
#: What is fitted: the metric to choose by, and whether post-processing steps (thresholds, calibration) may be taken.
FITS = (("accuracy", "none"), ("accuracy", "auto"), ("macro_f1", "none"), ("macro_f1", "auto"))
SHOWN = ("macro_f1", "accuracy", "balanced_accuracy", "log_loss", "calibration_error")


def skewed(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    names = {emotion: name for name, (_, emotions) in CLASSES.items() for emotion in emotions}
    frame = frame.assign(label=frame.labels.map(names)).dropna()  # rows of several labels have none of these
    pools = {name: frame[frame.label == name] for name in CLASSES}
    total = min(MOST_ROWS, int(min(len(pools[name]) / share for name, (share, _) in CLASSES.items())))
    parts = [pools[name].sample(int(total * share), random_state=seed) for name, (share, _) in CLASSES.items()]
    return pd.concat(parts).sample(frac=1, random_state=seed)[["text", "label"]]


def table(lines: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(lines)
    print("| metric | post-processing steps | runs | " + " | ".join(SHOWN) + " |")
    print("|---|---|---|" + "---|" * len(SHOWN))
    for (metric, adjust), group in frame.groupby(["metric", "adjust"], sort=False):
        cells = [f"{group[name].mean():.4f}" for name in SHOWN]
        print("| " + " | ".join([metric, adjust, str(len(group)), *cells]) + " |")
    by = frame.groupby(["metric", "adjust"]).macro_f1.mean()
    if ("accuracy", "none") in by and ("macro_f1", "auto") in by:
        gain = 100 * (by["macro_f1", "auto"] - by["accuracy", "none"])
        print(f"\nmacro F1 gained by asking for it: {gain:+.2f} points (bar: 2)")


def main() -> None:
    args = _runs.parser(__doc__, "skewed.jsonl", budget="5m").parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    lines = _runs.Lines(args.out)
    for seed in args.seeds:
        train, test = (skewed(_runs.rows(args.data, "goemotions", part), seed) for part in ("train", "test"))
        for metric, adjust in FITS:
            fitted = _runs.auto(args, seed, metric=metric, adjust=adjust).fit(train, y="label", test=test)
            measured = {name: round(float(np.ravel(fitted.test_scores_[name])[0]), 4) for name in SHOWN}
            recipe = fitted.bundle_.manifest["recipe"]
            lines.add({"seed": seed, "metric": metric, "adjust": adjust, **measured, "recipe": recipe})


if __name__ == "__main__":
    main()
