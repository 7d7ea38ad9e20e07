"""Lists of names: a column of zeros and ones for each of the commoner names, and how many names there are."""

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
    """The commoner names of a column, and how many each cell has."""

    names: tuple[str, ...]

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.names) + 1

    def matrix(self, values: Array) -> Array:
        """Return the (n, width) features."""
        known = {name: i for i, name in enumerate(self.names)}
        out = np.zeros((len(values), self.width), np.float32)
        for i, parts in enumerate(values):
            out[i, [known[part] for part in parts if part in known]] = 1
            out[i, -1] = np.log1p(len(parts))
        return out

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"names": list(self.names)}


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Lists, Array]:
    """Fit on training rows."""
    counts = Counter(part for parts in values for part in set(parts))
    # Ties go by name: a set has no order.
    best = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_NAMES]
    fitted = Lists(tuple(name for name in best if counts[name] >= RARE))
    return fitted, fitted.matrix(values)


def restore(data: Mapping[str, Any]) -> Lists:
    """Return the task that ``to_json`` wrote."""
    names = data["names"]
    if not isinstance(names, list) or len(names) > _MOST_NAMES or not all(isinstance(name, str) for name in names):
        raise ValueError("names that are none, or too many")
    return Lists(tuple(names))
