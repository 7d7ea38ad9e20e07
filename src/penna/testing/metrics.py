"""The contract of a metric: a finite number that no order of rows changes, with an interval that a seed repeats."""

import math

from penna.data.arrays import Array
from penna.metrics import Metric, bootstrap
from penna.metrics.registry import metric_type


def check_metric(metric: Metric | str, y: Array, outputs: Array) -> None:
    """Check everything that a metric has to keep.

    Parameters
    ----------
    metric : Metric or str
        The metric, or the name under which a package registers it.
    y : Array
        (n,) class indices or numbers.
    outputs : Array
        (n, k) outputs of a model for the same rows.

    Raises
    ------
    AssertionError
        For the first thing that does not hold.

    Examples
    --------
    >>> import numpy as np
    >>> from penna import metrics
    >>> check_metric(metrics.accuracy, np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]])
    """
    if isinstance(metric, str):
        metric = metric_type(metric).metric
    value = metric(y, outputs)
    assert isinstance(value, float), f"the value is a {type(value).__name__}, not a float"
    assert math.isfinite(value), f"the value is {value}"
    turned = metric(y[::-1], outputs[::-1])
    assert math.isclose(turned, value, rel_tol=1e-6, abs_tol=1e-9), f"in reverse order, {value} becomes {turned}"
    interval = bootstrap(y, outputs, metric, rounds=100, seed=0)
    assert interval == bootstrap(y, outputs, metric, rounds=100, seed=0), "the same seed gives another interval"
    assert interval[0] == value, f"the interval is of {interval[0]}, not of {value}"
    assert interval[1] <= interval[2], f"the interval {interval[1:]} is empty"
