"""Ridge regression by conjugate gradients in float32. Knows a matrix of features (dense, or sparse rows), numbers and a
deadline; never a text or a task.

Own code beside scikit-learn's, for the reasons of ``logistic``: a deadline, float32, threads, and the same rows.
"""

import time
from typing import Any

import numpy as np

from penna.budget import Deadline
from penna.features.lbfgs import Array
from penna.features.logistic import Logistic
from penna.features.rows import Rows, rows_of


def fit_ridge(
    X: Any,
    y: Array,
    *,
    alpha: float = 1.0,
    deadline: Deadline | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    threads: int = 2,
) -> Logistic:
    """Minimise Σ (y - X coef - intercept)² + alpha ‖coef‖², intercept free, as scikit-learn's Ridge does; coef (1, d).

    X        (n, d) float32, dense or scipy CSR
    y        (n,) numbers of about unit size
    deadline overrun by one product at most; the result is then what was reached
    """
    rows = rows_of(X, threads, 1)
    centre = float(np.mean(y, dtype=np.float64))
    w = _conjugate(rows, (y - centre).astype(np.float32), np.float32(alpha), deadline, max_iter, tol)
    intercept = np.array([centre - float(rows.times(w).mean(dtype=np.float64))], np.float32)
    coef, shifted = rows.outward(w, intercept)
    return Logistic(np.ascontiguousarray(coef, np.float32), np.asarray(shifted, np.float32))


def _conjugate(rows: Rows, y: Array, alpha: Any, deadline: Deadline | None, most: int, tol: float) -> Array:
    """(d, 1) solution of (XᵀPX + alpha) w = XᵀPy, P taking the mean away; Jacobi preconditioner.

    Hestenes and Stiefel (1952); dense rows lie on their principal axes, where the first step is the solution.
    """
    w: Array = np.zeros((len(rows.squares), 1), np.float32)
    scale = (1 / (len(y) * rows.squares + alpha))[:, None].astype(np.float32)
    residual = rows.back(y[:, None])
    towards = scale * residual
    size = first = float(np.vdot(residual, towards))
    direction = towards.copy()
    for _ in range(most):
        if size <= tol * tol * first:
            break
        began = time.monotonic()
        product = _product(rows, direction, alpha)
        step = np.float32(size / float(np.vdot(direction, product)))
        w += step * direction
        residual -= step * product
        towards = scale * residual
        before, size = size, float(np.vdot(residual, towards))
        direction = towards + np.float32(size / before) * direction
        if deadline is not None and deadline.left() < time.monotonic() - began:
            break
    return w


def _product(rows: Rows, w: Array, alpha: Any) -> Array:
    margins = rows.times(w)
    margins -= margins.mean()
    out: Array = rows.back(margins) + alpha * w
    return out
