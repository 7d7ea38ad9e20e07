"""Quantile: the rank, then its normal deviate. Any distribution becomes near normal."""

import numpy as np

from penna.data.arrays import Array
from penna.features.scaling.base import Points

GAPS = False
_MOST = 200
#: Quantiles nearer to zero are zero: the slope between them would be infinite.
_TINY = 1e-280


def fit(known: Array) -> Points:
    """Fit on training rows."""
    shares = np.linspace(0, 1, min(_MOST, len(known) + 1))
    points = np.quantile(known, shares)
    return tuple(np.where(np.abs(points) < _TINY, 0.0, points).tolist())


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    from scipy.special import ndtri

    share = np.interp(values, points, np.linspace(0, 1, len(points)))
    # Equal quantiles (many equal values) map to the middle of their shares.
    back = 1 - np.interp(-values, -np.array(points[::-1]), np.linspace(0, 1, len(points)))
    normal: Array = ndtri(np.clip((share + back) / 2, 1e-3, 1 - 1e-3))
    return normal[:, None]


def fits(points: Points) -> bool:
    """Return whether ``fit`` can have produced these points."""
    return len(points) >= 2 and bool((np.diff(points) >= 0).all())
