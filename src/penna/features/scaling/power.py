"""Power: the Yeo-Johnson transform (2000) to a near-normal shape, then mean 0 and deviation 1.

scipy finds the power. The formula is here, because importing ``scipy.stats`` would delay prediction by half a second.
"""

import numpy as np

from penna.data.arrays import Array
from penna.features.scaling.base import Points, centred, spread

GAPS = False
_MOST_ROWS = 10_000  # to find the power
_STEEPEST = 4.0
#: Larger values, in deviations of the training rows, are transformed as this: their powers would overflow.
_LARGEST = 1e30


def fit(known: Array) -> Points:
    """Fit on training rows."""
    from scipy.stats import yeojohnson_normmax

    size = spread(known)[1]
    sample = known[:: max(1, len(known) // _MOST_ROWS)] / size
    power = 1.0
    if len(np.unique(sample)) > 2:  # for two values every power is equivalent
        with np.errstate(all="ignore"):
            power = float(np.clip(np.nan_to_num(yeojohnson_normmax(sample), nan=1.0), -_STEEPEST, _STEEPEST))
    return (size, power, *spread(bent(known / size, power)))


def width(points: Points) -> int:
    """Return the number of columns."""
    return 1


def matrix(values: Array, points: Points) -> Array:
    """Return the (n, width) features."""
    size, power, mean, deviation = points
    with np.errstate(over="ignore"):
        scaled = np.clip(values / size, -_LARGEST, _LARGEST)
    return centred(bent(scaled, power), mean, deviation)


def fits(points: Points) -> bool:
    """Return whether ``fit`` can have produced these points."""
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
