"""Winsorize: clip the lowest and highest hundredth (Dixon 1960), then scale to mean 0 and deviation 1."""

import numpy as np

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False
_SHARE = 0.01  # at either end


def fit(known: Array) -> Points:
    """Fit on training rows."""
    low, high = np.quantile(known, [_SHARE, 1 - _SHARE]).tolist()
    return (low, high, *spread(np.clip(known, low, high)))


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    low, high, mean, deviation = points
    return centred(np.clip(values, low, high), mean, deviation)


def fits(points: Points) -> bool:
    """Return whether ``fit`` can have produced these points."""
    return len(points) == 4 and points[0] <= points[1] and points[3] > 0
