"""Eight rows a class: ``penna fit`` against SetFit, on the same rows with the same encoder. One line of JSON a fit.

    python benchmarks/few_shot.py --data DATA --encoder FOLDER --sets sst2 trec6 --draws 10 --out f.jsonl
    python benchmarks/few_shot.py --data DATA --encoder FOLDER --setfit VENV/bin/python --share 0.33 --out f.jsonl
    python benchmarks/few_shot.py --table f.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz (columns text, label). Each fit is a process of its
own, and its seconds are those of the process, imports and the writing of an artifact included. SetFit comes first, as
its paper has it (20 pairs a row and side, batches of 16, one epoch); Penna's budget is then a share of what that took,
unless ``--budget`` names one. ``--setfit`` names a Python that has setfit installed; without it Penna runs alone.
"""

import time

STARTED = time.monotonic()

import argparse  # noqa: E402 - imports count
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

SETS = ("sst2", "trec6", "banking77", "tweeteval_emotion")
MOST_ASKED = 2000  # test rows
LEAST_BUDGET = 5.0


def rows(args: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The draw to learn from, and the rows to answer."""
    train, test = (
        pd.read_csv(Path(args.data) / args.job / f"{part}.csv.gz", keep_default_na=False, dtype=str)[["text", "label"]]
        for part in ("train", "test")
    )
    drawn = train.groupby("label").sample(args.shots, random_state=args.seed).sample(frac=1, random_state=args.seed)
    return drawn, test.sample(min(MOST_ASKED, len(test)), random_state=0)


def setfit(args: argparse.Namespace) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    torch.set_num_threads(args.threads)
    drawn, test = rows(args)
    with tempfile.TemporaryDirectory() as folder:
        asked = TrainingArguments(
            output_dir=folder, batch_size=16, num_epochs=1, num_iterations=20, seed=args.seed, report_to="none",
            save_strategy="no", show_progress_bar=False,
        )  # fmt: skip
        model = SetFitModel.from_pretrained(args.encoder)
        Trainer(model=model, args=asked, train_dataset=Dataset.from_pandas(drawn, preserve_index=False)).train()
        seconds = time.monotonic() - STARTED
    answers = np.asarray(model.predict(test.text.tolist(), show_progress_bar=False))
    return {"score": float(np.mean(answers == test.label.to_numpy())), "seconds": seconds}


def penna(args: argparse.Namespace) -> dict[str, Any]:
    from penna import AutoText

    drawn, test = rows(args)
    budget = max(LEAST_BUDGET, float(args.budget) - (time.monotonic() - STARTED))
    auto = AutoText(budget, encoders=(args.encoder,), metric="accuracy", random_state=args.seed, n_jobs=args.threads)
    # No row can be spared for a test set: the test rows are that, and half a dozen are enough to be measured on the
    # way.
    auto.fit(drawn, y="label", test=test.head(50))
    seconds = time.monotonic() - STARTED
    answers = auto.predict(test.text.tolist())
    recipe, trials = auto.bundle_.manifest["recipe"], len(auto.trials_)
    return {
        "score": float(np.mean(answers == test.label.to_numpy())),
        "seconds": seconds,
        "recipe": recipe,
        "trials": trials,
    }


def apart(args: argparse.Namespace, python: str, kind: str, name: str, seed: int, budget: float = 0) -> dict[str, Any]:
    """One fit in a process of its own."""
    command = [python, __file__, "--job", name, "--kind", kind, "--data", args.data, "--encoder", args.encoder]
    command += ["--seed", seed, "--shots", args.shots, "--threads", args.threads, "--budget", budget]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{kind} on {name} failed: {done.stderr[-2000:]}")
    return {"set": name, "kind": kind, "seed": seed, "shots": args.shots, **json.loads(done.stdout.splitlines()[-1])}


def table(lines: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(lines)
    means = frame.groupby(["set", "kind"])[["score", "seconds"]].mean().unstack()
    print("| set | draws | SetFit | Penna | SetFit, s | Penna, s |")
    print("|---|---|---|---|---|---|")
    for name in dict.fromkeys(frame["set"]):
        cells = [
            means.loc[name].get((what, kind), np.nan) for what in ("score", "seconds") for kind in ("setfit", "penna")
        ]
        draws = len(set(frame[frame["set"] == name].seed))
        print(f"| {name} | {draws} | {cells[0]:.4f} | {cells[1]:.4f} | {cells[2]:.1f} | {cells[3]:.1f} |")
    whole = frame.groupby("kind")[["score", "seconds"]].mean()
    print(f"\n{whole.to_string()}\nbar: the mean of SetFit or more, in at most a third of its time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--share", type=float, default=0.33, help="of SetFit's seconds, the budget")
    parser.add_argument("--budget", default="", help="seconds, in place of a share")
    parser.add_argument("--setfit", default="", help="a Python that has setfit")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("few_shot.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--job", default="", help=argparse.SUPPRESS)
    parser.add_argument("--kind", default="penna", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps({"penna": penna, "setfit": setfit}[args.kind](args)))
        return
    import _runs  # no part of what is timed, and what it needs is not there next to SetFit

    if args.table:
        table(_runs.read(args.table))
        return
    lines = _runs.Lines(args.out)
    for seed in range(args.draws):
        for name in args.sets:
            budget = float(args.budget or 60)
            if args.setfit:
                lines.add(apart(args, args.setfit, "setfit", name, seed))
                budget = float(args.budget or args.share * lines.done[-1]["seconds"])
            lines.add(apart(args, sys.executable, "penna", name, seed, budget))


if __name__ == "__main__":
    main()
