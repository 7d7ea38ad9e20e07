"""L1: the largest weight of an n-gram in a linear model with an L1 penalty (Tibshirani 1996).

A few epochs of scikit-learn's stochastic gradients for each class: an order is needed, not an optimum.
"""

from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features.selection import variance

_ROUNDS = 5
_PENALTY = 1e-5
_TIE = 1e-6  # n-grams without a weight are ordered by variance


def scores(X: Any, member: Any, seed: int) -> Array:
    """Return the score of each column."""
    from sklearn.linear_model import SGDClassifier

    most = _TIE * variance.scores(X, member, seed)
    dense = member.toarray() > 0
    for column in dense.T[1:] if dense.shape[1] == 2 else dense.T:
        if column.any() and not column.all():
            model = SGDClassifier(
                loss="log_loss", penalty="l1", alpha=_PENALTY, max_iter=_ROUNDS, tol=None, random_state=seed
            )
            most = np.maximum(most, np.abs(model.fit(X, column).coef_[0]))
    return most


def seconds(values: float, classes: int) -> float:
    """Return predicted seconds."""
    return _ROUNDS * 2e-8 * values * (1 if classes <= 2 else classes)
