"""What is written down of a finished run, for the report and the leaderboard. Gathers; computes nothing of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from penna import report, tasks
from penna.automl import refit
from penna.automl.refit import Packed
from penna.automl.search_loop import STOPPED, Search
from penna.budget import Deadline
from penna.data.splits import Plan
from penna.data.table import Finding, Table
from penna.explain import permutation_importance
from penna.models.linear.contributions import Additive
from penna.preprocessing.cleaning.base import NONE, Cleaning
from penna.report.data_check import checks
from penna.report.record import Answers, Baseline, Importances, Phase, Skipped
from penna.search.trials import State, Trial
from penna.tasks.base import Task
from penna.version import __version__

#: Rows and n-grams of each label by which a linear model is told; seconds for writing the page.
_ROWS, _GRAMS = 5_000, 10
_PAGE = 0.5
#: After Ctrl-C, the most seconds in which columns are shuffled.
_PATIENCE = 2.0


def settings(source: Any, table: Table, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, as the report shows it."""
    given = {name: value for name, value in asked.items() if name != "progress"}
    plain = {k: v if isinstance(v, int | float | str | None) else str(v) for k, v in given.items()}
    return {"data": Path(source).name if isinstance(source, str | Path) else table.target_name, **plain}


def build(
    settings: Mapping[str, Any],
    table: Table,
    findings: Sequence[Finding],
    plan: Plan,
    exam: Table,
    search: Search,
    packed: Packed,
    facts: Mapping[str, Any],
    ended: str,
) -> report.Record:
    """The report's ``Record``, JSON-able."""
    task, choice = search.work.task, packed.choice
    families = [m.trial.recipe.family for m in packed.members]
    train, valid = plan.folds[0]
    made: report.Record = {
        "title": settings["data"],
        "version": __version__,
        "created": facts["finished"],
        "seconds": facts["seconds"],
        "settings": {**settings, "search ended": ended, "budget_seconds": search.work.budget.seconds}
        | {"budget_megabytes": search.work.budget.megabytes, "budget_milliseconds": search.work.budget.milliseconds},
        "task": task.name,
        "metric": task.metric,
        "table": report.profile(
            table,
            [f.message for f in findings],
            numbers=task.loss == "squared",
            counts=task.counts(table) if hasattr(task, "counts") else None,
        ),
        "checks": checks(findings),
        "plan": {
            "train": len(train) + len(valid),
            "exam": len(exam),
            "folds": len(plan.first_round),
            "valid": len(valid),
            "grouped": table.group is not None,
            "source": "held out" if len(plan.exam) else "a test table",
        },
        "exam": packed.measured,
        "answers": _answers(exam, task, packed),
        "baselines": _baselines(search, exam, packed),
        "trials": [t.to_json() for t in search.ledger.trials],
        "chosen": {
            "name": (families[0] if len(families) == 1 else f"blend of {len(families)}")
            + "".join(f" with {step.name}" for step in choice.last),
            "members": [
                {"number": m.trial.number, "recipe": str(m.trial.recipe), "weight": m.weight} for m in packed.members
            ],
            "score": choice.score,
            "spread": choice.spread,
        },
        "artefact": {
            "megabytes": facts["megabytes"],
            "files": {
                p.relative_to(packed.bundle.folder).as_posix(): p.stat().st_size / 1e6
                for p in sorted(packed.bundle.folder.rglob("*"))
                if p.is_file()
            },
            "milliseconds": facts["latency"]["one_text_ms"],
            "batch": 64,
            "batch_milliseconds": facts["latency"]["batch_of_64_ms"],
            "parity": packed.bundle.manifest.get("parity"),
            "same": packed.bundle.manifest.get("same"),
            "digest": packed.bundle.digest,
        },
        "encoders": refit.lengths(packed.members),
        "phases": _phases(search, facts["seconds"]),
    }
    weighed, skipped = _importances(search, exam, packed, ended)
    return {**made, "importances": weighed, "skipped": skipped}


