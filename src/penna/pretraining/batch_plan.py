"""The plan of one epoch over some shards: which span of tokens goes into which example and batch. Numbers, no files.

All documents are planned at once: the first example of each, then the second of each, and so on.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from penna.data.arrays import Array

Pairing = Literal["none", "order", "next"]

#: Widths of batches are multiples of this number, so that few shapes occur.
STEP = 8


@dataclass(frozen=True)
class Texts:
    """The ends of sentences and documents in a sequence of tokens.

    ``sentences`` (s,) counts tokens, ``documents`` (d,) counts sentences. Both are int64 and strictly ascending.
    """

    sentences: Array
    documents: Array


@dataclass(frozen=True)
class Examples:
    """The segments of n examples.

    ``first`` and ``second`` (n, 2) hold start and end in tokens, equal if there is no second. ``pair`` (n,) has labels.
    """

    first: Array
    second: Array
    pair: Array

    @property
    def lengths(self) -> Array:
        """The (n,) lengths with special tokens."""
        second = self.second[:, 1] - self.second[:, 0]
        total: Array = self.first[:, 1] - self.first[:, 0] + second + np.where(second > 0, 3, 2)
        return total

    def take(self, index: Array) -> "Examples":
        """Return the examples at these indices."""
        return Examples(self.first[index], self.second[index], self.pair[index])


@dataclass(frozen=True)
class How:
    """How to cut examples and batches.

    ``length`` includes special tokens. A share of ``short`` examples is shorter (Devlin et al. 2019).
    """

    length: int
    batch_tokens: int
    pairing: Pairing
    short: float

    @property
    def room(self) -> int:
        """The most tokens of text in an example."""
        return self.length - (2 if self.pairing == "none" else 3)


@dataclass(frozen=True)
class Plan:
    """Examples and their batches: batch k is ``order[bounds[k]:bounds[k + 1]]``; ``turns`` shuffles the batches."""

    examples: Examples
    order: Array
    bounds: Array
    turns: Array

    def __len__(self) -> int:
        return len(self.turns)

    def batch(self, number: int) -> Examples:
        """Return the examples of this batch."""
        turn = self.turns[number]
        return self.examples.take(self.order[self.bounds[turn] : self.bounds[turn + 1]])


def plan(texts: Texts, how: How, rng: np.random.Generator) -> Plan:
    """Plan an epoch of these texts: each token is in an example, and each example in a batch."""
    cut = examples(texts, how, rng)
    order, bounds = _batches(cut.lengths, how, rng)
    return Plan(cut, order, bounds, rng.permutation(len(bounds) - 1))


def examples(texts: Texts, how: How, rng: np.random.Generator) -> Examples:
    """Cut examples: consecutive sentences of one document, as many as fit.

    With "order", the segments of half of the pairs are swapped. With "next", the second segment of half of the pairs
    is from another document; the true second segment then starts the next example.
    """
    units = _units(texts, how.room)
    firsts = np.concatenate([[0], units.documents[:-1]])
    at, stop, document = firsts, units.documents, np.arange(len(firsts))
    cuts: list[Array] = []
    while len(at):
        target = _targets(len(at), how, rng)
        to = _filled(units, at, stop, target, how)
        target = np.maximum(target, units.sentences[to - 1] - _starts(units, at))  # two units may exceed the target
        middle, label = _divided(at, to, how.pairing, len(firsts), rng)
        cuts.append(np.stack([at, middle, to, label, target, document]))
        after = np.where(label == 1, middle, to) if how.pairing == "next" else to
        more = after < stop
        at, stop, document = after[more], stop[more], document[more]
    return _spans(units, np.concatenate(cuts, axis=1), how, rng)


def _units(texts: Texts, room: int) -> Texts:
    """Split sentences that are longer than an example into equal parts."""
    lengths = np.diff(texts.sentences, prepend=0)
    parts = -(-lengths // room)
    if (parts == 1).all():
        return texts
    ends = np.cumsum(parts)
    sentence = np.repeat(np.arange(len(lengths)), parts)
    part = np.arange(ends[-1]) - (ends - parts)[sentence] + 1
    starts = texts.sentences - lengths
    return Texts(starts[sentence] + part * lengths[sentence] // parts[sentence], ends[texts.documents - 1])


def _targets(count: int, how: How, rng: np.random.Generator) -> Array:
    shorter = rng.integers(2, how.room + 1, count)
    return np.where(rng.random(count) < how.short, shorter, how.room)


def _filled(units: Texts, at: Array, stop: Array, target: Array, how: How) -> Array:
    """Return the last unit of each example: at least one unit, and two for a pair if they fit."""
    ends = units.sentences
    start = _starts(units, at)
    to = np.clip(np.searchsorted(ends, start + target, side="right"), at + 1, stop)
    if how.pairing == "none":
        return to
    two = np.minimum(at + 2, stop)
    to = np.where(ends[two - 1] - start <= how.room, np.maximum(to, two), to)
    lonely = (stop - to == 1) & (to - at > 2)  # a last sentence alone would have no partner
    return np.where(lonely, to - 1, to)


def _starts(units: Texts, at: Array) -> Array:
    return np.where(at > 0, units.sentences[at - 1], 0)


def _divided(at: Array, to: Array, pairing: Pairing, documents: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the first unit of the second segment, and the label; ``to`` and -1 if there is one unit only."""
    inner = (rng.random(len(at)) * (to - at - 1)).astype(np.int64)
    other = (rng.random(len(at)) < 0.5).astype(np.int64)
    if pairing == "none":
        return to, np.full(len(at), -1)
    if pairing == "next" and documents == 1:
        other[:] = 0
    pair = to - at > 1
    return np.where(pair, at + 1 + inner, to), np.where(pair, other, -1)


