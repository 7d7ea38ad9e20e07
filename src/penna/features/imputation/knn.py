"""k-NN imputation: the mean of the nearest training rows that have the number (Troyanskaya et al. 2001).

It equals scikit-learn's KNNImputer, whose fitting is to keep the rows.
"""

from collections.abc import Mapping

import numpy as np

from penna.data.arrays import Array
from penna.features.imputation.base import MOST_ROWS

MOST_COLUMNS = 1000
_NEIGHBOURS = 5
_CHUNK = 1000


def fit(rows: Array, seed: int) -> dict[str, Array]:
    """Fit on training rows."""
    return {"rows": rows.astype(np.float32)}


def filled(rows: Array, state: Mapping[str, Array]) -> Array:
    """Return the rows without NaN."""
    stored = state["rows"].astype(np.float64)
    out = rows.copy()
    wanted = np.flatnonzero(np.isnan(rows).any(axis=1))
    for i in range(0, len(wanted), _CHUNK):
        block = wanted[i : i + _CHUNK]
        out[block] = _filled(rows[block], stored)
    return out


def _filled(rows: Array, stored: Array) -> Array:
    far, out = _distances(rows, stored), rows.copy()
    for j in np.flatnonzero(np.isnan(rows).any(axis=0)):
        asking, donors = np.flatnonzero(np.isnan(rows[:, j])), np.flatnonzero(~np.isnan(stored[:, j]))
        out[asking, j] = _mean_of_nearest(far[np.ix_(asking, donors)], stored[donors, j])
    return out


def _mean_of_nearest(far: Array, values: Array) -> Array:
    """Return the mean value of the nearest rows, (n,); 0 if none is near."""
    k = min(_NEIGHBOURS, len(values))
    if not k:
        return np.zeros(len(far))
    near = np.argpartition(far, k - 1, axis=1)[:, :k]
    counted = np.isfinite(np.take_along_axis(far, near, axis=1))
    return np.asarray((values[near] * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1))


def _distances(rows: Array, stored: Array) -> Array:
    """Return mean square distances over the columns that both rows have, (n, d); infinite without any."""
    here, valid = ~np.isnan(rows), ~np.isnan(stored)
    a, b = np.where(here, rows, 0.0), np.where(valid, stored, 0.0)
    p, q = here.astype(np.float64), valid.astype(np.float64)
    total = np.maximum((a * a) @ q.T - 2 * a @ b.T + p @ (b * b).T, 0)
    shared = p @ q.T
    return np.asarray(np.divide(total, shared, out=np.full_like(total, np.inf), where=shared > 0))


def check(state: Mapping[str, Array], columns: int) -> None:
    """Raise ValueError or KeyError if ``fit`` cannot have produced this state."""
    rows = state["rows"]
    if len(state) != 1 or rows.ndim != 2 or rows.shape[1] != columns or len(rows) > MOST_ROWS:
        raise ValueError("the stored rows do not match the columns")
    if np.isinf(rows).any():
        raise ValueError("a stored row holds no number")
