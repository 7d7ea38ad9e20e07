"""Standard: mean 0 and deviation 1."""

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False


def fit(known: Array) -> Points:
    return spread(known)


def width(points: Points) -> int:
    return 1


def matrix(values: Array, points: Points) -> Array:
    return centred(values, *points)


def fits(points: Points) -> bool:
    return len(points) == 2 and points[1] > 0
