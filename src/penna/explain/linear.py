"""Exact explanations of linear models with any stages around them, without another prediction.

What n-grams and columns add to the margins is known exactly. From margins to an answer leads a curve (a softmax, last
steps); along the straight way from the intercept to the row's margins, each part is given what its share of every step
changes (Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", whose integrated gradients these are).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from penna import postprocessing
from penna.data.arrays import Array
from penna.data.table import Table
from penna.explain import word_spans
from penna.explain.occlusion import part, word
from penna.explain.values import Gram, Moves, Part, Word
from penna.explain.word_spans import Span
from penna.models import pipeline
from penna.models.base import Model
from penna.models.linear.contributions import Additive, Terms

#: A model that answers otherwise than the sum of its terms (an empty text) is not taken apart.
_PARITY = 1e-3
#: Numbers that are looked at at once, which sets the steps of the way; how far to both sides a slope is taken.
_POINTS, _ASIDE = 1_000_000, 1e-2
#: N-grams that are kept.
_GRAMS = 100
#: What stands for all columns of numbers, where a model looks at them together.
TOGETHER = "(numbers together)"


def moves(model: Model, row: Table, outputs: Array, j: int) -> Moves | None:
    """``row``: a table of one row, whose (columns,) ``outputs`` are known; ``j``: the column to explain.

    None where the model is not linear.
    """
    outer = pipeline.stages(model)
    if outer.row or not isinstance(outer.model, Additive):
        return None
    read = outer.cleaning(row)
    terms = outer.model.terms(read)

    def answer(margins: Array) -> Array:
        return postprocessing.apply(outer.last, terms.link(margins))[:, j].astype(np.float64)

    ends = answer(np.stack([terms.intercept, terms.margins]))
    if abs(float(outputs[j]) - ends[1]) > _PARITY * max(1.0, abs(ends[1])):
        return None
    columns = terms.link(terms.margins[None]).shape[1]  # post-processing steps may add one
    weighing = _weighing(slopes(answer, terms.intercept, terms.margins), columns, j)
    return _moves(row, read, terms, weighing, (float(ends[1]), float(ends[0])))


def slopes(answer: Callable[[Array], Array], start: Array, end: Array) -> Array:
    """(k,) what an answer changes with each margin, on average of the way from ``start`` to ``end`` (k,).

    >>> slopes(lambda z: z @ np.array([1.0, 2.0]), np.zeros(2), np.ones(2)).round(6).tolist()
    [1.0, 2.0]
    """
    k = len(start)
    steps = int(np.clip(_POINTS // k**2, 16, 512))
    shares = (np.arange(steps) + 0.5) / steps
    aside, total = _ASIDE * np.eye(k), np.zeros(k)
    for some in np.array_split(shares, -(-steps * k**2 // _POINTS)):
        here = (start + some[:, None] * (end - start))[:, None, :]
        ups, downs = (answer((here + side).reshape(-1, k)).reshape(-1, k) for side in (aside, -aside))
        total += (ups - downs).sum(axis=0)
    return np.asarray(total / (2 * _ASIDE * steps))


@dataclass(frozen=True, eq=False)
class _Weighing:
    """The terms (..., k) of a prediction, and what they add to the margin of the label.

    That numbered ``place``, with its ``sign``; to none where margins are not those of labels.
    """

    slope: Array
    place: int | None
    sign: float

    def moved(self, added: Array) -> Array:
        return np.asarray(added @ self.slope)

    def margin(self, added: Array) -> Array | None:
        return None if self.place is None else self.sign * added[..., self.place]


def _weighing(slope: Array, columns: int, j: int) -> _Weighing:
    k = len(slope)
    if j >= columns:
        return _Weighing(slope, None, 0.0)
    if k == columns:
        return _Weighing(slope, j, 1.0)
    # One margin stands for two classes, and speaks for the second.
    return _Weighing(slope, 0, 1.0 if j else -1.0) if (k, columns) == (1, 2) else _Weighing(slope, None, 0.0)


def _moves(row: Table, read: Table, terms: Terms, weighing: _Weighing, ends: tuple[float, float]) -> Moves:
    found, texts = _words(row, read, terms, weighing)
    columns = [_part(row, name, added, weighing) for name, added in terms.columns.items() if name or added.any()]
    parts = [*texts, *columns] if len(texts) + len(columns) > 1 else columns
    margins = [weighing.margin(m) for m in (terms.margins, terms.intercept)]
    totals = [None if m is None else float(m) for m in margins]
    return Moves(*ends, tuple(found), tuple(parts), "exact", _grams(terms, weighing), *totals)


def _part(row: Table, name: str, added: Array, weighing: _Weighing) -> Part:
    margin = weighing.margin(added)
    return part(row, name or TOGETHER, float(weighing.moved(added)), None if margin is None else float(margin))


def _words(row: Table, read: Table, terms: Terms, weighing: _Weighing) -> tuple[list[Word], list[Part]]:
    """Return the moves of every word, and of each text as a whole.

    An n-gram's share is dealt out evenly to the words that it touches.
    """
    placed = [_Placed(name, str(row.text[name][0]), str(read.text[name][0])) for name in row.text]
    tokens: list[Span] = []
    at = 0
    for p in placed:
        at = max(terms.text.find(p.cleaned, at), at)
        tokens += [(i + at, j + at) for i, j in p.tokens]
        at += len(p.cleaned)
    margin = weighing.margin(terms.grams)
    weighed = [weighing.moved(terms.grams), *([] if margin is None else [margin])]
    shares = _dealt(np.stack(weighed, axis=1), terms, np.array(tokens, np.int64).reshape(-1, 2))
    found: list[Word] = []
    texts: list[Part] = []
    begin = 0
    for p in placed:
        own = shares[begin : begin + len(p.tokens)]
        begin += len(p.tokens)
        found += [word(row, p.name, span, *by) for span, by in zip(p.units, p.of_units(own), strict=True)]
        texts.append(part(row, p.name, *own.sum(axis=0).tolist()))
    return found, texts


def _dealt(weighed: Array, terms: Terms, tokens: Array) -> Array:
    """(tokens, c) what each token has of what n-grams weigh (p, c)."""
    out = np.zeros((len(tokens), weighed.shape[1]))
    if not len(tokens):
        return out
    first = np.minimum(np.searchsorted(tokens[:, 1], terms.starts, "right"), len(tokens) - 1)
    last = np.maximum(np.searchsorted(tokens[:, 0], terms.ends, "left"), first + 1)
    size = last - first
    at = np.repeat(first - np.cumsum(size) + size, size) + np.arange(size.sum())
    np.add.at(out, at, np.repeat(weighed / size[:, None], size, axis=0))
    return out


class _Placed:
    """One text: the words that it has as the user wrote it, and those that the model reads."""

    def __init__(self, name: str, raw: str, cleaned: str) -> None:
        self.name, self.cleaned = name, cleaned
        self.units, self.tokens, self.origin = word_spans.origins(raw, cleaned)

    def of_units(self, shares: Array) -> list[list[float]]:
        """(units, c) what the user's words have of what those that are read have; some of these have no origin."""
        out = np.zeros((len(self.units) + 1, shares.shape[1]))
        np.add.at(out, self.origin, shares)  # -1 is the last, which is left out
        own: list[list[float]] = out[:-1].tolist()
        return own


def _grams(terms: Terms, weighing: _Weighing) -> tuple[Gram, ...]:
    """Return the n-grams that moved the answer most, each once."""
    features, first, inverse = np.unique(terms.feature, return_index=True, return_inverse=True)
    total = np.zeros((len(features), terms.grams.shape[1]))
    np.add.at(total, inverse, terms.grams)
    moved, margin = weighing.moved(total), weighing.margin(total)
    made = []
    for i in np.argsort(-np.abs(moved), kind="stable")[:_GRAMS].tolist():
        text = terms.text[terms.starts[first[i]] : terms.ends[first[i]]]
        added = None if margin is None else float(margin[i])
        made.append(Gram(text, bool(features[i] < terms.pieces), float(moved[i]), added))
    return tuple(made)
