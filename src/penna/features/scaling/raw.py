"""Raw: the number as it is, NaN where missing."""

from penna.data.arrays import Array
from penna.features.scaling.base import Points

GAPS = True


def fit(known: Array) -> Points:
    return ()


def width(points: Points) -> int:
    return 1


def matrix(values: Array, points: Points) -> Array:
    return values[:, None]


def fits(points: Points) -> bool:
    return not points
