"""What a linear fit will take: predicted from a probe of some hundred rows, corrected by the pace of earlier fits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from penna.features import ngrams
from penna.features.ngrams import Grams, Texts
from penna.models import Array
from penna.recipe import Recipe

_PROBE_ROWS = 300
_MOST_VALUES = 120_000_000  # stored in the matrix: 1 GB, and as much again for its transpose
_EFFORT_ROWS = 50_000  # smaller tables are always fitted whole
_ITERATIONS = 40
_pace = 1.0  # seconds taken for each second predicted; learnt in this process


@dataclass(frozen=True)
class Plan:
    """What a fit on all rows needs."""

    rows: int
    values: float  # n-grams in the matrix
    characters: float
    features: float
    columns: int

    @property
    def seconds(self) -> float:
        return _pace * (0.02 + self._seconds_of(1.0))

    def _seconds_of(self, share: float) -> float:
        counting = 2.5e-7 * self.characters + 6e-8 * self.values
        solving = _ITERATIONS * (3e-10 * self.values * (self.columns + 4))
        # Memory traffic of the solver's own vectors, which does not shrink with the rows.
        vectors = _ITERATIONS * 1.2e-8 * self.features * self.columns
        return float(share * (counting + solving) + vectors * share**0.7)

    @property
    def megabytes(self) -> float:
        return self.features * (2 * self.columns + 8) / 1e6 + 0.01

    @property
    def milliseconds(self) -> float:
        characters = self.characters / max(self.rows, 1)
        return 0.3 + characters * (0.0005 + 0.00002 * self.columns)

    def rows_within(self, effort: float, seconds: float) -> int:
        """As many rows as effort, memory and these seconds allow."""
        n = self.rows
        if n > _EFFORT_ROWS:
            n = max(_EFFORT_ROWS, round(effort * n))
        n = min(n, int(self.rows * _MOST_VALUES / max(self.values, 1)) + 1)
        allowed = 0.7 * seconds / max(self.seconds, 1e-9)
        if allowed < 1:
            n = min(n, max(round(self.rows * allowed), min(n, 500)))
        return n

    @contextmanager
    def timed(self, rows: int) -> Iterator[None]:
        """Learn the pace from what happens inside."""
        global _pace
        expected = 0.02 + self._seconds_of(rows / max(self.rows, 1))
        began = time.monotonic()
        yield
        seen = (time.monotonic() - began) / expected
        _pace = float(np.clip(0.7 * _pace + 0.3 * seen, 0.1, 20))


def predict(texts: Texts, grams: Grams, recipe: Recipe, classes: int) -> Plan:
    """Probe some rows of ``texts`` for the number of n-grams."""
    n = len(texts)
    probe = texts[:: max(1, n // _PROBE_ROWS)][:_PROBE_ROWS]
    probe = [text[:20_000] for text in probe]
    _, bucket, _ = ngrams.count(probe, grams)
    times = n / max(len(probe), 1)
    characters = sum(map(len, probe)) * times
    # New n-grams become rarer with the rows (Heaps' law); a higher least count drops about half of them at each step.
    distinct = len(np.unique(bucket)) * times**0.65 * 0.5 ** (recipe["min_df"] - 1)
    blocks = bool(grams.words) + bool(grams.high)
    features = min(distinct, recipe["keep"] * blocks) * min(recipe["chi2"], 1)
    return Plan(n, len(bucket) * times, characters, features, 1 if classes == 2 else classes)


def sample(y: Array, rows: int, seed: int) -> Array:
    """(m,) sorted positions, about ``rows`` of them, the same share of every class, at least one of each."""
    if rows >= len(y):
        return np.arange(len(y))
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    place = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    return np.sort(order[place < np.maximum(1, np.round(size * rows / len(y)))])
