"""Power: the power that makes numbers most like a bell (Yeo and Johnson 2000), then mean 0 and deviation 1.

The power is scipy's; the formula stands here, because serving would wait half a second for ``scipy.stats``.
"""

import numpy as np

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False
_MOST_ROWS = 10_000  # that the power is sought on
_STEEPEST = 4.0


def fit(known: Array) -> Points:
    """Fit on training rows."""
    from scipy.stats import yeojohnson_normmax

    size = spread(known)[1]
    some = known[:: max(1, len(known) // _MOST_ROWS)] / size
    power = 1.0
    if len(np.unique(some)) > 2:  # of two values every power makes the same
        with np.errstate(all="ignore"):
            power = float(np.clip(np.nan_to_num(yeojohnson_normmax(some), nan=1.0), -_STEEPEST, _STEEPEST))
    return (size, power, *spread(bent(known / size, power)))


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    size, power, mean, deviation = points
    return centred(bent(values / size, power), mean, deviation)


def fits(points: Points) -> bool:
    """Return whether this method can be used on these points."""
    return len(points) == 4 and points[0] > 0 and abs(points[1]) <= _STEEPEST and points[3] > 0


def bent(values: Array, power: float) -> Array:
    """Apply the Yeo-Johnson transform.

    >>> bent(np.array([-3.0, 0.0, 3.0]), 0.5).round(6).tolist()
    [-4.666667, 0.0, 2.0]
    """
    above, below = np.log1p(np.maximum(values, 0)), np.log1p(np.maximum(-values, 0))
    left = 2 - power
    up = np.expm1(power * above) / power if power else above
    down = np.expm1(left * below) / left if left else below
    return np.where(values >= 0, up, -down)
