"""Read data into a table that can be used: infer the task, parse the target, drop what leaks it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from penna import tasks
from penna.data import readers
from penna.data.readers.read_table import INFERRED, Form
from penna.data.table import Finding, Table
from penna.errors import PennaError, TableError, TaskError
from penna.fit_config import FitConfig
from penna.preprocessing import data_findings, sample_weights, validate
from penna.preprocessing.columns import schema
from penna.preprocessing.data_findings import of_rows
from penna.tasks.base import Task, TaskType

#: In ``ignore_columns``: every column that is not text.
ALL = "*"


def read(source: Any, y: Any, config: FitConfig, sample_weight: Any = None) -> tuple[Table, Task, list[Finding]]:
    """Return the rows that can be used, their task, and findings about the rest.

    Parameters
    ----------
    source : str, path, DataFrame or sequence
        The data, in any form that ``penna.data.readers.read`` takes.
    y : object
        The labels, or the name of the target column, or names of several.
    config : FitConfig
        Names of columns, form of a file, task, metric, and treatment of rare classes.
    sample_weight : array-like of shape (n,) or str, optional
        Weights of the rows, or the name of their column.

    Raises
    ------
    TableError
        If the table cannot be used.
    TaskError
        If the target does not fit the task.
    """
    columns = {role: getattr(config, f"{role}_columns") for role in schema.NAMED}
    roles = schema.requested_roles(**columns, weight=sample_weights.named(config.weight_column, sample_weight))
    weight = sample_weights.column(roles, sample_weight)
    others: tuple[str, ...] | None = tuple(filter(None, [weight])) if roles.pop(ALL, None) else None
    by_name = isinstance(y, str)
    table, read_findings = readers.read(
        source, text=config.text, target=y if by_name else None, group=config.group_column, y=None if by_name else y,
        apart=tuple(roles), others=others, text_pair=config.text_pair, separator=config.separator,
        form=config.form, tag_names=config.tag_names,
    )  # fmt: skip
    if table.target is None:
        raise TableError("there are no labels: pass y, or name the target column (--target).")
    table, weight_findings = sample_weights.weighed(table, sample_weight if weight is None else weight)
    roles.pop(weight or "", None)
    table, type_findings = schema.typed(table, roles)
    _require_columns(table)
    task_type, inferred = tasks.recognised(config.task, table, config.metric)
    table = task_type.parse_target(table)
    table = schema.only(table, ()) if task_type.IS_SPAN_TASK else table
    try:
        table, row_findings = validate.check(table, rare=config.rare_classes, settle=task_type.prepare_target)
    except (TableError, TaskError) as error:
        raise data_findings.after(_with_hint(error, task_type.hint_for(table)), read_findings) from None
    task = _with_oos_label(task_type, task_type.from_table(table, config.metric), config.oos_label)
    if config.tag_names and not getattr(task, "names", ()):
        raise TaskError(
            f"--tag-names goes with tags that are whole numbers, and this task is {task.name}: leave it out."
        )
    table, leaks = schema.without_leaks(table, task.strata(table), roles)
    _require_columns(table, leaks)
    task_findings = [Finding("task", inferred)] if inferred else []
    return table, task, [*read_findings, *weight_findings, *type_findings, *task_findings, *row_findings, *leaks]


def _with_hint(error: PennaError, hint: str) -> PennaError:
    return type(error)(f"{error} {hint}") if hint else error


def _with_oos_label(task_type: TaskType, task: Task, label: Any) -> Task:
    """Return the task with a label for out-of-scope inputs. Raise TaskError if the task cannot have one."""
    if label is None:
        return task
    if task_type.with_oos_label is None:
        raise TaskError(f"--oos-label goes with one label a row, and this task is {task.name}: leave it out.")
    with_label: Task = task_type.with_oos_label(task, label)
    return with_label


def _require_columns(table: Table, leaks: Sequence[Finding] = ()) -> None:
    """Raise TableError if a table has neither text nor a column of use. ``leaks``: findings on columns left out."""
    if not table.text and not table.columns:
        if leaks:
            lost = ", ".join(repr(name) for finding in leaks for name in finding.columns)
            raise TableError(
                f"nothing is left to learn from: {lost} alone give away column {table.target_name!r} and are left out; "
                "name a text (--text), or, if they are known at prediction, their kind "
                "(--categorical-columns, --numeric-columns)."
            )
        columns = ", ".join(repr(name) for name in list(table.roles)[:10] if name != table.target_name)
        raise TableError(
            f"no column looks like text, and none of the others is of use ({columns}): name one or more (--text, "
            "--numeric-columns, --categorical-columns, --date-columns, --multi-value-columns)."
        )


def read_test_set(test: Any, table: Table, task: Task, form: Form = INFERRED) -> tuple[Table | None, list[Finding]]:
    """Return the rows of a test table that can be scored, and findings about the others."""
    if test is None:
        return None, []
    test_table, findings = readers.read(
        test, text=tuple(table.text), text_pair=table.pair and table.pair[1], target=table.target_columns,
        others=tuple(table.fields), form=form,
    )  # fmt: skip
    test_table, type_findings = schema.replay(test_table, table.fields)
    findings += [replace(finding, message=f"test rows: {finding.message}") for finding in type_findings]
    if test_table.target is None:
        raise TableError(f"the test table has no labels: it needs the column {table.target_name!r}.")
    usable, why = task.usable(test_table), task.describe()["unusable"]
    if not usable.any():
        raise TaskError(f"no row of the test table can be scored: of all, {why} ({table.target_name}).")
    unusable = test_table.rows[~usable]
    findings += of_rows("unknown_label", f"test rows left out because {why}", unusable, of=len(test_table))
    both = int(np.isin(test_table.hashes, table.hashes).sum())
    if both:
        message = f"test rows whose text is also in the training rows: {both}"
        findings.append(Finding("leak", message, both, (), "warning"))
    return test_table.take(np.flatnonzero(usable)), findings
