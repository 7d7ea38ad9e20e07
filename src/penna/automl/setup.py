"""What a search sets out with: what it works on, where it writes, and what a resumed run must share with this one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from penna import environment, hardware
from penna.automl import inputs, label_noise
from penna.automl.cost_model import PLAIN_FINISHING
from penna.automl.evaluate import SearchProblem
from penna.automl.search_loop import Progress, RunLimits
from penna.budget import Budget, Deadline, Resources
from penna.data.splits import Plan
from penna.data.table import Table
from penna.fit_options import AUTO
from penna.preprocessing import label_noise as treatments
from penna.search.trials import TrialLog
from penna.tasks.base import Task

#: The share of the budget in which columns are shuffled once all is done, and the most seconds of it.
_TELLING, _LONGEST = 0.02, 10.0
#: The share of the budget in which post-processing steps may be found, and the least seconds of it.
_ADJUSTING, _SHORTEST = 0.02, 1.0


def header(table: Table, task: Task, plan: Plan, seed: int) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed."""
    return {
        "table": table.fingerprint,
        "task": task.name,
        "metric": task.metric,
        "exam_rows": len(plan.test),
        "folds": len(plan.first_round),
        "seed": seed,
    }


def work(
    task: Task, table: Table, plan: Plan, deadline: Deadline, encoders: Sequence[str], config: Mapping[str, Any]
) -> SearchProblem:
    """Task, rows and folds, and what families may know of them; ``config`` holds AutoText's parameters."""
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
        why = "rows that have a text and one label each can be doubted, and no others: all are kept"
        progress.event("skipped", name=f"label noise {work.noise}", reason=why)


def goal(
    folder: Path, deadline: Deadline, ledger: TrialLog, table: Table, exam_rows: int, config: Mapping[str, Any]
) -> RunLimits:
    """Where to write, and by when."""
    adjusting = max(_SHORTEST, _ADJUSTING * deadline.seconds) if config["postprocess"] == AUTO else 0.0
    if ledger.trials:  # a resumed run that has used up its budget may still finish
        deadline = Deadline(max(deadline.seconds, deadline.spent() + PLAIN_FINISHING + adjusting), deadline.started)
    telling = min(_TELLING * deadline.seconds, _LONGEST) if len(table.text) + len(table.columns) > 1 else 0.0
    deadline = deadline.before(telling)
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
    return RunLimits(folder, deadline, resources, exam_rows, facts, telling, adjusting, config["runner"])
