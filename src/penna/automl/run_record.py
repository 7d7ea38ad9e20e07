"""The record of a finished run, for report and leaderboard. It gathers, and computes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import report
from penna.automl import package
from penna.automl.package import FitResult
from penna.automl.search_loop import SearchResult
from penna.budget import Deadline
from penna.data.output_kind import OutputKind
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

#: Rows and n-grams of each label that explain a linear model; seconds for writing the page.
_ROWS, _GRAMS = 5_000, 10
_PAGE = 0.5
#: After Ctrl-C, the most seconds in which columns are shuffled.
_PATIENCE = 2.0


def settings(source: Any, table: Table, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was requested, as the report shows it."""
    given = {name: value for name, value in config.items() if name != "progress"}
    plain = {k: v if isinstance(v, int | float | str | None) else str(v) for k, v in given.items()}
    return {"data": Path(source).name if isinstance(source, str | Path) else table.target_name, **plain}


@dataclass(frozen=True)
class RunInputs:
    """The input of a run: requested settings, rows, findings about them, splits, and the test set."""

    settings: Mapping[str, Any]
    table: Table
    findings: Sequence[Finding]
    plan: Plan
    test: Table


def build(inputs: RunInputs, result: SearchResult, fit: FitResult, facts: Mapping[str, Any]) -> report.Record:
    """Return the report's ``Record``, in a form for JSON."""
    settings, table, findings, plan, test = inputs.settings, inputs.table, inputs.findings, inputs.plan, inputs.test
    task, choice = result.problem.task, fit.choice
    families = [m.trial.recipe.family for m in fit.members]
    train, valid = plan.folds[0]
    made: report.Record = {
        "title": settings["data"],
        "version": __version__,
        "created": facts["finished"],
        "seconds": facts["seconds"],
        "settings": {**settings, "search ended": result.ended, "budget_seconds": result.problem.budget.seconds}
        | {
            "budget_megabytes": result.problem.budget.max_size_mb,
            "budget_milliseconds": result.problem.budget.max_latency_ms,
        },
        "task": task.name,
        "metric": task.metric,
        "table": report.profile(
            table,
            [f.message for f in findings],
            numbers=task.output_kind == OutputKind.NUMBERS,
            counts=task.counts(table),
        ),
        "checks": checks(findings),
        "plan": {
            "train": len(train) + len(valid),
            "test": len(test),
            "folds": len(plan.first_round),
            "valid": len(valid),
            "grouped": table.group is not None,
            "source": "held out" if len(plan.test) else "a test table",
        },
        "test": fit.test_scores,
        "answers": _answers(test, task, fit),
        "baselines": _baselines(result, test, fit),
        "trials": [t.to_json() for t in result.trials],
        "chosen": {
            "name": (families[0] if len(families) == 1 else f"blend of {len(families)}")
            + "".join(f" with {step.name}" for step in choice.last),
            "members": [
                {"number": m.trial.number, "recipe": str(m.trial.recipe), "weight": m.weight} for m in fit.members
            ],
            "score": choice.score,
            "spread": choice.score_std,
        },
        "artifact": {
            "megabytes": facts["megabytes"],
            "files": {
                p.relative_to(fit.bundle.folder).as_posix(): p.stat().st_size / 1e6
                for p in sorted(fit.bundle.folder.rglob("*"))
                if p.is_file()
            },
            "milliseconds": facts["latency"]["one_text_ms"],
            "batch": 64,
            "batch_milliseconds": facts["latency"]["batch_of_64_ms"],
            "parity": fit.bundle.manifest.get("parity"),
            "same": fit.bundle.manifest.get("same"),
            "digest": fit.bundle.digest,
        },
        "encoders": package.truncations(fit.members),
        "phases": _phases(result, facts["seconds"]),
    }
    weighed, skipped = _importances(result, test, fit)
    return {**made, "importances": weighed, "skipped": skipped}


