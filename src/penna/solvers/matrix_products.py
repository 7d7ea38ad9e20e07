"""Products of rows with a matrix and its transpose, for the linear solvers. Knows arrays and threads; no loss."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from penna.data.arrays import Array

_WIDEST_ROTATION = 2048  # beyond this, rotating the matrix costs more than it saves
_BAND = 1_500_000  # numbers in a band's margins: a few megabytes


class Rows(Protocol):
    """(n, d) rows in the coordinates of a solver, which needs only products."""

    squares: Array  # (d,) mean square of each column

    def times(self, w: Array) -> Array:
        """Return the product with ``w``: (d, k) -> (n, k)."""
        ...

    def back(self, r: Array) -> Array:
        """Return the product of the transpose with ``r``: (n, k) -> (d, k)."""
        ...

    def inward(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """Convert weights to the solver's coordinates."""
        ...

    def outward(self, w: Array, b: Array) -> tuple[Array, Array]:
        """Convert weights back to the original coordinates."""
        ...


def rows_of(X: Any, threads: int, columns: int, turn: bool = True) -> Rows:
    """Return rows for a solver with ``columns`` columns of weights. ``turn`` rotates dense ones to principal axes."""
    if hasattr(X, "tocsr"):
        return _Sparse(X.tocsr().astype(np.float32, copy=False), threads, columns)
    return _Dense(np.asarray(X, np.float32), turn and X.shape[1] <= _WIDEST_ROTATION)


class _Dense:
    """Centered rows on their principal axes; the curvature is nearly diagonal there."""

    def __init__(self, X: Array, turn: bool) -> None:
        self.mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = X - self.mean
        self.axes: Array | None = None
        if turn:
            self.axes = np.linalg.eigh(centred.T @ centred)[1]
            centred = centred @ self.axes
        self.centred = centred
        self.squares = np.einsum("ij,ij->j", centred, centred) / max(len(X), 1)

    def times(self, w: Array) -> Array:
        return np.asarray(self.centred @ w)

    def back(self, r: Array) -> Array:
        return np.asarray(self.centred.T @ r)

    def inward(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        w = coef.T if self.axes is None else self.axes.T @ coef.T
        return w, intercept + coef @ self.mean

    def outward(self, w: Array, b: Array) -> tuple[Array, Array]:
        coef = (w if self.axes is None else self.axes @ w).T
        return coef, b - coef @ self.mean


class _Sparse:
    """CSR rows and, in bands of rows, their transpose; split by threads, since scipy's products release the lock.

    Without bands, the transpose of a long matrix reads (n, k) numbers in an order that no cache holds: 4 times slower.
    """

    def __init__(self, X: Any, threads: int, columns: int) -> None:
        self.threads = threads
        self.blocks = _cut(X, threads)
        height = max(20_000, _BAND // columns)
        self.bands = [(i, _cut(X[i : i + height].T.tocsr(), threads)) for i in range(0, X.shape[0], height)]
        self.height = height
        squares = np.bincount(X.indices, weights=X.data * X.data, minlength=X.shape[1])
        self.squares = (squares / max(X.shape[0], 1)).astype(np.float32)

    def times(self, w: Array) -> Array:
        return self._product(self.blocks, np.ascontiguousarray(w))

    def back(self, r: Array) -> Array:
        total: Array = np.zeros((len(self.squares), r.shape[1]), np.float32)
        for i, turned in self.bands:
            total += self._product(turned, r[i : i + self.height])
        return total

    def _product(self, blocks: list[Any], right: Array) -> Array:
        if len(blocks) == 1:
            return np.asarray(blocks[0] @ right)
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(lambda block: block @ right, blocks)))

    def inward(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        return coef.T, intercept

    def outward(self, w: Array, b: Array) -> tuple[Array, Array]:
        return w.T, b


def _cut(X: Any, parts: int) -> list[Any]:
    """Split rows into blocks with about the same number of stored values."""
    if parts <= 1 or X.nnz < 100_000:
        return [X]
    edges = np.searchsorted(X.indptr, np.linspace(0, X.nnz, parts + 1)[1:-1])
    bounds = [0, *edges.tolist(), X.shape[0]]
    return [X[a:b] for a, b in itertools.pairwise(bounds) if b > a]
