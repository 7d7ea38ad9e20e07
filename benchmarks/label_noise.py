"""Wrong labels: what plain training loses by them, and how much of that ``--label-noise auto`` wins back.

    python benchmarks/label_noise.py --data DATA --sets sst2 banking77 --budget 5m --seeds 0 1 2 --out n.jsonl
    python benchmarks/label_noise.py --data DATA --sets sst2 --budget 1m --encoder FOLDER --families linear,frozen
    python benchmarks/label_noise.py --table n.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz (columns text, label). ``--flipped`` is the share of
training labels that become another class's, evenly; the test file, which is the exam, keeps its own. One line of JSON a
fit: clean labels, flipped ones kept as they are, and flipped ones with what Penna does about them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from penna import AutoText

#: What is fitted: whether labels are flipped, and what becomes of doubtful rows.
FITS = ((False, "keep"), (False, "auto"), (True, "keep"), (True, "auto"))


def flipped(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names, codes = np.unique(frame.label, return_inverse=True)
    wrong = rng.random(len(frame)) < share
    codes[wrong] = (codes[wrong] + rng.integers(1, len(names), wrong.sum())) % len(names)
    return frame.assign(label=names[codes])


def table(path: Path) -> None:
    frame = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    scores = frame.groupby(["set", "flipped", "noise"], sort=False).score.mean()
    print(
        "| set | clean labels | clean, auto | flipped, kept | flipped, auto | lost by keeping | lost by auto | share |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(frame["set"]):
        clean, tried, kept, auto = (float(scores.get((name, *fit), np.nan)) for fit in FITS)
        lost, left = clean - kept, clean - auto
        cells = [f"{score:.4f}" for score in (clean, tried, kept, auto, lost, left)]
        print("| " + " | ".join([name, *cells, f"{100 * left / lost:.0f} %"]) + " |")
    print("\nbar: auto loses at most 60 % of what keeping loses")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--sets", nargs="+", default=["sst2", "banking77"])
    parser.add_argument("--flipped", type=float, default=0.2)
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--families", default="")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--fits", nargs="+", type=int, default=[0, 1, 2, 3], help="numbers of the fits to make")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", default="label_noise.jsonl")
    parser.add_argument("--table", default="")
    args = parser.parse_args()
    if args.table:
        table(Path(args.table))
        return
    usual = "linear,frozen,finetune" if args.encoder else "linear"
    for name in args.sets:
        for seed in args.seeds:
            train, test = (
                pd.read_csv(Path(args.data) / name / f"{part}.csv.gz", keep_default_na=False, dtype=str)[
                    ["text", "label"]
                ]
                for part in ("train", "test")
            )
            for flip, noise in (FITS[i] for i in args.fits):
                auto = AutoText(
                    args.budget, families=tuple((args.families or usual).split(",")), metric="accuracy",
                    encoders=(args.encoder,) if args.encoder else (), label_noise=noise, seed=seed,
                    threads=args.threads,
                )  # fmt: skip
                fitted = auto.fit(flipped(train, args.flipped * flip, seed), y="label", test=test)
                manifest = fitted.bundle_.manifest
                line = {
                    "set": name, "seed": seed, "flipped": flip, "noise": noise, "budget": args.budget,
                    "score": round(fitted.exam_["accuracy"][0], 4), "recipe": manifest["recipe"],
                    "doubted": manifest.get("doubted", ""), "trials": len(fitted.trials_),
                }  # fmt: skip
                print(json.dumps(line), flush=True)
                with Path(args.out).open("a") as file:
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
