"""Raw: the number unchanged, NaN if missing."""

from penna.data.arrays import Array
from penna.features.scaling.base import Points

GAPS = True


def fit(known: Array) -> Points:
    """Fit on training rows."""
    return ()


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    return values[:, None]


def fits(points: Points) -> bool:
    """Return whether ``fit`` can have produced these points."""
    return not points
