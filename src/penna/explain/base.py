"""Explanations of predictions by words and columns, in the units of the prediction.

Knows a fitted model, a task and a table; neither an artifact nor a search. Loads no torch where the model does without.

Linear models are taken apart exactly (``exact``); any other is run again without each word and each column
(``occlusion``). Both see the whole model, from the row as the user gave it to the answer after its post-processing
steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from penna.data.table import Table
from penna.errors import SettingError, TaskError
from penna.explain import linear, occlusion
from penna.explain.values import Gram, Moves, Part, Word
from penna.models.base import Model
from penna.tasks.base import Task

__all__ = ["Explanation", "Gram", "Part", "Word", "explain"]


@dataclass(frozen=True)
class Explanation:
    """One row.

    ``output`` is the probability of ``label``, or the number that is answered (then ``label`` is None); ``base`` is
    what it is of a row that says nothing, and between the two lies what each part ``moved``.

    answer     what ``predict`` says
    texts      text column -> its text, which the places of ``words`` count in
    words      every word, in order
    columns    the columns: those other than the text, and texts as a whole
    grams      of a linear model: its n-grams, the strongest first
    rest       what no part moved alone: what they do together, and (exact) what has no place in the text
    how        "exact" or "occlusion"
    margin     of a linear model: the sum behind ``output``, ``intercept`` and what each part adds
    """

    row: int
    answer: Any
    label: Any
    output: float
    base: float
    texts: Mapping[str, str]
    words: tuple[Word, ...]
    columns: tuple[Part, ...]
    grams: tuple[Gram, ...]
    rest: float
    how: str
    margin: float | None = None
    intercept: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return asdict(self)


def explain(model: Model, task: Task, table: Table, label: Any = None) -> list[Explanation]:
    """Return what moved the answer to each row.

    Towards ``label``, or towards what was answered (of several labels, the likeliest).

    Raises SettingError for a label that the task does not have, TaskError where answers are neither labels nor numbers.
    """
    outputs = model.outputs(table)
    # A label that no row has taught is a column of its own only once post-processing steps are taken.
    if np.ndim(outputs) != 2 or outputs.shape[1] not in (task.columns, len(task.classes)):
        raise TaskError(
            "this model answers with parts of texts, or with texts, and only labels and numbers can be explained: "
            "look at what predict says."
        )
    column = None if label is None else _place(task.classes[: outputs.shape[1]], label)
    answers = task.decode(outputs)
    made = []
    for i in range(len(table)):
        j = int(outputs[i].argmax()) if column is None else column
        row = table.take(np.array([i]))
        moves = linear.moves(model, row, outputs[i], j)
        moves = moves or occlusion.moves(model, row, outputs[i], j, probable=bool(task.classes))
        made.append(_explanation(task, row, j, answers[i], moves))
    return made


def _place(labels: Sequence[Any], label: Any) -> int:
    """Return the column of a label. Raises SettingError."""
    if not labels:
        raise SettingError(f"this model answers with a number, which has no label {label!r}: leave the label out.")
    for j, known in enumerate(labels):
        if known == label or str(known) == str(label):
            return j
    some = ", ".join(map(str, labels[:10])) + (" ..." if len(labels) > 10 else "")
    raise SettingError(f"there is no label {label!r}: choose one of {some}.")


def _explanation(task: Task, row: Table, j: int, answer: Any, moves: Moves) -> Explanation:
    start, scale = _units(task)
    made = moves.scaled(scale)
    return Explanation(
        row=int(row.rows[0]) if len(row.rows) else 1,
        answer=answer,
        label=task.classes[j] if task.classes else None,
        output=start + made.output,
        base=start + made.base,
        texts={name: str(cells[0]) for name, cells in row.text.items()},
        words=made.words,
        columns=made.columns,
        grams=made.grams,
        rest=made.output - made.base - sum(word.moved for word in made.words) - made.columns_moved(),
        how=made.how,
        margin=made.margin,
        intercept=made.intercept,
    )


def _units(task: Task) -> tuple[float, float]:
    """Return the offset and the scale from outputs to the user's own units."""
    if task.classes:
        return 0.0, 1.0
    zero, one = task.labels(np.array([0.0, 1.0])).tolist()
    return float(zero), float(one) - float(zero)