def leaderboard(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return a row for each trial: the scored ones first, best first."""
    ranked = sorted(trials, key=lambda t: (t.state is not State.COMPLETE, -t.score))
    return [
        {
            "trial": t.number,
            "family": t.recipe.family,
            "recipe": str(t.recipe),
            "score": t.score if t.scores else None,
            "spread": t.score_std if t.scores else None,
            "folds": len(t.folds),
            "seconds": t.seconds,
            "megabytes": t.size_mb,
            "milliseconds": t.latency_ms,
            "state": str(t.state),
            "origin": t.phase,
            "reason": t.reason,
        }
        for t in ranked
    ]


def write(folder: Path, record: report.Record) -> None:
    """Keep the record next to the trial log, and draw the page."""
    (folder / "run.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    report.render(record, folder / "report.html")


#: Loss of the task -> what looks at its answers.
_EXAMINED = {OutputKind.CLASS_PROBABILITIES: report.examine, OutputKind.LABEL_PROBABILITIES: report.examine_sets}


def _answers(test: Table, task: Task, fit: FitResult) -> Answers:
    """How each test row was answered, in labels or in the target's own units."""
    if (parts := task.mistakes(test, fit.y, fit.outputs)) is not None:
        return {"classes": [], "parts": parts}
    if task.output_kind in _EXAMINED:
        return _EXAMINED[task.output_kind](test, task.classes, fit.y, fit.outputs)
    truth, answers = (found.astype(np.float64) for found in (task.labels(fit.y), task.decode(fit.outputs)))
    return report.examine_numbers(test, truth, answers)


def _baselines(result: SearchResult, test: Table, fit: FitResult) -> list[Baseline]:
    """Return an answer without reading and the first trial's model, on the same test rows.

    Nothing was chosen by these.
    """
    task, judge = result.problem.task, result.problem.task.without_postprocessing()
    train = result.problem.table.take(result.problem.folds[0][0])
    name, guess = task.constant_baseline(task.encode(train))
    answers = [(name, task.broadcast(guess, test))]
    if result.baseline is not None:
        answers.append((f"first trial ({result.trials[0].recipe.family})", result.baseline.outputs(test)))
    made: list[Baseline] = []
    for name, outputs in answers:
        score, error = judge.score(fit.y, outputs), judge.score_error(fit.y, outputs)
        made.append({"name": name, "score": score, "low": score - 1.96 * error, "high": score + 1.96 * error})
    return made


def _importances(result: SearchResult, test: Table, fit: FitResult) -> tuple[Importances, list[Skipped]]:
    """Return what the answers rest on, and what there was no time for."""
    limits, task = result.limits, result.problem.task
    left = limits.deadline.left() + limits.report_seconds - _PAGE
    deadline = Deadline(min(left, _PATIENCE if result.stopped else max(limits.report_seconds, 1.0)))
    made: Importances = {} if deadline.over() else _grams(result, fit)
    if np.ndim(fit.outputs) != 2:  # answers that differ in length from row to row
        return made, []
    losses = permutation_importance.of_columns(
        fit.bundle.outputs, task, test, fit.y, deadline, result.problem.profile.seed
    )
    if isinstance(losses, str):
        return made, [{"what": "importances of columns", "reason": losses}]
    if losses:
        made["columns"] = [asdict(loss) for loss in losses]
    return made, []


def _grams(result: SearchResult, fit: FitResult) -> Importances:
    """Return the strongest n-grams of the heaviest linear model; nothing if there is none."""
    linear = [(m.weight, m.trial.recipe, m.model) for m in fit.members if isinstance(m.model, Additive)]
    if not linear:
        return {}
    _, recipe, model = max(linear, key=lambda each: each[0])
    searched = result.problem.searched
    rows = result.problem.table.take(searched[:: -(-len(searched) // _ROWS)])  # files are often sorted by label
    found = model.strongest(Cleaning.of(recipe.get("clean", NONE))(rows), _GRAMS)
    names = [str(label) for label in result.problem.task.classes] or [""]
    named = [{"label": name, "grams": each} for name, each in zip(names, found, strict=False)]
    return {"grams": named, "member": str(recipe)}


def _phases(result: SearchResult, seconds: float) -> list[Phase]:
    """Seconds predicted and spent, by phase of the search; what is left over is reading, refit, test set and report."""
    by_origin: dict[str, list[Trial]] = {}
    for t in result.trials:
        if t.state is not State.SKIPPED:
            by_origin.setdefault(t.phase, []).append(t)
    phases: list[Phase] = [
        {
            "phase": origin,
            "predicted": sum(t.predicted_seconds or 0.0 for t in trials),
            "spent": sum(t.seconds for t in trials),
        }
        for origin, trials in by_origin.items()
    ]
    rest = seconds - sum(p["spent"] for p in phases)
    return [*phases, {"phase": "reading, refit, test set", "predicted": None, "spent": max(0.0, rest)}]
