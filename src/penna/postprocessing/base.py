"""Post-processing steps: transforms of a model's outputs, fitted on rows that the model was not fitted on.

One file each; the folder is the registry. Light: serving opens these files.

A file here offers ``OUTPUT_KINDS`` (the outputs that it takes), ``AIM`` (what it is to better, None for the
metric that was chosen), ``LEAST_ROWS`` to learn from, ``CALLS`` of the score that it takes, where these are few,
``fit(y, outputs, score) -> Adjustment`` and ``make(values) -> Adjustment``, which checks what was stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from penna import plugins
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind

Score = Callable[[Array, Array], float]
ROOM = "postprocessing"
#: How often finding a step asks for the score on all rows, or what takes as long.
CALLS = 400


class Adjustment(Protocol):
    """A fitted post-processing step.

    Immutable; rows do not meet, so that a row is answered alike alone and in a file.
    """

    @property
    def name(self) -> str:
        """The name of its module."""
        ...

    def __call__(self, outputs: Array) -> Array:
        """(n, k) float32 probabilities from such."""
        ...

    def values(self) -> Any:
        """Return what was learned, as JSON."""
        ...


@dataclass(frozen=True)
class StepType:
    """The members of a post-processing step's module, with a documented default for every optional one."""

    name: str
    #: The score that the step is fitted for; None for the task's own metric.
    AIM: Score | None
    #: Fewest rows that it can be fitted on.
    LEAST_ROWS: int
    #: Kinds of output that it takes; () for a step that a task asks for, and no search tries.
    OUTPUT_KINDS: tuple[OutputKind, ...]
    #: ``fit(y, outputs, score)`` returns the fitted step.
    fit: Callable[[Array, Array, Score], Adjustment]
    #: ``make(values)`` returns the step that was stored as ``values``. Raises ValueError or TypeError.
    make: Callable[[Any], Adjustment]
    #: What it does, in the report.
    MEANING: str = ""
    #: Calls of ``score`` that ``fit`` makes, or work that takes as long.
    CALLS: int = CALLS


def step_type(name: str) -> StepType:
    """Return the step type called ``name``. Raises SettingError if there is none."""
    return plugins.adapt(StepType, ROOM, name)


def kinds(output_kind: OutputKind, rows: int) -> list[StepType]:
    """Return every step that can be fitted on this many rows of outputs of this kind."""
    types = [step_type(name) for name in plugins.names(ROOM)]
    return [one for one in types if output_kind in one.OUTPUT_KINDS and rows >= one.LEAST_ROWS]


def apply(steps: Sequence[Adjustment], outputs: Array) -> Array:
    """(n, k) outputs after every step."""
    for step in steps:
        outputs = step(outputs)
    return outputs


def to_json(step: Adjustment) -> dict[str, Any]:
    """Return a JSON-able form."""
    return {"step": step.name, "values": step.values()}


def from_json(data: Mapping[str, Any]) -> Adjustment:
    """Return what ``to_json`` wrote. Raises SettingError for a step that this Penna lacks, ValueError for damage."""
    step: Adjustment = step_type(str(data["step"])).make(data["values"])
    return step


@runtime_checkable
class Rejecting(Protocol):
    """A step that predicts class ``column`` if no other class is likely."""

    column: int


def suits(step: Adjustment, task: Any) -> bool:
    """Whether a step is made for outputs of this task; one that rejects, for the class that the task rejects with."""
    output_kinds = step_type(step.name).OUTPUT_KINDS
    if output_kinds:
        return task.output_kind in output_kinds
    return isinstance(step, Rejecting) and step.column == task.oos_index


def same(outputs: Array, columns: int) -> Array:
    """Return the outputs.

    Raises ValueError unless they have so many columns: NumPy would stretch what is one column wide.
    """
    if outputs.shape[1] != columns:
        raise ValueError(f"a post-processing step is made for {columns} columns, and the model has {outputs.shape[1]}")
    return outputs


def numbers(values: Any, shape: tuple[int | None, ...]) -> Array:
    """Return stored numbers as an array of this shape (None: any length). Raises ValueError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (OverflowError, TypeError):  # a whole number of many digits; a list with a name in it
        raise ValueError("the numbers of a post-processing step are none") from None
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or not array.size or not np.isfinite(array).all():
        raise ValueError("the numbers of a post-processing step are not finite, or not of its form")
    return array


def normal(outputs: Array) -> Array:
    """(n, k) float32 rows that sum to one.

    >>> normal(np.array([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    total = outputs.sum(axis=1, keepdims=True)
    even = np.full_like(outputs, 1 / outputs.shape[1])
    return np.asarray(np.divide(outputs, total, out=even, where=total > 0), np.float32)
