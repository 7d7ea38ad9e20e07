"""k-NN: the mean of the nearest training rows that know the number (Troyanskaya et al. 2001), as scikit-learn's
KNNImputer has it, whose fitting is to keep the rows.
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
    known = state["rows"].astype(np.float64)
    out = rows.copy()
    wanted = np.flatnonzero(np.isnan(rows).any(axis=1))
    for i in range(0, len(wanted), _CHUNK):
        some = wanted[i : i + _CHUNK]
        out[some] = _filled(rows[some], known)
    return out


def _filled(rows: Array, known: Array) -> Array:
    far, out = _distances(rows, known), rows.copy()
    for j in np.flatnonzero(np.isnan(rows).any(axis=0)):
        asking, there = np.flatnonzero(np.isnan(rows[:, j])), np.flatnonzero(~np.isnan(known[:, j]))
        out[asking, j] = _mean_of_nearest(far[np.ix_(asking, there)], known[there, j])
    return out


def _mean_of_nearest(far: Array, values: Array) -> Array:
    """(n,) means of the values of the nearest; 0 where nothing is near."""
    k = min(_NEIGHBOURS, len(values))
    if not k:
        return np.zeros(len(far))
    near = np.argpartition(far, k - 1, axis=1)[:, :k]
    counted = np.isfinite(np.take_along_axis(far, near, axis=1))
    return np.asarray((values[near] * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1))


def _distances(rows: Array, known: Array) -> Array:
    """(n, d) mean square distances over what both rows know; infinite where that is nothing."""
    here, there = ~np.isnan(rows), ~np.isnan(known)
    a, b = np.where(here, rows, 0.0), np.where(there, known, 0.0)
    p, q = here.astype(np.float64), there.astype(np.float64)
    total = np.maximum((a * a) @ q.T - 2 * a @ b.T + p @ (b * b).T, 0)
    shared = p @ q.T
    return np.asarray(np.divide(total, shared, out=np.full_like(total, np.inf), where=shared > 0))


def check(state: Mapping[str, Array], columns: int) -> None:
    rows = state["rows"]
    if len(state) != 1 or rows.ndim != 2 or rows.shape[1] != columns or len(rows) > MOST_ROWS:
        raise ValueError("the rows that were kept do not go with the columns")
    if np.isinf(rows).any():
        raise ValueError("a row that was kept holds no number")
