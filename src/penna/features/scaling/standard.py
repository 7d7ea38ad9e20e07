"""Standard: scale to mean 0 and deviation 1."""

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False


def fit(known: Array) -> Points:
    """Fit on training rows."""
    return spread(known)


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    return centred(values, *points)


def fits(points: Points) -> bool:
    """Return whether ``fit`` can have produced these points."""
    return len(points) == 2 and points[1] > 0
