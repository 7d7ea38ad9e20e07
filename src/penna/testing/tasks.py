"""The contract of a task: it is plain JSON, matches its own tables, and its scores, answers and baseline agree."""

import json

import numpy as np

from penna import tasks
from penna.data import ragged
from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import SettingError, TaskError
from penna.tasks.base import Task, task_type


def random_outputs(task: Task, table: Table, seed: int = 0) -> Array:
    """Return outputs as a model of this task may give them, drawn at random.

    Parameters
    ----------
    task : Task
        The task of the table.
    table : Table
        Rows to predict.
    seed : int
        Seed of the draw.

    Returns
    -------
    Array
        (n, columns) float32 whose rows add up to one; or (n,) of such arrays if the task is about parts of texts.

    Examples
    --------
    >>> from penna.testing import classes_table
    >>> table = classes_table(6, classes=3)
    >>> random_outputs(tasks.find("classification", table), table).shape
    (6, 3)
    """
    even = task.broadcast(np.ones(task.columns, np.float32), table)
    flat, offsets = ragged.flat(even)
    values: Array = np.asarray(np.random.default_rng(seed).random(flat.shape), np.float32)
    values /= values.sum(axis=1, keepdims=True)
    return ragged.cut(values, offsets) if even.dtype == object else values


def check_task(name: str, table: Table) -> None:
    """Check everything that a task has to keep.

    Parameters
    ----------
    name : str
        The task's name.
    table : Table
        A few rows with a target of this task. Training can use each of them, so that a class has two rows or more.

    Raises
    ------
    AssertionError
        For the first thing that does not hold.

    Examples
    --------
    >>> from penna.testing import classes_table
    >>> check_task("classification", classes_table(12))
    """
    task = tasks.find(name, table)
    again = tasks.restore(json.loads(json.dumps(task.to_json())))
    assert (again, again.classes) == (task, task.classes), f"{name} differs after JSON"
    assert task_type(name).matches(table), f"{name} does not match its own table"
    _check_target(task, table)
    _check_scores(task, table)
    described = set(task.describe())
    assert described == {"model", "answer", "confidence", "unusable"}, f"{name} describes {sorted(described)}"
    _check_refusals(name, table)


def _check_target(task: Task, table: Table) -> None:
    """Check that every row can be used, and that predictions have the form of the target."""
    assert table.target is not None, "the table has no target"
    assert task.usable(table).all(), f"{task.name} cannot use rows of its own table"
    kept, findings = task_type(task.name).prepare_target(table)
    assert findings == [], f"{task.name} objects to a sound table: {findings}"
    assert kept.target is not None
    assert kept.target.tolist() == table.target.tolist(), f"{task.name} changes a sound target"
    restored = task.sklearn_score(list(table.target), list(task.labels(task.encode(table))))
    assert abs(restored - 1) < 1e-6, f"{task.name}: encoding and decoding a target scores {restored:g}"


def _check_scores(task: Task, table: Table) -> None:
    """Scores are repeatable numbers, measures are JSON, and there is one answer for each row."""
    name, y, outputs = task.name, task.encode(table), random_outputs(task, table)
    assert isinstance(task.score(y, outputs), float), f"{name}: its score is no float"
    assert isinstance(task.without_postprocessing().score(y, outputs), float), f"{name}: its score is no float"
    assert task.score_error(y, outputs) == task.score_error(y, outputs), f"{name}: the error of its score varies"
    measured = task.measure(y, outputs)
    assert json.loads(json.dumps(measured)) == measured, f"{name}: its measures are not plain JSON"
    answers = task.decode(outputs)
    lengths = {len(task.strata(table)), len(answers), len(task.to_flat_cells(list(answers)))}
    assert lengths == {len(table)}, f"{name}: {len(table)} rows have {lengths} strata, answers or cells"
    baseline, guess = task.constant_baseline(y)
    assert baseline, f"{name}: its baseline has no name"
    assert guess.shape == (task.columns,), f"{name}: its baseline has the shape {guess.shape}"


def _check_refusals(name: str, table: Table) -> None:
    """No rows and an unknown metric are errors of Penna."""
    for given, metric, error in ((table.take(np.arange(0)), None, TaskError), (table, "no such metric", SettingError)):
        try:
            tasks.find(name, given, metric)
        except error:
            continue
        raise AssertionError(f"{name} accepts {'no rows' if metric is None else 'an unknown metric'}")
