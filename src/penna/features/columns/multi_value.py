"""Lists of names: a 0/1 column for each common name, and the number of names."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features.columns.base import RARE, Way

_MOST_NAMES = 200


@dataclass(frozen=True)
class Lists:
    """The common names of a column, and the number of names per cell."""

    names: tuple[str, ...]

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.names) + 1

    def matrix(self, values: Array) -> Array:
        """Return the (n, width) features."""
        index = {name: i for i, name in enumerate(self.names)}
        out = np.zeros((len(values), self.width), np.float32)
        for i, parts in enumerate(values):
            out[i, [index[part] for part in parts if part in index]] = 1
            out[i, -1] = np.log1p(len(parts))
        return out

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"names": list(self.names)}


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Lists, Array]:
    """Fit on training rows."""
    counts = Counter(part for parts in values for part in set(parts))
    # Ties are ordered by name: a set has no order.
    best = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_NAMES]
    fitted = Lists(tuple(name for name in best if counts[name] >= RARE))
    return fitted, fitted.matrix(values)


def restore(data: Mapping[str, Any]) -> Lists:
    """Return the encoding that ``to_json`` wrote. Raises ValueError for anything else."""
    names = data["names"]
    if not isinstance(names, list) or len(names) > _MOST_NAMES or not all(isinstance(name, str) for name in names):
        raise ValueError("names that are none, or too many")
    return Lists(tuple(names))
