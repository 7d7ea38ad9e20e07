"""Scales: a column of numbers as features. One file each; the folder is the registry. Knows numbers, none missing.

What is fitted to training rows are a few ``points``, plain numbers, which JSON can hold.
"""

from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np

from penna import plugins
from penna.data.arrays import Array

Points: TypeAlias = tuple[float, ...]

ROOM = "features.scaling"
#: What lies further out than this many deviations is brought in to it: one wild number must not rule a model.
FURTHEST = 8.0


class Scale(Protocol):
    """What a file in this folder offers."""

    #: Whether values may be missing, for models that know of that.
    GAPS: bool

    def fit(self, known: Array) -> Points:
        """Points, from (n,) float64 of training rows, at least one of them, none missing."""
        ...

    def width(self, points: Points) -> int:
        """How many features a number becomes."""
        ...

    def matrix(self, values: Array, points: Points) -> Array:
        """(n, width) features of (n,) float64."""
        ...

    def fits(self, points: Points) -> bool:
        """Whether ``fit`` could have given such points: they come from a file."""
        ...


@cache  # thousands of columns ask
def find(name: str) -> Scale:
    """Return the scale called ``name``. Raises SettingError."""
    scale: Any = plugins.find(ROOM, name)
    return scale  # type: ignore[no-any-return]


def spread(known: Array) -> tuple[float, float]:
    """Mean and deviation; 1 for a deviation of nothing."""
    return float(known.mean()), float(known.std()) or 1.0


def centred(values: Array, mean: float, deviation: float) -> Array:
    """(n, 1)."""
    return np.clip((values - mean) / deviation, -FURTHEST, FURTHEST)[:, None]
