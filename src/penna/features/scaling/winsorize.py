"""Winsor: the outermost hundredths brought in to where they begin (Dixon 1960), then mean 0 and deviation 1."""

import numpy as np

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False
_SHARE = 0.01  # at either end


def fit(known: Array) -> Points:
    low, high = np.quantile(known, [_SHARE, 1 - _SHARE]).tolist()
    return (low, high, *spread(np.clip(known, low, high)))


def width(points: Points) -> int:
    return 1


def matrix(values: Array, points: Points) -> Array:
    low, high, mean, deviation = points
    return centred(np.clip(values, low, high), mean, deviation)


def fits(points: Points) -> bool:
    return len(points) == 4 and points[0] <= points[1] and points[3] > 0
