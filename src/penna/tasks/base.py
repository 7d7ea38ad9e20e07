"""Tasks: what is asked of a table. One file each; the folder is the registry.

A task file offers ``recognise(table) -> bool``, ``inferred(table) -> str`` (why, or ""), ``settle(table, rare)`` (the
rows that can be learnt from, and findings), ``make(table, metric) -> Task``, ``restore(data) -> Task``, its ``METRICS``
by name and what scikit-learn calls its ``ESTIMATOR``. One may offer ``cells_of(table)``, the table with its target's
cells as the task takes them, before rows without a target are left out; and ``FAMILIES``, the files in ``models/`` that
stand for a family's name in this task. One whose answers are about parts of a text says so (``AS_IS``); its Task then
offers ``placed``, ``spread``, ``counts`` and ``mistakes`` beside what the Protocol asks. One whose answers take long
says how many rows a search should choose by (``MOST_VALID``). A Task whose ``score`` supposes that last steps will come
says so (``adjusted``), and ``as_served`` is the same without; one that takes numbers from rows takes them from those
that are searched (``learnt``). No other room branches on the name of a task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array
from penna.data.table import Objects, Table
from penna.errors import SettingError, TaskError


class Task(Protocol):
    """Target codec, loss, decoding, metrics and strata of one piece of work. Immutable; JSON through ``to_json``."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, sorted; column j of every output belongs to ``classes[j]``. None where a number is asked for."""
        ...

    @property
    def columns(self) -> int:
        """Columns of every output: one for each class, or one for a number."""
        ...

    @property
    def metric(self) -> str: ...
    @property
    def loss(self) -> str:
        """Name of the loss to minimise, which says what ``encode`` and outputs are.

        "cross_entropy": class indices (int64) and probabilities; "squared": numbers of about unit size (float64), and
        answers in the same units; "binary_cross_entropy": (n, columns) float32 of 0 and 1, and the probability of each;
        "tags", "span", "translation": rows and outputs are arrays of their own (``ragged``): a class index and
        probabilities for each word; an answer's ``Truth`` and how likely each word begins and ends one; characters.
        """
        ...

    @property
    def blank(self) -> bool:
        """Whether an empty cell of the target is an answer of its own."""
        ...

    def encode(self, table: Table) -> Array:
        """(n,) the table's target as ``loss`` says. Raises TaskError for what cannot be encoded, naming rows."""
        ...

    def labels(self, y: Array) -> Objects:
        """(n,) what ``encode`` was given: labels, tuples of them, or numbers in the user's own units."""
        ...

    def usable(self, table: Table) -> Array:
        """(n,) bool: whose target ``encode`` takes."""
        ...

    def score(self, y: Array, outputs: Array) -> float:
        """The metric, higher is better; y (n,) as ``encode`` gives it, outputs (n, columns)."""
        ...

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Bootstrap standard error of ``score``."""
        ...

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """Every metric of the task by name, with ``[value, low, high]`` bootstrap intervals, and tables by class."""
        ...

    def strata(self, table: Table) -> Array:
        """(n,) int64: splits keep the shares of these."""
        ...

    def decode(self, outputs: Array) -> Objects:
        """(n,) labels in the user's own type, tuples of them, or numbers in the user's own units, from (n, columns)."""
        ...

    def written(self, answers: Sequence[Any]) -> list[Any]:
        """Decoded answers as cells of a file that holds no lists."""
        ...

    def probabilities(self, outputs: Array) -> Array:
        """(n, classes) from outputs. Raises TaskError where there are none."""
        ...

    def guess(self, y: Array) -> tuple[str, Array]:
        """What one would answer without reading: its name, and the (columns,) output, from encoded training rows."""
        ...

    def agreement(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """What scikit-learn's ``score`` is for such an estimator, of decoded answers."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Phrases for the model card: what the "model" is, what it "answer"s with, how to read its "doubt";

        and why rows of a test table are "unusable".
        """
        ...

    def to_json(self) -> dict[str, Any]: ...


def recognised(name: str, table: Table, metric: str | None = None) -> tuple[ModuleType, str]:
    """The task file called ``name``, or with ``"auto"`` the first that recognises the table; of plain cells the one
    that has the metric.

    With it comes what there is to say of how it was recognised.
    """
    if name != "auto":
        return plugins.find("tasks", name), ""
    modules = [plugins.find("tasks", candidate) for candidate in plugins.names("tasks")]
    # A target that marks parts of its text would pass for a list of labels: the text tells.
    found = next((m for m in sorted(modules, key=lambda m: not parts(m)) if m.recognise(table)), None)
    if found is None:
        raise TaskError(f"no task fits column {table.target_name!r}: say which with --task.")
    able = [module for module in modules if metric in module.METRICS]
    if found not in able and len(able) == 1 and getattr(found, "PLAIN", False):
        return able[0], ""  # a metric that one task alone has says what is asked
    return found, found.inferred(table)


def parts(module: ModuleType) -> bool:
    """Whether a task's answers are about parts of a text, which is therefore read alone, and as it is."""
    return bool(getattr(module, "AS_IS", False))


def find(name: str, table: Table, metric: str | None = None) -> Task:
    """The task of this table, as ``recognised`` tells it."""
    task: Task = recognised(name, table, metric)[0].make(table, metric)
    return task


def placed(task: Task, answers: Objects, table: Table) -> Objects:
    """(n,) decoded answers in the coordinates of the texts, where they are about parts of these."""
    made: Objects = task.placed(answers, table) if hasattr(task, "placed") else answers
    return made


def given(task: Task, texts: Any) -> Any:
    """What was given to be answered, with lists of words as texts where the task reads such."""
    return task.given(texts) if hasattr(task, "given") else texts


def spread(task: Task, guess: Array, table: Table) -> Array:
    """The same (columns,) guess for every row; for every part of it, where parts are answered."""
    made: Array = task.spread(guess, table) if hasattr(task, "spread") else np.tile(guess, (len(table), 1))
    return made


def as_served(task: Task) -> Task:
    """The task judged by answers just as ``decode`` gives them: no last step is still to come."""
    return replace(task, adjusted=False) if hasattr(task, "adjusted") else task  # type: ignore[type-var]


def learnt(task: Task, table: Table) -> Task:
    """The task with what it takes from rows taken from these alone, where it takes more than labels."""
    made: Task = task.learnt(table) if hasattr(task, "learnt") else task
    return made


def mixes(task: Task) -> bool:
    """Whether the mean of several models' answers is an answer: of texts it is none."""
    return bool(getattr(task, "mixes", True))


def enough(task: Task) -> int | None:
    """How many rows a search should choose by, where answers take so long that it says so."""
    most: int | None = getattr(plugins.find("tasks", task.name), "MOST_VALID", None)
    return most


def taken(module: ModuleType, table: Table) -> Table:
    """The table with its target's cells as the task of this file takes them."""
    made: Table = module.cells_of(table) if hasattr(module, "cells_of") else table
    return made


def hint(module: ModuleType, table: Table) -> str:
    """What the target may be instead, as the task of this file sees it; "" where there is nothing to say."""
    return str(module.hint(table)) if hasattr(module, "hint") and table.target is not None else ""


def restore(data: Mapping[str, Any]) -> Task:
    """A task from what its ``to_json`` wrote."""
    try:
        task: Task = plugins.find("tasks", str(data["name"])).restore(data)
    except (KeyError, SettingError) as error:
        raise TaskError(f"the artefact's task cannot be restored ({error}): it comes from another version.") from error
    return task
