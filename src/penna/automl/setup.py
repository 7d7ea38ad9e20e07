"""What a search starts from: the problem, the limits of the run, and what a resumed run must share with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from penna import environment, hardware
from penna.automl import inputs, label_noise
from penna.automl.cost_model import PLAIN_FINISHING
from penna.automl.evaluate import SearchProblem
from penna.automl.run_limits import Progress, RunLimits
from penna.budget import Budget, Deadline, Resources
from penna.data.splits import Plan
from penna.data.table import Table
from penna.fit_options import AUTO
from penna.preprocessing import label_noise as treatments
from penna.search.trials import TrialLog
from penna.tasks.base import Task

#: Share of the budget for column importances after the fit, and their most seconds.
_REPORTING, _LONGEST = 0.02, 10.0
#: Share of the budget for post-processing steps, and their least seconds.
_POSTPROCESSING, _SHORTEST = 0.02, 1.0


def header(table: Table, task: Task, plan: Plan, seed: int) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed."""
    return {
        "table": table.fingerprint,
        "task": task.name,
        "metric": task.metric,
        "test_rows": len(plan.test),
        "folds": len(plan.first_round),
        "seed": seed,
    }


def problem(
    task: Task, table: Table, plan: Plan, deadline: Deadline, encoders: Sequence[str], config: Mapping[str, Any]
) -> SearchProblem:
    """Return task, rows and folds, and the profile that families see; ``config`` holds AutoText's parameters."""
    profile = replace(
        inputs.profile(table.take(plan.search), task, config["text_cleaning"]),
        encoders=tuple(encoders),
        seconds=deadline.seconds,
        folds=len(plan.first_round),
        again=plan.again,
        seed=config["random_state"],
        noise=config["label_noise"],
    )
    budget = Budget(deadline.seconds, config["max_size_mb"], config["max_latency_ms"])
    return SearchProblem(task, table, plan.folds, profile, budget, config["label_noise"])


def warn_unsupported(work: SearchProblem, progress: Progress) -> None:
    """Warn about requested options that cannot be honored."""
    if work.noise in (treatments.WEIGHT, treatments.DROP) and not label_noise.able(work) and work.task.can_ensemble:
        why = "labels can be suspicious only in rows of a text and one label: all rows are kept"
        progress.event("skipped", name=f"label noise {work.noise}", reason=why)


def limits(
    folder: Path, deadline: Deadline, trial_log: TrialLog, table: Table, test_rows: int, config: Mapping[str, Any]
) -> RunLimits:
    """Return where the run writes, and until when."""
    postprocess_seconds = max(_SHORTEST, _POSTPROCESSING * deadline.seconds) if config["postprocess"] == AUTO else 0.0
    if trial_log.trials:  # a resumed run that has used up its budget may still finish
        deadline = Deadline(
            max(deadline.seconds, deadline.spent() + PLAIN_FINISHING + postprocess_seconds), deadline.started
        )
    report_seconds = min(_REPORTING * deadline.seconds, _LONGEST) if len(table.text) + len(table.columns) > 1 else 0.0
    deadline = deadline.before(report_seconds)
    resources = Resources(environment.cache_folder(), deadline, config["n_jobs"] or hardware.cores())
    facts: dict[str, Any] = {
        "text_columns": list(table.text),
        "target": table.target_columns,
        "seed": config["random_state"],
    }
    if table.pair is not None:
        facts["pair"] = True
    if table.fields:
        facts["columns"] = [{"name": n, "role": f.role, "form": f.form} for n, f in table.fields.items()]
    return RunLimits(
        folder, deadline, resources, test_rows, facts, report_seconds, postprocess_seconds, config["runner"]
    )
