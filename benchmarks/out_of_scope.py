"""Out of scope: accuracy on what is in scope, and F1 on what is not. One line of JSON a fit.

    python benchmarks/out_of_scope.py --data DATA --encoder FOLDER --budget 10m --seeds 0 1 --out o.jsonl
    python benchmarks/out_of_scope.py --table o.jsonl

DATA holds clinc150 with train.csv.gz and test.csv.gz (columns text, label; rows out of scope are labelled oos). Each
seed is fitted twice: with such rows in training, and without any, where ``--out-of-scope oos`` names the label.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from penna import AutoText

SHOWN = ("in_scope_accuracy", "oos_f1", "oos_precision", "oos_recall", "log_loss")
LABEL = "oos"


def table(path: Path) -> None:
    frame = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    print("| rows out of scope in training | runs | " + " | ".join(SHOWN) + " |")
    print("|---|---|" + "---|" * len(SHOWN))
    for taught, group in frame.groupby("taught", sort=False):
        cells = [f"{group[name].mean():.4f}" for name in SHOWN]
        print("| " + " | ".join([str(taught), str(len(group)), *cells]) + " |")
    print("\nbar, with MiniLM in ten minutes: accuracy in scope >= 0.94, F1 out of scope >= 0.70")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--set", default="clinc150")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--families", default="linear,frozen,finetune")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", default="out_of_scope.jsonl")
    parser.add_argument("--table", default="")
    args = parser.parse_args()
    if args.table:
        table(Path(args.table))
        return
    train, test = (
        pd.read_csv(Path(args.data) / args.set / f"{part}.csv.gz", keep_default_na=False, dtype=str)[["text", "label"]]
        for part in ("train", "test")
    )
    for seed in args.seeds:
        for taught in (True, False):
            auto = AutoText(
                args.budget, encoders=(args.encoder,) if args.encoder else (), families=tuple(args.families.split(",")),
                metric="accuracy", out_of_scope=LABEL, seed=seed, threads=args.threads,
            )  # fmt: skip
            auto.fit(train if taught else train[train.label != LABEL], y="label", test=test)
            measured = {name: round(auto.exam_[name][0], 4) for name in SHOWN}
            line = {"seed": seed, "taught": taught, **measured, "recipe": auto.bundle_.manifest["recipe"]}
            print(json.dumps(line), flush=True)
            with Path(args.out).open("a") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
