"""Masking of spans of whole words, drawn for a whole batch at once. Knows NumPy only."""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.vocabulary import Vocabulary

_MASKED, _RANDOM = 0.8, 0.1  # of the chosen tokens; the rest does not change (Devlin et al. 2019, section 3.1)


@dataclass(frozen=True)
class Masked:
    """A batch's ids with masks, and the positions and ids of the masked tokens."""

    ids: Array  # (b, s) int32
    positions: Array  # (m,) int64 into the flattened (b, s)
    labels: Array  # (m,) int64


def mask(
    batch: Batch, vocabulary: Vocabulary, rows: slice, rate: float, ngrams: int, draw: np.random.Generator
) -> Masked:
    """Mask about ``rate`` of the tokens of these rows, in spans of up to ``ngrams`` words, at least one span per row.

    The probability of n words in a span falls as 1/n (Lan et al. 2020, section 4.1). Special tokens are never masked.
    """
    ids = batch.ids.copy()
    width = ids.shape[1]
    begin = (rows.start or 0) * width
    part = ids[rows]
    places = np.flatnonzero(~vocabulary.special[part] & batch.mask[rows])
    if not len(places):
        return Masked(ids, np.zeros(0, np.int64), np.zeros(0, np.int64))
    row = places // width
    segment = 2 * row + batch.types[rows].reshape(-1)[places]
    span = _spans(vocabulary.starts_word[part.reshape(-1)[places]], segment, ngrams, draw)
    chosen = _chosen(span, row, rate, draw)[span]
    positions = places[chosen] + begin
    flat = ids.reshape(-1)
    labels = flat[positions].astype(np.int64)
    flat[positions] = _replaced(labels, vocabulary, draw)
    return Masked(ids, positions.astype(np.int64), labels)


def _spans(starts: Array, segment: Array, ngrams: int, draw: np.random.Generator) -> Array:
    """Return (n,) the number of each token's span, counted from 0."""
    edge = np.r_[True, segment[1:] != segment[:-1]]
    word = np.cumsum(starts | edge) - 1
    words = int(word[-1]) + 1
    first = np.zeros(words, bool)  # words that start a span
    first[word[edge]] = True
    if ngrams == 1:
        return word
    chances = 1 / np.arange(1, ngrams + 1)
    cuts = np.cumsum(draw.choice(np.arange(1, ngrams + 1), size=words, p=chances / chances.sum()))
    first[cuts[cuts < words]] = True
    out: Array = (np.cumsum(first) - 1)[word]
    return out


def _chosen(span: Array, row: Array, rate: float, draw: np.random.Generator) -> Array:
    """Return (spans,) bool: random spans of each row, with a total closest to ``rate`` of its tokens."""
    sizes = np.bincount(span)
    heads = np.r_[0, np.cumsum(sizes)[:-1]]
    row_of = row[heads]
    order = np.lexsort((draw.random(len(sizes)), row_of))
    ends = np.cumsum(sizes[order])
    new = np.r_[True, row_of[order][1:] != row_of[order][:-1]]
    base = (ends - sizes[order])[new][np.cumsum(new) - 1]
    room = rate * np.bincount(row, minlength=int(row[-1]) + 1)[row_of[order]]
    chosen = np.zeros(len(sizes), bool)
    # The middle of a span decides: long spans then exceed the rate as often as they fall short of it.
    chosen[order] = new | (ends - base - sizes[order] / 2 < room)
    return chosen


def _replaced(labels: Array, vocabulary: Vocabulary, draw: np.random.Generator) -> Array:
    fate = draw.random(len(labels))
    ordinary = np.flatnonzero(~vocabulary.special)
    others = ordinary[draw.integers(0, len(ordinary), len(labels))]
    out: Array = np.where(fate < _MASKED, vocabulary.mask, np.where(fate < _MASKED + _RANDOM, others, labels))
    return out
