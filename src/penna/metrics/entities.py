"""Entity metrics: decode tag probabilities to spans, and count correct spans. Numpy alone.

Tags are numbers: 0 outside, 1 + 2 t the first word of an entity of type t, 2 + 2 t a further one. An entity is correct
if its words and its type match the truth (Tjong Kim Sang and De Meulder 2003; seqeval's definition). ``y`` is (n,)
object, one (words,) int64 array of tags per row; ``outputs`` is (n,) object, (words, tags) float32.
"""

from dataclasses import dataclass

import numpy as np

from penna.data import ragged
from penna.data.arrays import Array
from penna.metrics.base import Metric, Rows


@dataclass(frozen=True)
class Spans:
    """Entities in concatenated rows: ``starts``, ``ends`` (words), ``types``, ``rows``, (m,) int64 each."""

    starts: Array
    ends: Array
    types: Array
    rows: Array


def spans(tags: Array, offsets: Array) -> Spans:
    """Return the entities of flat tags. No row may begin with an inside tag.

    >>> found = spans(np.array([0, 1, 2, 3, 1]), np.array([0, 4, 5]))
    >>> found.starts.tolist(), found.ends.tolist(), found.types.tolist(), found.rows.tolist()
    ([1, 3, 4], [3, 4, 5], [0, 1, 0], [0, 0, 1])
    """
    starts = np.flatnonzero(tags % 2 == 1)
    other = np.append(np.flatnonzero((tags == 0) | (tags % 2 == 1)), len(tags))
    ends = other[np.searchsorted(other, starts, side="right")]
    return Spans(starts, ends, tags[starts] // 2, np.searchsorted(offsets, starts, side="right") - 1)


def decoded(outputs: Array) -> tuple[Array, Array]:
    """Return flat (words,) int64 tags, and (n + 1,) offsets: the most probable valid tags of each row."""
    values, offsets = ragged.flat(outputs)
    tags = values.argmax(axis=1) if values.shape[1] > 1 else np.zeros(len(values), np.int64)
    wrong = _illegal(tags, offsets)
    # The most probable tags of most rows are valid; then they are the result.
    for row in np.unique(np.searchsorted(offsets, wrong, side="right") - 1):
        start, end = offsets[row], offsets[row + 1]
        tags[start:end] = _legal(values[start:end])
    return tags, offsets


def _illegal(tags: Array, offsets: Array) -> Array:
    """Return the positions of inside tags that continue nothing."""
    inside = (tags > 0) & (tags % 2 == 0)
    before = np.concatenate([[0], tags[:-1]])
    before[offsets[:-1][offsets[:-1] < len(tags)]] = 0
    return np.flatnonzero(inside & (before != tags) & (before != tags - 1))


def _legal(probabilities: Array) -> Array:
    """Return the most probable valid tags, (words,), of probabilities (words, tags) by Viterbi (1967)."""
    scores = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    n, k = scores.shape
    came = np.zeros((n, k), np.int64)
    best = scores[0].copy()
    best[2::2] = -np.inf
    for i in range(1, n):
        top = int(best.argmax())
        came[i] = top
        first, inside = best[1::2], best[2::2]
        came[i, 2::2] = np.where(first >= inside, np.arange(1, k, 2), np.arange(2, k, 2))
        best = best[came[i]] + scores[i]
    tags = np.empty(n, np.int64)
    tags[-1] = best.argmax()
    for i in range(n - 1, 0, -1):
        tags[i - 1] = came[i, tags[i]]
    return tags


def _matched(y: Array, outputs: Array) -> tuple[Spans, Spans, Array, Array]:
    """Return true and predicted entities, a mask of correct predictions (m,), and the flat tags."""
    truth, offsets = ragged.flat(y)
    answers, _ = decoded(outputs)
    gold, predicted = spans(truth, offsets), spans(answers, offsets)
    at = np.searchsorted(gold.starts, predicted.starts)
    at = np.minimum(at, max(len(gold.starts) - 1, 0))
    if not len(gold.starts):
        right = np.zeros(len(predicted.starts), bool)
    else:
        right = (
            (gold.starts[at] == predicted.starts)
            & (gold.ends[at] == predicted.ends)
            & (gold.types[at] == predicted.types)
        )
    return gold, predicted, right, np.asarray(truth == answers)


def _each(y: Array, outputs: Array) -> Rows:
    """Return correct, predicted and true entities of each row, (n,) each."""
    gold, predicted, right, _ = _matched(y, outputs)
    n = len(y)
    return tuple(np.bincount(part, minlength=n) for part in (predicted.rows[right], predicted.rows, gold.rows))


def _by_type(y: Array, outputs: Array) -> Rows:
    """Return the same counts for each type, (n, types) each."""
    gold, predicted, right, _ = _matched(y, outputs)
    k = _types(outputs)
    hits = predicted.rows[right] * k + predicted.types[right]
    cells = (hits, predicted.rows * k + predicted.types, gold.rows * k + gold.types)
    return tuple(np.bincount(cell, minlength=len(y) * k).reshape(len(y), k) for cell in cells)


def _types(outputs: Array) -> int:
    return (outputs[0].shape[1] - 1) // 2 if len(outputs) else 0


def _words(y: Array, outputs: Array) -> Rows:
    """Return words with the correct tag, and words, of each row, (n,) each."""
    _, offsets = ragged.flat(y)
    same = np.concatenate([[0], np.cumsum(_matched(y, outputs)[3])])
    return np.diff(same[offsets]), np.diff(offsets)


def _f1(hits: Array, answered: Array, true: Array) -> float:
    both = float(answered.sum() + true.sum())
    return 2 * float(hits.sum()) / both if both else 1.0


def _share(above: Array, below: Array) -> float:
    total = float(below.sum())
    return float(above.sum()) / total if total else 0.0


def _macro(hits: Array, answered: Array, true: Array) -> float:
    both = (answered + true).sum(axis=0)
    occurs = both > 0
    return float((2 * hits.sum(axis=0)[occurs] / both[occurs]).mean()) if occurs.any() else 1.0


#: F1 of all entities together; the mean F1 of the types that occur.
entity_f1, entity_macro_f1 = Metric(_each, _f1), Metric(_by_type, _macro)
#: Share of predicted entities that are correct, and of true ones that are predicted.
entity_precision = Metric(_each, lambda hits, answered, true: _share(hits, answered))
entity_recall = Metric(_each, lambda hits, answered, true: _share(hits, true))
#: Share of words with the correct tag.
token_accuracy = Metric(_words, _share)


def by_type(y: Array, outputs: Array) -> dict[str, Array]:
    """Return ``entities``, ``precision``, ``recall`` and ``f1`` of each type, (types,) arrays; 0 if undefined."""
    hits, answered, true = (part.sum(axis=0) for part in _by_type(y, outputs))
    pairs = (("precision", hits, answered), ("recall", hits, true), ("f1", 2 * hits, answered + true))
    zero = np.zeros(len(hits))
    shares = {name: np.divide(a, b, out=zero.copy(), where=b > 0) for name, a, b in pairs}
    return {"entities": true, **shares}


def legal(tags: int) -> Array:
    """Return whether a tag may follow another, (tags, tags) bool."""
    before, after = np.arange(tags)[:, None], np.arange(tags)[None, :]
    inside = (after > 0) & (after % 2 == 0)
    return np.asarray(~inside | (before == after) | (before == after - 1))
