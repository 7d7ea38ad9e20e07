"""A chain of labels: each one hears, next to the row, which of the labels before it are there, the most frequent first.

Read et al. 2011, "Classifier Chains for Multi-label Classification". All are solved in one pass, since in training the
labels before are known; a row is answered label by label, each hearing the probabilities of those before it.
"""

from collections.abc import Sequence

import numpy as np

from penna.data.arrays import Array
from penna.solvers.logistic import sigmoid

#: With more labels, what they say of one another is more than the rows can teach.
MOST_LABELS = 200


def order(y: Array) -> Array:
    """(k,) the labels, the most frequent first; y (n, k) of 0 and 1."""
    return np.argsort(-y.sum(axis=0), kind="stable")


def heard(order: Array) -> Array:
    """(k, k) bool: whether a label (down) hears another (across).

    >>> heard(np.array([1, 0])).tolist()
    [[False, True], [False, False]]
    """
    place = np.argsort(order)
    return np.asarray(place[:, None] > place)


def values(order: Array, weights: Array) -> tuple[float, ...]:
    """Return the order, then the (k, k) weights of the labels that each one hears, as one row of numbers."""
    kept = np.where(heard(order), weights, 0).astype(np.float64)
    return (*map(float, order), *kept.ravel().tolist())


def walked(margins: Array, values: Sequence[float]) -> Array:
    """(n, k) float32 probabilities from margins of the rows alone."""
    k = margins.shape[1]
    weights = np.array(values[k:], np.float32).reshape(k, k)
    out = np.zeros(margins.shape, np.float32)
    for j in map(int, values[:k]):
        out[:, j] = sigmoid(margins[:, j] + out @ weights[j])  # labels that come later are still 0
    return out


def check(values: Sequence[float], k: int) -> None:
    """Raise ValueError unless these are an order of k labels, and weights of none but the labels before."""
    order = np.array(values[:k])
    if sorted(order.tolist()) != list(range(k)):
        raise ValueError("its chain is in no order")
    if np.array(values[k:]).reshape(k, k)[~heard(order.astype(np.int64))].any():
        raise ValueError("its chain hears labels that come later")
