"""Mutual information of class and occurrence of an n-gram, in nats.

Yang and Pedersen 1997, "A Comparative Study on Feature Selection in Text Categorization". scikit-learn's version, which
processes one column after the other, is too slow here.
"""

from typing import Any

import numpy as np

from penna.data.arrays import Array


def scores(X: Any, member: Any, seed: int) -> Array:
    """Return the score of each column."""
    from scipy.sparse import csr_matrix

    n = max(X.shape[0], 1)
    occurrences = csr_matrix((np.ones_like(X.data), X.indices, X.indptr), shape=X.shape)
    joint = np.asarray((member.T @ occurrences).todense(), np.float64) / n
    share = np.asarray(member.sum(axis=0), np.float64).ravel()[:, None] / n
    occurs = np.asarray(occurrences.sum(axis=0), np.float64) / n
    information = _part(joint, share, occurs) + _part(share - joint, share, 1 - occurs)
    return np.asarray(information.sum(axis=0))


def _part(joint: Array, share: Array, occurs: Array) -> Array:
    """Return joint * log(joint / (share * occurs)), 0 if there is nothing."""
    positive = joint > 1e-12
    by_chance = np.where(positive, share * occurs, 1.0)
    return np.asarray(joint * np.log(np.where(positive, joint, 1.0) / by_chance))


def seconds(values: float, classes: int) -> float:
    """Return predicted seconds."""
    return 1e-8 * values
