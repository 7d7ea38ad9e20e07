"""Gradient boosting by scikit-learn against LightGBM, on the very features that the family ``trees`` reads.

    pip install lightgbm
    python benchmarks/boosting.py --data DATA --out b.jsonl
    python benchmarks/boosting.py --data DATA --sets women_clothing_review --rows 4000 --text counts --out b.jsonl
    python benchmarks/boosting.py --table b.jsonl

DATA holds sets as for ``tables.py``; the test files stay shut. ``--text`` is the hyperparameter of the family: with
"counts+linear" its features hold what a linear model of the text answers out of fold. Both libraries then learn from
one matrix, in turns: with what the family's first recipes say of trees, rate and leaves, and with their own defaults.
Seconds are those of the processor, which a busy machine hardly changes; they are to be compared with one thread.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import _runs
import features
from penna import plugins
from penna.budget import Deadline, Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.models.trees import inputs
from penna.search.recipe import Recipe
from tables import SETS

LIBRARIES = ("scikit-learn", "LightGBM")


def settings(recipes: list[Recipe]) -> dict[str, Mapping[str, Any] | None]:
    """What is compared: the family's recipes, and with None what a library does by itself."""
    usual, large = recipes
    return {"usual": dict(usual.values), "larger trees": dict(large.values), "own defaults": None}


def made(library: str, loss: str, values: Mapping[str, Any] | None, seed: int, threads: int) -> Any:
    if library == "scikit-learn":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingRegressor if loss == "squared" else HistGradientBoostingClassifier
        asked = {} if values is None else {
            "max_iter": values["trees"], "learning_rate": values["rate"], "max_leaf_nodes": values["leaves"],
            "min_samples_leaf": values["least"], "l2_regularization": values["shrink"], "max_features": values["share"],
        }  # fmt: skip
        return kind(early_stopping=False, random_state=seed, **asked)
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if loss == "squared" else LGBMClassifier
    asked = {} if values is None else {
        "n_estimators": values["trees"], "learning_rate": values["rate"], "num_leaves": values["leaves"],
        "min_child_samples": values["least"], "reg_lambda": values["shrink"],
        "feature_fraction_bynode": values["share"],
    }  # fmt: skip
    return kind(random_state=seed, n_jobs=threads, verbosity=-1, **asked)


def matrices(args: argparse.Namespace, name: str, seed: int, cache: str) -> Iterator[tuple[Any, ...]]:
    """The task, the family's recipes, and of each fold (X, y) to learn from and (X, y) to be requested."""
    work = features.work(args, name, seed)
    offered = plugins.find("models", "trees").portfolio(work.profile)
    recipes = [recipe for recipe in offered if recipe["text"] == args.text]
    resources = Resources(Path(cache), Deadline(3600.0), args.threads)
    for learn, ask in work.folds:
        train, asked = work.table.take(learn), work.table.take(ask)
        read, X = inputs.fit(recipes[0], work.task, train, resources)
        yield work.task, recipes, (X, work.task.encode(train)), (read.matrix(asked), work.task.encode(asked))


def scored(model: Any, task: Any, learnt: tuple[Array, Array], asked: tuple[Array, Array]) -> tuple[float, float]:
    """The score on what was not trained on, and the processor's seconds of the fit."""
    begun = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM names its own columns, and then misses the names
        model.fit(*learnt)
        seconds = time.process_time() - begun
        answers = (
            model.predict(asked[0])[:, None]
            if task.output_kind == OutputKind.NUMBERS
            else model.predict_proba(asked[0])
        )
    return task.score(asked[1], np.asarray(answers, np.float32)), seconds


def compared(args: argparse.Namespace, name: str, seed: int) -> Iterator[dict[str, Any]]:
    """A line for each fold and setting."""
    from threadpoolctl import threadpool_limits

    with tempfile.TemporaryDirectory() as cache:
        for fold, (task, recipes, learnt, asked) in enumerate(matrices(args, name, seed, cache)):
            for setting, values in settings(recipes).items():
                line = {"set": name, "text": args.text, "seed": seed, "fold": fold, "setting": setting}
                for library in LIBRARIES[:: 1 if fold % 2 else -1]:  # in turns, now the one first and now the other
                    model = made(library, task.output_kind, values, seed, args.threads)
                    with threadpool_limits(args.threads):
                        score, seconds = scored(model, task, learnt, asked)
                    line[library] = [round(score, 5), round(seconds, 3)]
                yield {**line, "rows": len(learnt[1]), "features": learnt[0].shape[1]}


def table(lines: list[dict[str, Any]]) -> None:
    print("| set | text | rows | features | setting | scikit-learn | LightGBM | difference | times as quick |")
    print("|---" * 9 + "|")
    frame = pd.DataFrame(lines)
    for (name, text, setting), group in frame.groupby(["set", "text", "setting"], sort=False):
        ours, theirs = (np.array(group[library].tolist()) for library in LIBRARIES)
        gain = theirs[:, 0] - ours[:, 0]
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        cells = [f"{name} ({SETS[name].metric})", text, int(group.rows.median()), int(group.features.median()), setting]
        cells += [f"{ours[:, 0].mean():.4f}", f"{theirs[:, 0].mean():.4f}", f"{gain.mean():+.4f} ± {error:.4f}"]
        cells += [f"{np.median(ours[:, 1] / theirs[:, 1]):.1f}"]
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    parser = _runs.parser(__doc__, "boosting.jsonl", threads=1)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument(
        "--text", default="counts+linear", help="what is read of the text, as the hyperparameter of the family"
    )
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
            for line in compared(args, name, seed):
                lines.add(line)


if __name__ == "__main__":
    main()
