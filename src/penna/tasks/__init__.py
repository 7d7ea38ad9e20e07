"""Tasks: what is asked of a table. One file each; the folder is the registry.

A task file offers ``recognise(table) -> bool``, ``make(table, metric) -> Task`` and ``restore(data) -> Task``.
No other room branches on the name of a task.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.errors import SettingError, TaskError
from penna.table import Objects, Table

Array = np.ndarray[Any, Any]


class Task(Protocol):
    """Target codec, loss, decoding, metrics and strata of one piece of work. Immutable; JSON through ``to_json``."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, sorted; column j of every output belongs to ``classes[j]``."""
        ...

    @property
    def metric(self) -> str: ...
    @property
    def loss(self) -> str:
        """Name of the loss that a training loop minimises: ``"cross_entropy"``."""
        ...

    def encode(self, table: Table) -> Array:
        """(n,) int64 class indices of the table's target. Raises TaskError for a label never seen."""
        ...

    def score(self, y: Array, outputs: Array) -> float:
        """The metric, higher is better; y (n,) class indices, outputs (n, k) probabilities."""
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
        """(n,) labels in the user's own type, from (n, k) outputs."""
        ...

    def to_json(self) -> dict[str, Any]: ...


def find(name: str, table: Table, metric: str | None = None) -> Task:
    """The task called ``name``, or with ``"auto"`` the first whose file recognises the table."""
    candidates: Sequence[str] = plugins.names("tasks") if name == "auto" else [name]
    for candidate in candidates:
        module = plugins.find("tasks", candidate)
        if name != "auto" or module.recognise(table):
            task: Task = module.make(table, metric)
            return task
    raise TaskError(f"no task fits column {table.target_name!r}: say which with --task.")


def restore(data: Mapping[str, Any]) -> Task:
    """A task from what its ``to_json`` wrote."""
    try:
        task: Task = plugins.find("tasks", str(data["name"])).restore(data)
    except (KeyError, SettingError) as error:
        raise TaskError(f"the artefact's task cannot be restored ({error}): it comes from another version.") from error
    return task
