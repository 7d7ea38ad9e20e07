"""Categories: one-hot columns, or the target's mean per name. Rare and unseen names share one code.

Means are shrunk towards the mean of all rows (Micci-Barreca 2001, "A preprocessing scheme for high-cardinality
categorical attributes"). Training rows get means from the other folds, or they would see their own target.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features.columns import _feature_hashing
from penna.features.columns.base import RARE, Encoding, Way, floats

#: With more names than this, "target" and "hash" are used as requested; below, one-hot is better.
FEW = 8
#: Maximum number of means per name; a target of more classes gets one-hot columns.
MOST_MEANS = 10
_MOST_NAMES = 2000
_WEIGHT = 10.0  # weight of the overall mean, in rows
_FOLDS = 5


@dataclass(frozen=True)
class Names:
    """``names``, the most common first; ``means`` (names + 1, m) for "target", the last for every other name."""

    names: tuple[str, ...]
    means: tuple[tuple[float, ...], ...] = ()

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.means[0]) + 1 if self.means else len(self.names) + 1

    def codes(self, values: Array) -> Array:
        """Return the index of each name, (n,); len(names) for any other."""
        index = {name: i for i, name in enumerate(self.names)}
        return np.fromiter((index.get(value, len(index)) for value in values), np.int64, len(values))

    def matrix(self, values: Array) -> Array:
        """Return the (n, width) features."""
        codes = self.codes(values)
        if self.means:
            return np.concatenate([np.array(self.means, np.float32)[codes], self._known(codes)], axis=1)
        out = np.zeros((len(values), self.width), np.float32)
        out[np.arange(len(values)), codes] = 1
        return out

    def _known(self, codes: Array) -> Array:
        """Return the frequency rank of each name, (n, 1): 1 for the most common, down to 0 for unknown names."""
        rank: Array = 1 - codes / max(len(self.names), 1)
        return rank[:, None].astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"names": list(self.names), "means": [list(row) for row in self.means]}


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Encoding, Array]:
    """Fit on training rows."""
    unique, counts = np.unique(values.astype(str), return_counts=True)
    if way.categorical == "hash" and len(unique) > FEW:
        buckets = _feature_hashing.fit(len(unique))
        return buckets, buckets.matrix(values)
    order = np.argsort(-counts, kind="stable")[:_MOST_NAMES]
    names = Names(tuple(str(unique[i]) for i in order if counts[i] >= min(RARE, counts.max())))
    if way.categorical != "target" or len(names.names) <= FEW or y.shape[1] > MOST_MEANS:
        return names, names.matrix(values)
    codes = names.codes(values)
    fitted = Names(names.names, tuple(map(tuple, _means(codes, y, len(names.names) + 1).tolist())))
    matrix = fitted.matrix(values)
    fold = np.random.default_rng(seed).permutation(len(values)) % _FOLDS
    for f in range(min(_FOLDS, len(values))):
        others = fold != f
        if others.any():
            matrix[~others, : y.shape[1]] = _means(codes[others], y[others], len(names.names) + 1)[codes[~others]]
    return fitted, matrix


def _means(codes: Array, y: Array, size: int) -> Array:
    """Return the shrunken mean of each code, (size, m) float64."""
    counts = np.bincount(codes, minlength=size)[:, None]
    sums = np.stack([np.bincount(codes, weights=column, minlength=size) for column in y.T], axis=1)
    return np.asarray((sums + _WEIGHT * y.mean(axis=0)) / (counts + _WEIGHT))


def restore(data: Mapping[str, Any]) -> Encoding:
    """Return the encoding that ``to_json`` wrote. Raises ValueError for anything else."""
    if "buckets" in data:
        return _feature_hashing.restore(data["buckets"])
    names = data["names"]
    if not isinstance(names, list) or len(names) > _MOST_NAMES or not all(isinstance(name, str) for name in names):
        raise ValueError("names that are none, or too many")
    widths = {len(row) for row in data["means"]}
    if widths and (len(data["means"]) != len(names) + 1 or len(widths) != 1 or not 0 < max(widths) <= MOST_MEANS):
        raise ValueError("means that do not go with their names")
    return Names(tuple(names), tuple(floats(row) for row in data["means"]))
