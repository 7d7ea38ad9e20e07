"""Explanations of any model: it predicts again without each word, each column and each text.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2; of words, Li, Monroe and
Jurafsky 2016, "Understanding Neural Networks through Representation Erasure"; of columns, Robnik-Sikonja and Kononenko
2008, "Explaining Classifications For Individual Instances", whose weight of evidence is how probabilities are compared:
of a model that is sure, one word less changes hardly more than the last digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.explain import word_spans
from penna.explain.values import Moves, Part, Word
from penna.explain.word_spans import Span
from penna.models.base import Model
from penna.preprocessing.columns import types

#: Column -> the cell that stands there in place of the row's own.
Change: TypeAlias = Mapping[str, Any]

#: The value of what the row does not have, but the model makes of it: counts of a text, numbers seen together.
MADE = "…"
#: Rows run at once.
_BATCH = 64
#: Words of a row that are left out one by one, and the fewest groups of words of a very long one.
_MOST, _FEWEST = 256, 32
#: Characters that are read for a row, all in all: a book is not read 256 times.
_READ = 4_000_000
#: Nothing is taken for surer than this: rounding would speak.
_SURE = 1e-5


def moves(model: Model, row: Table, outputs: Array, j: int, probable: bool) -> Moves:
    """``row``: a table of one row, whose (columns,) ``outputs`` are known; ``j``: the column to explain.

    ``probable``: outputs are probabilities.
    """
    stretches = [(name, span) for name, spans in _stretches(row).items() for span in spans]
    nothing = _nothing(row)
    changes: list[Change] = [{name: _without(row, name, span)} for name, span in stretches]
    parts = list(nothing) if len(nothing) > 1 else []
    changes += [{name: nothing[name]} for name in parts]
    answers = _asked(model, row, [*changes, nothing])[:, j].astype(np.float64)
    output, base = float(outputs[j]), float(answers[-1])
    moved = (_evidence(output, answers, base) if probable else output - answers).tolist()
    return Moves(
        output,
        base,
        tuple(word(row, name, span, by) for (name, span), by in zip(stretches, moved, strict=False)),
        tuple(part(row, name, by) for name, by in zip(parts, moved[len(stretches) :], strict=False)),
        "occlusion",
    )


def _evidence(output: float, answers: Array, base: float) -> Array:
    """(n,) differences of log-odds between an output and others, in the units of probabilities.

    Times the mean slope on the way from ``base`` to ``output``.

    >>> _evidence(0.9, np.array([0.5, 0.9]), 0.5).round(3).tolist()
    [0.4, 0.0]
    """
    here, others, start = (np.log(p / (1 - p)) for p in (np.clip(p, _SURE, 1 - _SURE) for p in (output, answers, base)))
    way = here - start
    slope = (output - base) / way if abs(way) > _SURE else output * (1 - output)
    return np.asarray((here - others) * slope)


def word(row: Table, name: str, span: Span, moved: float, margin: float | None = None) -> Word:
    """Return a stretch of a row's text as a word that moved the answer."""
    return Word(name, *span, str(row.text[name][0])[slice(*span)], moved, margin)


def part(row: Table, name: str, moved: float, margin: float | None = None) -> Part:
    """Return a row's cell, a column or a text, as a part that moved the answer."""
    if name in row.text:
        return Part(name, "", moved, True, margin)
    field = row.fields.get(name)
    value = types.find(field.role).written(row.columns[name])[0] if field else MADE
    return Part(name, value, moved, False, margin)


def _stretches(row: Table) -> dict[str, list[Span]]:
    """Return the words of each text, or groups of neighbours where there are very many."""
    found = {name: word_spans.spans(str(cells[0])) for name, cells in row.text.items()}
    characters, several = sum(len(str(cells[0])) for cells in row.text.values()), sum(map(len, found.values()))
    most = min(_MOST, max(_FEWEST, _READ // max(characters, 1)))
    if several <= most:
        return found
    return {name: word_spans.grouped(spans, max(1, most * len(spans) // several)) for name, spans in found.items()}


def _nothing(row: Table) -> dict[str, Any]:
    """Return a row that says nothing, cell by cell."""
    return dict.fromkeys(row.text, "") | {n: types.find(f.role).blank(1)[0] for n, f in row.fields.items()}


def _without(row: Table, name: str, span: Span) -> str:
    text = str(row.text[name][0])
    return text[: span[0]] + text[span[1] :]


def _asked(model: Model, row: Table, changes: Sequence[Change]) -> Array:
    """Return (changes, columns): what the model answers to the row with each of them."""
    parts = [np.asarray(model.outputs(_changed(row, changes[i : i + _BATCH]))) for i in range(0, len(changes), _BATCH)]
    return np.concatenate(parts)


def _changed(row: Table, changes: Sequence[Change]) -> Table:
    """Return the row once for each change. Made anew, because a table that is cut keeps the hashes of its texts."""
    again = row.take(np.zeros(len(changes), np.int64))
    cells = {**again.columns, **again.text}  # arrays that nobody else has
    for i, change in enumerate(changes):
        for name, cell in change.items():
            cells[name][i] = cell
    return replace(again)
