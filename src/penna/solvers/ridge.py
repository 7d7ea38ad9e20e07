"""Ridge regression by conjugate gradients in float32.

The code is Penna's own for the reasons in ``logistic``: a deadline, float32, threads, and the same rows. Knows a
matrix of features (dense, or sparse rows), numbers and a deadline; never a text or a task.
"""

import time
from typing import Any

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.solvers.logistic import Logistic
from penna.solvers.matrix_products import Rows, rows_of


def fit_ridge(
    X: Any,
    y: Array,
    *,
    alpha: float = 1.0,
    weights: Array | None = None,
    deadline: Deadline | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    threads: int = 2,
) -> Logistic:
    """Minimize Σ weight · (y - X coef - intercept)² + alpha ‖coef‖², with a free intercept, as scikit-learn's Ridge.

    Parameters
    ----------
    X : ndarray or scipy CSR of float32, shape (n, d)
        Features.
    y : ndarray of shape (n,)
        Numbers of about unit size.
    alpha : float
        Regularization strength.
    weights : ndarray of shape (n,), optional
        Row weights. Default: all 1.
    deadline : Deadline, optional
        Overrun by one product at most; the result is then the point reached.

    Returns
    -------
    Logistic
        The weights; coef is (1, d).
    """
    rows = rows_of(X, threads, 1)
    share = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    share = share.astype(np.float32)
    centre = float(np.average(y, weights=share))
    w = _conjugate(rows, (y - centre).astype(np.float32), share, np.float32(alpha), deadline, max_iter, tol)
    intercept = np.array([centre - float(np.average(rows.times(w)[:, 0], weights=share))], np.float32)
    coef, shifted = rows.outward(w, intercept)
    return Logistic(np.ascontiguousarray(coef, np.float32), np.asarray(shifted, np.float32))


def _conjugate(
    rows: Rows, y: Array, share: Array, alpha: Any, deadline: Deadline | None, most: int, tol: float
) -> Array:
    """Solve (XᵀSPX + alpha) w = XᵀSPy, (d, 1), by conjugate gradients; P removes the weighted mean.

    S holds the rows' weights, y (n,) is centered; Jacobi preconditioner. Hestenes and Stiefel (1952). Dense rows are on
    their principal axes, so the first step is the solution.
    """
    w: Array = np.zeros((len(rows.squares), 1), np.float32)
    scale = (1 / (float(share.sum()) * rows.squares + alpha))[:, None].astype(np.float32)
    residual = rows.back((share * y)[:, None])
    towards = scale * residual
    size = first = float(np.vdot(residual, towards))
    direction = towards.copy()
    for _ in range(most):
        if size <= tol * tol * first:
            break
        began = time.monotonic()
        product = _product(rows, direction, share, alpha)
        step = np.float32(size / float(np.vdot(direction, product)))
        w += step * direction
        residual -= step * product
        towards = scale * residual
        before, size = size, float(np.vdot(residual, towards))
        direction = towards + np.float32(size / before) * direction
        if deadline is not None and deadline.left() < time.monotonic() - began:
            break
    return w


def _product(rows: Rows, w: Array, share: Array, alpha: Any) -> Array:
    margins = rows.times(w)
    margins -= np.average(margins[:, 0], weights=share)
    out: Array = rows.back(margins * share[:, None]) + alpha * w
    return out