def leaderboard(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row for each trial: the scored ones first, best first."""
    ranked = sorted(trials, key=lambda t: (t.state is not State.COMPLETE, -t.score))
    return [
        {
            "trial": t.number,
            "family": t.recipe.family,
            "recipe": str(t.recipe),
            "score": t.score if t.scores else None,
            "spread": t.spread if t.scores else None,
            "folds": len(t.folds),
            "seconds": t.seconds,
            "megabytes": t.megabytes,
            "milliseconds": t.milliseconds,
            "state": str(t.state),
            "origin": t.origin,
            "reason": t.reason,
        }
        for t in ranked
    ]


def write(folder: Path, record: report.Record) -> None:
    """Keep the record beside the ledger, and draw the page."""
    (folder / "record.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    report.render(record, folder / "report.html")


#: Loss of the task -> what looks at its answers.
_EXAMINED = {"cross_entropy": report.examine, "binary_cross_entropy": report.examine_sets}


def _answers(exam: Table, task: Task, packed: Packed) -> Answers:
    """How each exam row was answered, in labels or in the target's own units."""
    if hasattr(task, "mistakes"):  # about parts of texts
        return {"classes": [], "parts": task.mistakes(exam, packed.y, packed.outputs)}
    if task.loss in _EXAMINED:
        return _EXAMINED[task.loss](exam, task.classes, packed.y, packed.outputs)
    truth, answers = (found.astype(np.float64) for found in (task.labels(packed.y), task.decode(packed.outputs)))
    return report.examine_numbers(exam, truth, answers)


def _baselines(search: Search, exam: Table, packed: Packed) -> list[Baseline]:
    """An answer without reading and the first trial's model, on the same exam rows; nothing was chosen by these."""
    task, judge = search.work.task, tasks.as_served(search.work.task)
    train = search.work.table.take(search.work.folds[0][0])
    name, guess = task.guess(task.encode(train))
    answers = [(name, tasks.spread(task, guess, exam))]
    if search.baseline is not None:
        answers.append((f"first trial ({search.ledger.trials[0].recipe.family})", search.baseline.outputs(exam)))
    made: list[Baseline] = []
    for name, outputs in answers:
        score, error = judge.score(packed.y, outputs), judge.score_error(packed.y, outputs)
        made.append({"name": name, "score": score, "low": score - 1.96 * error, "high": score + 1.96 * error})
    return made


def _importances(search: Search, exam: Table, packed: Packed, ended: str) -> tuple[Importances, list[Skipped]]:
    """What the answers rest on, and what there was no time for."""
    goal, task = search.goal, search.work.task
    left = goal.deadline.left() + goal.telling - _PAGE
    deadline = Deadline(min(left, _PATIENCE if ended == STOPPED else max(goal.telling, 1.0)))
    made: Importances = {} if deadline.over() else _grams(search, packed)
    if np.ndim(packed.outputs) != 2:  # answers that differ in length from row to row
        return made, []
    losses = permutation_importance.of_columns(
        packed.bundle.outputs, task, exam, packed.y, deadline, search.work.profile.seed
    )
    if isinstance(losses, str):
        return made, [{"what": "importances of columns", "reason": losses}]
    if losses:
        made["columns"] = [asdict(loss) for loss in losses]
    return made, []


def _grams(search: Search, packed: Packed) -> Importances:
    """Of the linear model that weighs most in the result, where there is one."""
    linear = [(m.weight, m.trial.recipe, m.model) for m in packed.members if isinstance(m.model, Additive)]
    if not linear:
        return {}
    _, recipe, model = max(linear, key=lambda each: each[0])
    searched = search.work.searched
    rows = search.work.table.take(searched[:: -(-len(searched) // _ROWS)])  # files are often sorted by label
    found = model.strongest(Cleaning.of(recipe.get("clean", NONE))(rows), _GRAMS)
    names = [str(label) for label in search.work.task.classes] or [""]
    told = [{"label": name, "grams": each} for name, each in zip(names, found, strict=False)]
    return {"grams": told, "member": str(recipe)}


def _phases(search: Search, seconds: float) -> list[Phase]:
    """Seconds predicted and spent, by phase of the search; what is left over is reading, refit, exam and report."""
    by_origin: dict[str, list[Trial]] = {}
    for t in search.ledger.trials:
        if t.state is not State.SKIPPED:
            by_origin.setdefault(t.origin, []).append(t)
    phases: list[Phase] = [
        {
            "phase": origin,
            "predicted": sum(t.predicted_seconds or 0.0 for t in trials),
            "spent": sum(t.seconds for t in trials),
        }
        for origin, trials in by_origin.items()
    ]
    rest = seconds - sum(p["spent"] for p in phases)
    return [*phases, {"phase": "reading, refit, exam", "predicted": None, "spent": max(0.0, rest)}]
