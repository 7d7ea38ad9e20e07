"""Last steps: what is done to a model's answers, learnt from answers on rows that it was not fitted on. One file each;
the folder is the registry. Light: serving opens these files.

A file here offers ``LOSSES`` (the tasks' losses whose outputs it suits), ``AIM`` (what it is to better, None for the
metric that was chosen), ``LEAST_ROWS`` to learn from, ``CALLS`` of the score that it takes, where these are few,
``fit(y, outputs, score) -> Adjustment`` and ``make(values) -> Adjustment``, which checks what was stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from penna import metrics, plugins
from penna.data.arrays import Array

Score = Callable[[Array, Array], float]
ROOM = "postprocessing"
#: How often finding a step asks for the score on all rows, or what takes as long.
CALLS = 400


class Adjustment(Protocol):
    """A fitted last step. Immutable; rows do not meet, so that a row is answered alike alone and in a file."""

    @property
    def name(self) -> str: ...
    def __call__(self, outputs: Array) -> Array:
        """(n, k) float32 probabilities from such."""
        ...

    def values(self) -> Any:
        """What was learnt, as JSON."""
        ...


@dataclass(frozen=True)
class Kind:
    """A file in this folder, by its name."""

    name: str
    aim: Score | None
    least_rows: int
    fit: Callable[[Array, Array, Score], Adjustment]
    calls: int = CALLS


def kinds(loss: str, rows: int) -> list[Kind]:
    """Every last step that can be learnt for outputs of this loss, from so many rows."""
    found = ((name, plugins.find(ROOM, name)) for name in plugins.names(ROOM))
    suited = [
        Kind(name, m.AIM, m.LEAST_ROWS, m.fit, getattr(m, "CALLS", CALLS)) for name, m in found if loss in m.LOSSES
    ]
    return [kind for kind in suited if rows >= kind.least_rows]


def sureness(y: Array, outputs: Array) -> float:
    """The aim of calibration: the log loss, higher is better."""
    return -metrics.log_loss(y, outputs)


def apply(steps: Sequence[Adjustment], outputs: Array) -> Array:
    """(n, k) outputs after every step."""
    for step in steps:
        outputs = step(outputs)
    return outputs


def to_json(step: Adjustment) -> dict[str, Any]:
    return {"step": step.name, "values": step.values()}


def from_json(data: Mapping[str, Any]) -> Adjustment:
    """What ``to_json`` wrote. Raises SettingError for a step that this Penna lacks, ValueError for damage."""
    step: Adjustment = plugins.find(ROOM, str(data["step"])).make(data["values"])
    return step


def suits(step: Adjustment, task: Any) -> bool:
    """Whether a step is made for outputs of this task; one that rejects, for the class that the task rejects with."""
    losses = plugins.find(ROOM, step.name).LOSSES
    return task.loss in losses if losses else getattr(step, "column", None) == getattr(task, "rejects", None)


def same(outputs: Array, columns: int) -> Array:
    """The outputs. Raises ValueError unless they have so many columns: NumPy would stretch what is one column wide."""
    if outputs.shape[1] != columns:
        raise ValueError(f"a last step is made for {columns} columns, and the model has {outputs.shape[1]}")
    return outputs


def numbers(values: Any, shape: tuple[int | None, ...]) -> Array:
    """Stored numbers as an array of this shape (None: any length). Raises ValueError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (OverflowError, TypeError):  # a whole number of many digits; a list with a name in it
        raise ValueError("the numbers of a last step are none") from None
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or not array.size or not np.isfinite(array).all():
        raise ValueError("the numbers of a last step are not finite, or not of its form")
    return array


def normal(outputs: Array) -> Array:
    """(n, k) float32 rows that sum to one.

    >>> normal(np.array([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    total = outputs.sum(axis=1, keepdims=True)
    even = np.full_like(outputs, 1 / outputs.shape[1])
    return np.asarray(np.divide(outputs, total, out=even, where=total > 0), np.float32)
