"""Searches, spaces and predictions that must stay as they are: computed here, and compared with ``tests/data/``.

``python tests/golden.py`` writes the files anew: do that only where a change of behaviour is wanted.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import penna
from artifacts import ROWS, Maker
from penna import plugins, tasks
from penna.artifact import bundle
from penna.automl import candidates, evaluate
from penna.automl.evaluate import SearchProblem as SearchProblem
from penna.budget import Budget, Deadline, Resources
from penna.data import splits
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.search.recipe import DatasetProfile as DatasetProfile

DATA = Path(__file__).parent / "data"
STRATEGIES, TRIALS = ("auto", "gp", "grid", "random", "tpe"), 12
#: Tables whose portfolios and hyperparameters are kept: few rows, many rows, numbers, pairs, long texts.
PROFILES = {
    "few rows": DatasetProfile(40, 2, 20, 60.0, encoders=("penna-mini",)),
    "many rows": DatasetProfile(20_000, 20, 500, 300.0, columns=3, numbers=2, gaps=0.1, encoders=("penna-mini",)),
    "numbers": DatasetProfile(2_000, 1, 2_000, 80.0, output_kind=OutputKind.NUMBERS, encoders=("penna-mini",)),
    "pairs": DatasetProfile(3_000, 3, 900, 90.0, pair=True, long=0.1, encoders=("penna-mini",)),
}


def _problem() -> SearchProblem:
    rows = pd.read_csv(Path(penna.__file__).parent / "assets" / "demo" / "train.csv.gz", keep_default_na=False)
    rows = rows[rows.label.isin(sorted(set(rows.label))[:5])].groupby("label").head(30)
    texts, labels = rows.text.to_numpy(object), rows.label.to_numpy(object)
    table = Table({"text": texts}, target=labels, rows=np.arange(1, len(rows) + 1))
    task = tasks.find("auto", table)
    plan = splits.plan(table, task.strata(table), folds=3)
    profile = DatasetProfile(rows=len(table), classes=5, rows_in_smallest_class=30, mean_characters=60.0, folds=3)
    return SearchProblem(task, table, plan.folds, profile, Budget())


def search_log(strategy: str, families: tuple[str, ...] = ("linear",)) -> list[dict[str, Any]]:
    """The first trials of a search in which every fit takes one second: nothing depends on the machine's speed."""
    problem, trials = _problem(), []
    asked = candidates.strategy(problem, families, strategy, candidates.portfolio(problem, families))
    with TemporaryDirectory() as cache:
        while len(trials) < TRIALS and (proposal := asked.ask(trials, 1000.0)) is not None:
            resources = Resources(Path(cache), Deadline(600), 1)
            trial = evaluate.evaluate(proposal.recipe, problem, proposal.folds, resources, lambda *_: True).trial
            names = {"seconds": 1.0, "rows_per_second": 0.0, "number": len(trials)}
            trials.append(replace(trial, **names, proposal_key=proposal.key, phase=proposal.phase))
    return [
        {"phase": t.phase, "recipe": t.recipe.to_json(), "folds": list(t.folds), "state": str(t.state),
         "scores": list(t.scores)}
        for t in trials
    ]  # fmt: skip


def spaces() -> dict[str, Any]:
    """Portfolio and hyperparameters of every family, for each profile."""
    found: dict[str, Any] = {}
    for family in plugins.names("models"):
        module = plugins.find("models", family)
        for name, profile in PROFILES.items() if hasattr(module, "portfolio") else ():
            hyperparameters = [
                {k: v for k, v in hyperparameter.__dict__.items() if k != "when"}
                for hyperparameter in module.search_space(profile)
            ]
            recipes = [recipe.to_json() for recipe in module.portfolio(profile)]
            found[f"{family}, {name}"] = {"portfolio": recipes, "hyperparameters": hyperparameters}
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def predictions(folder: Path, rows: Table) -> list[Any]:
    """What the artifact in ``folder`` predicts for ``rows``: numbers, or lists of numbers, row by row."""
    outputs = bundle.load(folder).outputs(rows)
    return [np.round(np.asarray(row, np.float64), 6).tolist() if not isinstance(row, str) else row for row in outputs]


def rows_of(name: str) -> Table:
    return Maker(Path(), Path()).rows(name)


def stored() -> list[str]:
    """Names of the stored artifacts."""
    return sorted(path.name for path in (DATA / "artifacts").iterdir())


def write(encoder: Path) -> None:
    """Write every file of ``tests/data`` that is compared."""
    (DATA / "golden").mkdir(parents=True, exist_ok=True)
    logs = {name: search_log(name) for name in STRATEGIES}
    (DATA / "golden" / "searches.json").write_text(json.dumps(logs, indent=1))
    (DATA / "golden" / "spaces.json").write_text(json.dumps(spaces(), indent=1))
    maker = Maker(DATA / "artifacts", encoder)
    for name in ROWS:
        folder = maker.folder(name)
        expected = predictions(folder, maker.rows(name))
        (folder.parent / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
