"""Tasks: what a model of a table predicts. One file each; the folder is the registry.

A task file defines the members of ``TaskType`` and a class for its ``Task``, which inherits from ``TaskDefaults``. No
other room branches on the name of a task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError


class Task(Protocol):
    """A fitted task: target codec, kind of output, decoding, metrics and strata. Immutable; JSON by ``to_json``."""

    @property
    def name(self) -> str:
        """Name of the task type."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, sorted; column j of every output belongs to ``classes[j]``. None where a number is requested."""
        ...

    @property
    def columns(self) -> int:
        """Columns of every output: one for each class, or one for a number."""
        ...

    @property
    def metric(self) -> str:
        """Name of the metric that the search optimizes."""
        ...

    @property
    def output_kind(self) -> OutputKind:
        """The kind of encoded targets and of outputs."""
        ...

    @property
    def allows_empty(self) -> bool:
        """Whether an empty cell of the target is an answer of its own."""
        ...

    def encode(self, table: Table) -> Array:
        """Return the target of the table as ``output_kind`` has it.

        Raises TaskError for what cannot be encoded, naming rows.
        """
        ...

    def labels(self, y: Array) -> Objects:
        """(n,) what ``encode`` was given: labels, tuples of them, or numbers in the user's own units."""
        ...

    def usable(self, table: Table) -> Array:
        """(n,) bool: whose target ``encode`` takes."""
        ...

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better; y (n,) as ``encode`` gives it, outputs (n, columns)."""
        ...

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Bootstrap standard error of ``score``."""
        ...

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """Return every metric as ``[value, low, high]`` with a bootstrap interval, and tables by class."""
        ...

    def strata(self, table: Table) -> Array:
        """(n,) int64: splits keep the shares of these."""
        ...

    def decode(self, outputs: Array) -> Objects:
        """(n,) labels in the user's own type, tuples of them, or numbers in the user's own units, from (n, columns)."""
        ...

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return decoded answers as cells of a file that holds no lists."""
        ...

    def probabilities(self, outputs: Array) -> Array:
        """(n, classes) from outputs. Raises TaskError where there are none."""
        ...

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return what one would answer without reading.

        Its name, and the (columns,) output, from encoded training rows.
        """
        ...

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """Return what scikit-learn's ``score`` is for such an estimator, of decoded answers."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Phrases for the model card: what the "model" is, what it "answer"s with, how to read its "confidence";.

        and why rows of a test table are "unusable".
        """
        ...

    can_ensemble: ClassVar[bool]

    # The optional members, with their defaults, are in ``TaskDefaults``.
    @property
    def oos_index(self) -> int | None:
        """Column of the out-of-scope class; None if there is none."""
        ...

    def fit_target(self, table: Table) -> "Task":
        """Return the task fitted on the rows of the search."""
        ...

    def without_postprocessing(self) -> "Task":
        """Return the task without steps such as thresholds."""
        ...

    def to_text_spans(self, answers: Any, table: Table) -> Objects:
        """Return predictions with offsets in the texts."""
        ...

    def parse_texts(self, texts: Any) -> Any:
        """Return texts in the form that the task reads."""
        ...

    def broadcast(self, guess: Array, table: Table) -> Array:
        """Return the output ``guess`` for every row."""
        ...

    def counts(self, table: Table) -> dict[str, int] | None:
        """Return the number of rows of each label; None if there are no labels."""
        ...

    def mistakes(self, test: Table, y: Array, outputs: Array, most: int = 20) -> list[dict[str, Any]] | None:
        """Return examples of wrong predictions for the report; None if the task has none."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
        ...


class TaskDefaults:
    """The optional members of a ``Task``, with what they are for a task that predicts one thing for each row."""

    #: Whether the mean of several models' outputs is a prediction. Texts have no mean.
    can_ensemble: ClassVar[bool] = True

    @property
    def oos_index(self) -> int | None:
        """The column of the out-of-scope label; None without one."""
        return None

    def fit_target(self, table: Table) -> Any:
        """Return the task with everything it takes from rows (scale, range, lengths) taken from these alone."""
        return self

    def without_postprocessing(self) -> Any:
        """Return the task whose ``score`` judges outputs as ``decode`` reads them, with no post-processing to come."""
        return self

    def to_text_spans(self, answers: Any, table: Table) -> Objects:
        """(n,) decoded answers with their positions in characters of the texts."""
        spans: Objects = answers
        return spans

    def parse_texts(self, texts: Any) -> Any:
        """Texts to predict as the task reads them; a tagger also takes lists of words."""
        return texts

    def broadcast(self, guess: Array, table: Table) -> Array:
        """(n, columns) the same (columns,) guess for every row, and for every part of a row if parts are predicted."""
        return np.tile(guess, (len(table), 1))

    def counts(self, table: Table) -> dict[str, int] | None:
        """Return number of rows or parts for each kind of answer; None if classes are counted."""
        return None

    def mistakes(self, test: Table, y: Array, outputs: Array, most: int = 20) -> list[dict[str, Any]] | None:
        """Return the worst answers about parts of texts, for the report; None if the report finds them itself."""
        return None


def _same_table(table: Table) -> Table:
    return table


def _no_hint(table: Table) -> str:
    return ""


@dataclass(frozen=True)
class TaskType:
    """The members of a task's module, with a documented default for every optional one.

    A task is a module ``penna/tasks/<name>.py``, or one under the entry point group ``penna.tasks``, that defines these
    names. ``task_type(name)`` reads it; nothing else probes for members.
    """

    name: str
    #: ``matches(table)``: whether the target looks like one of this task.
    matches: Callable[[Table], bool]
    #: ``inference_note(table)``: why, in one sentence for the user; "" if it needs no saying.
    inference_note: Callable[[Table], str]
    #: ``prepare_target(table, rare)`` returns the rows that can be used for training, and findings.
    prepare_target: Callable[..., tuple[Table, list[Finding]]]
    #: ``from_table(table, metric)`` returns the ``Task`` of a prepared table.
    from_table: Callable[..., Any]
    #: ``restore(data)`` returns the ``Task`` that ``to_json`` wrote.
    restore: Callable[[Mapping[str, Any]], Any]
    #: Names of its metrics, the default first.
    METRICS: tuple[str, ...]
    #: What scikit-learn calls an estimator of this task.
    ESTIMATOR_TYPE: str
    #: ``parse_target(table)`` parses the target's cells, before rows without a target are dropped.
    parse_target: Callable[[Table], Table] = _same_table
    #: ``hint(table)``: what the target may be instead; "" if there is nothing to say.
    hint: Callable[[Table], str] = _no_hint
    #: ``with_oos_label(task, label)`` returns the task with an out-of-scope label; None if it has no such thing.
    with_oos_label: Callable[[Any, Any], Any] | None = None
    #: Whether answers are about parts of a text, which is therefore read alone and uncleaned.
    IS_SPAN_TASK: bool = False
    #: Whether each cell of the target is one value, so that a metric alone can tell the task.
    IS_SCALAR: bool = False
    #: How many rows a search should validate on, because predicting takes long; None for all.
    MAX_VALIDATION_ROWS: int | None = None
    #: Families that take the place of others in this task: the user says "linear" and gets "crf".
    FAMILY_ALIASES: Mapping[str, str] = field(default_factory=dict)

    def hint_for(self, table: Table) -> str:
        """``hint``, or "" for a table without a target."""
        return self.hint(table) if table.target is not None else ""


@cache
def task_type(name: str) -> TaskType:
    """Return the task type called ``name``. Raises SettingError if there is none."""
    return plugins.adapt(TaskType, "tasks", name)


def recognised(name: str, table: Table, metric: str | None = None) -> tuple[TaskType, str]:
    """Return the task type called ``name``, or for ``"auto"`` the first that matches, and a note for the user.

    If the target's cells are single values, a metric that only one task has decides. Raises TaskError if none matches.
    """
    if name != "auto":
        return task_type(name), ""
    types = [task_type(candidate) for candidate in plugins.names("tasks")]
    # A target that marks parts of its text would pass for a list of labels: the text decides.
    found = next((t for t in sorted(types, key=lambda t: not t.IS_SPAN_TASK) if t.matches(table)), None)
    if found is None:
        raise TaskError(f"no task fits column {table.target_name!r}: name one with --task.")
    able = [one for one in types if metric in one.METRICS]
    if found not in able and len(able) == 1 and found.IS_SCALAR:
        return able[0], ""
    return found, found.inference_note(table)


def find(name: str, table: Table, metric: str | None = None) -> Task:
    """Return the task of this table, as ``recognised`` finds it."""
    task: Task = recognised(name, table, metric)[0].from_table(table, metric)
    return task


def restore(data: Mapping[str, Any]) -> Task:
    """Return a task from what its ``to_json`` wrote."""
    try:
        task: Task = task_type(str(data["name"])).restore(data)
    except (KeyError, SettingError) as error:
        raise TaskError(f"the artifact's task cannot be restored ({error}): it comes from another version.") from error
    return task
