"""Chi-squared: the deviation of an n-gram's counts per class from chance (as in scikit-learn)."""

from typing import Any

import numpy as np

from penna.data.arrays import Array


def scores(X: Any, member: Any, seed: int) -> Array:
    """Return the score of each column."""
    observed = np.asarray((member.T @ X).todense(), np.float64)
    share = np.asarray(member.mean(axis=0), np.float64).ravel()[:, None]
    expected = share * np.asarray(X.sum(axis=0), np.float64)
    gap = np.divide((observed - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    return np.asarray(gap.sum(axis=0))


def seconds(values: float, classes: int) -> float:
    """Return predicted seconds."""
    return 1e-8 * values
