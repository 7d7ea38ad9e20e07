"""What a search sets out with: what it works on, where it writes, and what a resumed run must share with this one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from penna import environment, hardware, tasks
from penna.automl import inputs, label_noise
from penna.automl.cost_model import PLAIN_FINISHING
from penna.automl.evaluate import Work
from penna.automl.search_loop import Goal, Progress
from penna.budget import Budget, Deadline, Resources
from penna.data.splits import Plan
from penna.data.table import Table
from penna.fit_options import AUTO
from penna.preprocessing import label_noise as doubt
from penna.search.trials import Ledger
from penna.tasks.base import Task

#: The share of the budget in which columns are shuffled once all is done, and the most seconds of it.
_TELLING, _LONGEST = 0.02, 10.0
#: The share of the budget in which last steps may be found, and the least seconds of it.
_ADJUSTING, _SHORTEST = 0.02, 1.0


def header(table: Table, task: Task, plan: Plan, seed: int) -> dict[str, Any]:
    """What must be the same for a run to be resumed."""
    return {
        "table": table.fingerprint,
        "task": task.name,
        "metric": task.metric,
        "exam_rows": len(plan.exam),
        "folds": len(plan.first_round),
        "seed": seed,
    }


def work(
    task: Task, table: Table, plan: Plan, deadline: Deadline, encoders: Sequence[str], asked: Mapping[str, Any]
) -> Work:
    """Task, rows and folds, and what families may know of them; ``asked`` are AutoText's parameters."""
    profile = replace(
        inputs.profile(table.take(plan.search), task, asked["clean"]),
        encoders=tuple(encoders),
        seconds=deadline.seconds,
        folds=len(plan.first_round),
        again=plan.again,
        seed=asked["seed"],
        noise=asked["label_noise"],
    )
    budget = Budget(deadline.seconds, asked["max_mb"], asked["max_ms"])
    return Work(task, table, plan.folds, profile, budget, asked["label_noise"])


def say(work: Work, progress: Progress) -> None:
    """Tell of what was asked for and cannot be heeded."""
    if work.noise in (doubt.WEIGHT, doubt.DROP) and not label_noise.able(work) and tasks.mixes(work.task):
        why = "rows that have a text and one label each can be doubted, and no others: all are kept"
        progress.event("skipped", name=f"label noise {work.noise}", reason=why)


def goal(
    folder: Path, deadline: Deadline, ledger: Ledger, table: Table, exam_rows: int, asked: Mapping[str, Any]
) -> Goal:
    """Where to write, and by when."""
    adjusting = max(_SHORTEST, _ADJUSTING * deadline.seconds) if asked["adjust"] == AUTO else 0.0
    if ledger.trials:  # a resumed run that has used up its budget may still finish
        deadline = Deadline(max(deadline.seconds, deadline.spent() + PLAIN_FINISHING + adjusting), deadline.started)
    telling = min(_TELLING * deadline.seconds, _LONGEST) if len(table.text) + len(table.columns) > 1 else 0.0
    deadline = deadline.before(telling)
    resources = Resources(environment.cache_folder(), deadline, asked["threads"] or hardware.cores())
    facts: dict[str, Any] = {"text_columns": list(table.text), "target": table.target_columns, "seed": asked["seed"]}
    if table.pair is not None:
        facts["pair"] = True
    if table.fields:
        facts["columns"] = [{"name": n, "role": f.role, "form": f.form} for n, f in table.fields.items()]
    return Goal(folder, deadline, resources, exam_rows, facts, telling, adjusting)
