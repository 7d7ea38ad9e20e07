"""Set up a search: its problem, its folder, its limits, and the facts that a resumed run must share with it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penna import environment, hardware, tasks
from penna.automl import elapsed_time, label_noise
from penna.automl.cost_model import PLAIN_FINISHING
from penna.automl.evaluate import SearchProblem
from penna.automl.run_limits import Progress, RunLimits
from penna.budget import Budget, Deadline, Resources
from penna.data.splits import Plan
from penna.data.table import Table
from penna.errors import RunError, SettingError
from penna.fit_config import FitConfig
from penna.option_checks import AUTO
from penna.preprocessing import label_noise as treatments
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import offered
from penna.search import trials
from penna.search.recipe import DatasetProfile
from penna.search.trials import TrialLog
from penna.tasks.base import Task

#: Share of the budget for column importances after the fit, and their most seconds.
_REPORTING, _LONGEST = 0.02, 10.0
#: Share of the budget for post-processing steps, and their least seconds.
_POSTPROCESSING, _SHORTEST = 0.02, 1.0
#: Characters that 128 tokens of most languages do not hold.
LONG_TEXT = 600
#: Files of a run that was stopped before its first trial.
BEFORE_A_RUN = {trials.FILE, trials.PART, elapsed_time.FILE}


def check_folds(requested: int | None, found: int) -> None:
    """Raise SettingError where rows, or groups of them, fill fewer folds than were requested."""
    if requested is not None and found < requested:
        raise SettingError(f"--cv {requested} cannot work: the rows, or groups of them, fill {found}; give fewer.")


def run_folder(folder: Path, resume: bool) -> Path:
    """Return the folder to write a run to; with ``resume``, one that holds a run, or nothing yet.

    A supervisor can repeat one command. Raises RunError where it holds something else.
    """
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another --out.")
    holds_run = trials.begun(folder)
    if resume and not holds_run and there - BEFORE_A_RUN:
        raise RunError(f"{folder} holds no run to resume, but other files: choose another --out.")
    if not resume and (holds_run or there - BEFORE_A_RUN):
        raise RunError(f"{folder} exists already: choose another --out, or pass --resume to go on with it.")
    return folder


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
    task: Task, table: Table, plan: Plan, deadline: Deadline, encoders: Sequence[str], config: FitConfig
) -> SearchProblem:
    """Return task, rows and folds, and the profile that families see."""
    profile = replace(
        dataset_profile(table.take(plan.search), task, config.text_cleaning),
        encoders=tuple(encoders),
        seconds=deadline.seconds,
        folds=len(plan.first_round),
        again=plan.again,
        seed=config.random_state,
        noise=config.label_noise,
    )
    budget = Budget(deadline.seconds, config.max_size_mb, config.max_latency_ms)
    return SearchProblem(task, table, plan.folds, profile, budget, config.label_noise)


def warn_unsupported(problem: SearchProblem, progress: Progress) -> None:
    """Warn about requested options that cannot be honored."""
    if (
        problem.noise in (treatments.WEIGHT, treatments.DROP)
        and not label_noise.able(problem)
        and problem.task.can_ensemble
    ):
        why = "labels can be suspicious only in rows of a text and one label: all rows are kept"
        progress.event("skipped", name=f"label noise {problem.noise}", reason=why)


def limits(
    folder: Path, deadline: Deadline, trial_log: TrialLog, table: Table, test_rows: int, config: FitConfig
) -> RunLimits:
    """Return where the run writes, and until when."""
    postprocess_seconds = max(_SHORTEST, _POSTPROCESSING * deadline.seconds) if config.postprocess == AUTO else 0.0
    if trial_log.trials:  # a resumed run that has used up its budget may still finish
        deadline = Deadline(
            max(deadline.seconds, deadline.spent() + PLAIN_FINISHING + postprocess_seconds), deadline.started
        )
    report_seconds = min(_REPORTING * deadline.seconds, _LONGEST) if len(table.text) + len(table.columns) > 1 else 0.0
    deadline = deadline.before(report_seconds)
    resources = Resources(environment.cache_folder(), deadline, config.n_jobs or hardware.cores())
    facts: dict[str, Any] = {
        "text_columns": list(table.text),
        "target": table.target_columns,
        "seed": config.random_state,
    }
    if table.pair is not None:
        facts["pair"] = True
    if table.fields:
        facts["columns"] = [{"name": n, "role": f.role, "form": f.form} for n, f in table.fields.items()]
    return RunLimits(
        folder,
        deadline,
        resources,
        test_rows,
        facts,
        report_seconds,
        postprocess_seconds,
        config.runner,
        config.exporter,
        config.precision,
        config.tolerance,
    )


def dataset_profile(table: Table, task: Task, clean: str) -> DatasetProfile:
    """Return the sizes of the searched rows, which are all that families may know of them."""
    as_is = tasks.task_type(task.name).IS_SPAN_TASK
    if as_is and clean not in (AUTO, NONE):
        kind = task.describe()["model"]
        raise SettingError(f"clean={clean!r} changes texts, which a {kind} reads as they are: say none.")
    texts = table.full_text[:20_000]
    numbers = [table.columns[name] for name, field in table.fields.items() if field.role == "numeric"]
    return DatasetProfile(
        rows=len(table),
        classes=task.columns,
        rows_in_smallest_class=int(np.unique(task.strata(table), return_counts=True)[1].min()),
        mean_characters=float(np.mean([len(text) for text in texts])),
        cleanings=offered(table, clean) if table.text and not as_is else (),
        output_kind=task.output_kind,
        columns=len(table.columns),
        numbers=len(numbers),
        gaps=sum(bool(np.isnan(cells).any()) for cells in numbers),
        blank=float(np.mean([not text or text.isspace() for text in texts])),
        pair=table.pair is not None,
        long=float(np.mean([len(text) > LONG_TEXT for text in texts])),
    )
