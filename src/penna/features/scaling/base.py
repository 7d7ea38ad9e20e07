"""Scaling: features of a numeric column without missing values. One file per method.

Fitting to training rows gives a few ``points``, plain numbers that JSON can hold.
"""

from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np

from penna import plugins
from penna.data.arrays import Array

Points: TypeAlias = tuple[float, ...]

ROOM = "features.scaling"
#: Values beyond this many deviations are clipped: one extreme number must not dominate a model.
FURTHEST = 8.0


class Scale(Protocol):
    """The members of a scaling method."""

    #: Whether values may be missing, for models that accept that.
    GAPS: bool

    def fit(self, known: Array) -> Points:
        """Return points, from training values (n,) float64, at least one, none missing."""
        ...

    def width(self, points: Points) -> int:
        """Return the number of features per number."""
        ...

    def matrix(self, values: Array, points: Points) -> Array:
        """Return the features, (n, width), of values (n,) float64."""
        ...

    def fits(self, points: Points) -> bool:
        """Return whether ``fit`` can have produced these points: they come from a file."""
        ...


@cache  # called for thousands of columns
def find(name: str) -> Scale:
    """Return the method called ``name``. Raises SettingError if there is none."""
    scale: Any = plugins.find(ROOM, name)
    return scale  # type: ignore[no-any-return]


def spread(known: Array) -> tuple[float, float]:
    """Return mean and deviation; 1 in place of a zero deviation."""
    return float(known.mean()), float(known.std()) or 1.0


def centred(values: Array, mean: float, deviation: float) -> Array:
    """Return standardized and clipped values, (n, 1)."""
    with np.errstate(over="ignore"):  # a tiny deviation: what overflows is clipped
        return np.clip((values - mean) / deviation, -FURTHEST, FURTHEST)[:, None]