def _spans(units: Texts, cuts: Array, how: How, rng: np.random.Generator) -> Examples:
    """Convert cuts in units (at, middle, to, label, target, document) to examples in tokens."""
    at, middle, to, label, target, document = cuts
    start, half, end = _starts(units, at), units.sentences[middle - 1], units.sentences[to - 1]
    first, second = np.stack([start, half], axis=1), np.stack([half, end], axis=1)
    if how.pairing == "order":
        swapped = label == 1
        first[swapped], second[swapped] = second[swapped], first[swapped]
    if how.pairing == "next":
        strange = label == 1
        room = (target - (half - start))[strange]  # the room of a true second segment
        second[strange] = _elsewhere(units, document[strange], room, rng)
    return Examples(first, second, label.astype(np.int8))


def _elsewhere(units: Texts, document: Array, room: Array, rng: np.random.Generator) -> Array:
    """Return (n, 2) start and end of sentences of another document, at most ``room`` tokens long."""
    firsts = np.concatenate([[0], units.documents[:-1]])
    other = (rng.random(len(document)) * (len(firsts) - 1)).astype(np.int64)
    other += other >= document
    count = units.documents[other] - firsts[other]
    at = firsts[other] + (rng.random(len(document)) * count).astype(np.int64)
    start = _starts(units, at)
    to = np.minimum(np.searchsorted(units.sentences, start + room, side="right"), units.documents[other])
    whole = units.sentences[np.maximum(to, at + 1) - 1]
    return np.stack([start, np.minimum(whole, start + room)], axis=1)


def _batches(lengths: Array, how: How, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the examples shuffled within each width, and the bounds of the batches."""
    widths = np.minimum(-(-lengths // STEP) * STEP, how.length)
    order = rng.permutation(len(widths))
    order = order[np.argsort(widths[order], kind="stable")]
    bounds, at = [0], 0
    for width, end in zip(*_ends(widths), strict=True):
        rows = how.batch_tokens // int(width)
        full = at + (int(end) - at) // rows * rows  # the rest joins the next width
        bounds.extend(range(at + rows, full + 1, rows))
        at = full
    if at < len(order):
        bounds.append(len(order))
    return order, np.array(bounds)


def _ends(widths: Array) -> tuple[Array, Array]:
    """Return the distinct widths in ascending order, and how many examples are that wide or narrower."""
    distinct, counts = np.unique(widths, return_counts=True)
    return distinct, np.cumsum(counts)
