"""Length-bucketed batches: rows of similar length together, for little padding. Knows lengths and a seed."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

Index: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

#: Batches per bucket: enough for similar lengths in a batch, few enough that epochs differ.
BUCKET = 50
#: Batches by tokens hold a multiple of this number of rows: torch caches something for each shape.
_EVEN = 8


def shuffled(lengths: Index, size: int, rng: np.random.Generator) -> list[Index]:
    """Return one epoch: every row once, in batches of ``size`` rows of similar length, in random order.

    >>> batches = shuffled(np.arange(10), 4, np.random.default_rng(0))
    >>> sorted(len(b) for b in batches), sorted(np.concatenate(batches).tolist()) == list(range(10))
    ([2, 4, 4], True)
    """
    order = rng.permutation(len(lengths))
    batches: list[Index] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = order[start : start + size * BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        # The incomplete batch has the shortest rows: a step over few of these wastes least.
        cuts = range(len(bucket) % size, len(bucket), size)
        batches += [part for part in np.split(bucket, list(cuts)) if len(part)]
    return [batches[i] for i in rng.permutation(len(batches))]


def by_tokens(lengths: Index, tokens: int, rng: np.random.Generator) -> list[Index]:
    """Return one epoch in batches of similar length, of at most ``tokens`` padded tokens (or one row).

    >>> batches = by_tokens(np.array([5, 1, 2, 9, 1]), 6, np.random.default_rng(0))
    >>> sorted(sorted(b.tolist()) for b in batches)
    [[0], [1, 2, 4], [3]]
    """
    order = rng.permutation(len(lengths))
    batches: list[Index] = []
    part = np.cumsum(lengths[order]) // max(1, tokens * BUCKET)
    for bucket in np.split(order, np.flatnonzero(np.diff(part)) + 1):
        bucket = bucket[np.argsort(-lengths[bucket], kind="stable")]
        while len(bucket):
            size = max(1, tokens // max(1, int(lengths[bucket[0]])))
            size -= size % _EVEN if size > _EVEN else 0
            batches.append(bucket[:size])
            bucket = bucket[size:]
    return [batches[i] for i in rng.permutation(len(batches))]


def endless(lengths: Index, size: int, seed: int, tokens: int = 0) -> Iterator[Index]:
    """Yield epochs of ``shuffled``, or of ``by_tokens`` if ``tokens``; the same seed gives the same batches."""
    rng = np.random.default_rng(seed)
    while True:
        yield from by_tokens(lengths, tokens, rng) if tokens else shuffled(lengths, size, rng)


def ordered(lengths: Index, size: int) -> list[Index]:
    """Return batches of every row, longest first: for scoring, so that memory peaks in the first batch."""
    order = np.argsort(-lengths, kind="stable")
    return [order[i : i + size] for i in range(0, len(order), size)]
