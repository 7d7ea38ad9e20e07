"""The cost of a linear fit, predicted from a probe of some hundred rows and corrected by earlier fits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.features import ngrams, selection, svd
from penna.features.ngrams import Grams, Texts
from penna.search.recipe import Recipe

_PROBE_ROWS = 300
_MOST_VALUES = 120_000_000  # stored in the matrix: 1 GB, and as much again for its transpose
_WHOLE_VALUES = 5_000_000  # about 50,000 short texts: up to there effort saves nothing worth having
_ITERATIONS = 40
_pace = 1.0  # seconds taken for each second predicted; learned in this process


@dataclass(frozen=True)
class Plan:
    """The cost of a fit on all rows."""

    rows: int
    values: float  # n-grams in the matrix
    characters: float
    features: float
    columns: int
    choosing: float = 0.0  # seconds for n-grams to be chosen, and turned into directions

    def seconds(self, rows: int) -> float:
        """Predicted for a fit on so many of the rows."""
        return _pace * self._work(rows)

    def _work(self, rows: int) -> float:
        share = rows / max(self.rows, 1)
        counting = 2.5e-7 * self.characters + 1.2e-7 * self.values
        solving = _ITERATIONS * (4e-10 * self.values * (self.columns + 4))
        # Memory traffic of the solver's own vectors, which hardly shrinks with the rows.
        vectors = _ITERATIONS * 1.2e-8 * self.features * self.columns
        return 0.02 + float(share * (counting + solving + self.choosing) + vectors * share**0.7)

    @property
    def megabytes(self) -> float:
        """Return the size in megabytes."""
        return self.features * (2 * self.columns + 8) / 1e6 + 0.01

    @property
    def milliseconds(self) -> float:
        """Return the latency of one text in milliseconds."""
        characters = self.characters / max(self.rows, 1)
        return 0.3 + characters * (0.0005 + 0.00002 * self.columns)

    def rows_at(self, fidelity: float) -> int:
        """Rows that this effort asks for and memory allows."""
        whole = self.rows / max(self.values, 1)  # rows for each stored n-gram
        n = max(round(fidelity * self.rows), int(_WHOLE_VALUES * whole))
        return max(1, min(self.rows, n, int(_MOST_VALUES * whole)))

    def rows_within(self, seconds: float, fidelity: float = 1.0) -> int:
        """Return the rows that can be fitted in ``seconds``, 500 at least."""
        n = self.rows_at(fidelity)
        needed = self.seconds(n)
        return n if needed <= seconds else max(min(n, 500), round(n * max(seconds, 0) / needed))

    @contextmanager
    def timed(self, rows: int) -> Iterator[None]:
        """Learn the pace from what happens inside."""
        global _pace
        began = time.monotonic()
        yield
        seen = (time.monotonic() - began) / self._work(rows)
        _pace = float(np.clip(0.7 * _pace + 0.3 * seen, 0.1, 20))


def predict(texts: Texts, grams: Grams, recipe: Recipe, classes: int) -> Plan:
    """Probe some rows of ``texts`` for the number of n-grams."""
    n = len(texts)
    probe = texts[:: max(1, n // _PROBE_ROWS)][:_PROBE_ROWS]
    probe = [text[:20_000] for text in probe]
    _, bucket, _ = ngrams.count(probe, grams)
    times = n / max(len(probe), 1)
    characters = sum(map(len, probe)) * times
    # New n-grams become rarer with the rows (Heaps' law); most occur once, and go if a minimum count of two is
    # required.
    distinct = len(np.unique(bucket)) * times**0.75 * recipe["min_df"] ** -1.9
    share = shared(recipe)
    blocks = bool(grams.words) + bool(grams.high)
    features = min(distinct, recipe["keep"] * blocks) * share
    values = len(bucket) * times
    choosing = svd.seconds(values, features, recipe.get("svd", 0))
    if share < 1:
        choosing += selection.find(recipe["select"]).seconds(values, classes)
    return Plan(n, values, characters, features, 1 if classes == 2 else classes, choosing)


def shared(recipe: Recipe) -> float:
    """Part of the n-grams that are trained on, where some are chosen."""
    return 1.0 if recipe.get("select", "none") == "none" else float(recipe.get("share", 1.0))


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
