"""Latent semantic analysis (Deerwester et al. 1990): directions in which n-grams vary together. Needs no target."""

from typing import Any

import numpy as np

from penna.data.arrays import Array

_PASSES = 2  # power iterations: with fewer the last directions are noise, with more nothing changes


def directions(X: Any, count: int, seed: int) -> Array:
    """Return orthonormal directions, (d, r) float32, of CSR rows (n, d).

    r is at most ``count``, and 0 if the rows carry too little information.
    """
    from sklearn.utils.extmath import randomized_svd

    r = min(count, *X.shape) - 1 if min(X.shape) <= count else count
    if r < 1 or not X.nnz:
        return np.zeros((X.shape[1], 0), np.float32)
    _, _, components = randomized_svd(X, r, n_iter=_PASSES, random_state=seed)
    return np.ascontiguousarray(components.T, np.float32)


def seconds(values: float, features: float, count: int) -> float:
    """Return the predicted seconds for this number of stored values."""
    wide = count + 10
    return (2 * _PASSES + 2) * (1e-9 * values * wide + 3e-10 * features * wide * wide) if count else 0.0
