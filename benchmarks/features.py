"""Single features on against off: one recipe, one hyperparameter turned at a time, on folds of the training rows.

    python benchmarks/features.py --data DATA --out f.jsonl
    python benchmarks/features.py --data DATA --sets imdb_genre --family trees --rows 2000 --out f.jsonl
    python benchmarks/features.py --table f.jsonl

DATA holds sets as for ``tables.py`` and ``cleaning.py``. The test files stay shut: a default is chosen here.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import _runs
from penna import plugins
from penna.automl import inputs, setup
from penna.automl.evaluate import SearchProblem, evaluate
from penna.budget import Budget, Deadline, Resources
from penna.data import splits
from penna.fit_config import FitConfig
from penna.search.recipe import Recipe
from tables import SETS, Set

PLAIN = Set("label", "", "classification", ("text",))
METRICS = {"sst2": "accuracy", "banking77": "accuracy", "trec6": "accuracy", "tweeteval_emotion": "macro_f1"}
#: Family -> what is turned, from its first recipe that reads everything there is.
TURNED: dict[str, dict[str, dict[str, Any]]] = {
    "linear": {
        "as it is": {},
        **{f"scale {name}": {"columns": name} for name in ("quantile", "power", "winsorize", "bins")},
        **{f"names {name}": {"names": name} for name in ("target", "hash")},
        **{f"missing {name}": {"missing": name} for name in ("mean", "knn", "iterative")},
        "outliers": {"outliers": True},
        **{
            f"a third by {name}": {"share": 0.33, "select": name}
            for name in ("chi2", "mutual_information", "l1", "variance")
        },
        **{f"{n} directions": {"svd": n} for n in (100, 300)},
        "counts": {"counts": True},
    },
    "trees": {
        "as it is": {},
        **{f"names {name}": {"names": name} for name in ("onehot", "hash")},
        "outliers": {"outliers": True},
        **{f"{n} directions": {"directions": n} for n in (16, 64, 128)},
    },
}
#: Hyperparameters without which there is nothing to turn.
_OF_COLUMNS = ("columns", "names", "missing", "outliers")


def frame(table: pd.DataFrame, asked: Set, rows: int, gaps: float, seed: int) -> pd.DataFrame:
    table = table.drop(columns=list(asked.left_out))
    table = table.sample(min(rows or len(table), len(table)), random_state=seed)
    rng = np.random.default_rng(seed)
    for column in table.columns if gaps else ():
        if pd.to_numeric(table[column], errors="coerce").notna().mean() > 0.9 and column != asked.target:
            table.loc[rng.random(len(table)) < gaps, column] = ""
    return table


def work(args: argparse.Namespace, name: str, seed: int) -> SearchProblem:
    asked = SETS.get(name, replace(PLAIN, metric=METRICS.get(name, "accuracy")))
    data = frame(_runs.rows(args.data, name, "train"), asked, args.rows, args.gaps, seed)
    config = FitConfig(
        text=asked.text, rare_classes="drop", task=asked.task, metric=asked.metric, categorical_columns=asked.names
    )
    table, task, _ = inputs.read(data, asked.target, config)
    plan = splits.plan(table, task.strata(table), folds=args.folds, has_test=True, seed=seed)
    return SearchProblem(
        task, table, plan.folds, replace(setup.dataset_profile(table, task, "none"), seed=seed), Budget(3600.0)
    )


def base(family: str, made: SearchProblem) -> Recipe:
    """Words and characters under a logistic regression, or trees on counts and directions of the text."""
    offered = plugins.find("models", family).portfolio(made.profile)
    wanted = {"analyzer": "word+char", "classifier": "logistic"} if family == "linear" else {"text": "counts+svd"}
    return next(r for r in offered if all(r.get(hyperparameter) == value for hyperparameter, value in wanted.items()))


def scores(args: argparse.Namespace, name: str, seed: int, cache: str) -> dict[str, list[float]]:
    """What was turned -> the score on each fold, and the seconds of all."""
    made, found = work(args, name, seed), {}
    recipe = base(args.family, made)
    for turned, hyperparameters in TURNED[args.family].items():
        if not made.table.columns and any(hyperparameter in _OF_COLUMNS for hyperparameter in hyperparameters):
            continue
        resources = Resources(Path(cache), Deadline(3600.0), args.threads)
        trial = evaluate(
            recipe.replace(**hyperparameters), made, range(len(made.folds)), resources, lambda *_: True
        ).trial
        if trial.reason:
            sys.exit(f"{name}, {turned}: {trial.reason}")
        found[turned] = [round(trial.score, 5), round(trial.seconds, 2)]
    return found


def table(lines: list[dict[str, Any]]) -> None:
    print("| set | family | turned | score | against as it is | seconds |")
    print("|---|---|---|---|---|---|")
    for name, family in dict.fromkeys((line["set"], line["family"]) for line in lines):
        own = [line["scores"] for line in lines if (line["set"], line["family"]) == (name, family)]
        for turned in own[0]:
            gains = [100 * (one[turned][0] - one["as it is"][0]) for one in own]
            score, seconds = (float(np.mean([one[turned][i] for one in own])) for i in (0, 1))
            told = f"{np.mean(gains):+.2f} ± {np.std(gains):.2f}"
            print(f"| {name} | {family} | {turned} | {score:.4f} | {told} | {seconds:.1f} |")


def main() -> None:
    parser = _runs.parser(__doc__, "features.jsonl")
    parser.add_argument("--sets", nargs="+", default=[*SETS, *METRICS])
    parser.add_argument("--family", default="linear", choices=list(TURNED))
    parser.add_argument("--rows", type=int, default=0, help="at most so many training rows")
    parser.add_argument("--gaps", type=float, default=0.0, help="share of the numbers that are taken away")
    parser.add_argument("--cv", type=int, default=5)
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    lines = _runs.Lines(args.out)
    for name in args.sets:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as cache:
                told = scores(args, name, seed, cache)
            lines.add({"set": name, "family": args.family, "seed": seed, "scores": told})


if __name__ == "__main__":
    main()
