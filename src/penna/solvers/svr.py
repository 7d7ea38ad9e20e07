"""Support vector regression by L-BFGS in float32.

What is nearly right counts for nothing, what is far off no more than by how far. Knows a matrix of features (dense, or
sparse rows), numbers and a deadline; never a text or a task.

Own code next to scikit-learn's, for the reasons of ``logistic``: a deadline, float32, threads, and the same rows.
"""

from typing import Any

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.solvers.logistic import Logistic, descended
from penna.solvers.matrix_products import rows_of

#: The corners of the loss are rounded over so much: quasi-Newton steps need a slope that does not jump.
_ROUND = 0.1


def fit_svr(
    X: Any,
    y: Array,
    *,
    c: float = 1.0,
    epsilon: float = 0.1,
    weights: Array | None = None,
    deadline: Deadline | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    threads: int = 2,
) -> Logistic:
    """Minimise c · Σ weight · max(0, |y - X coef - intercept| - epsilon) + ½ ‖coef‖², intercept free; coef (1, d).

    X        (n, d) float32, dense or scipy CSR
    y        (n,) numbers of about unit size
    weights  (n,) of the rows, or None for all 1
    deadline overrun by one gradient at most; the result is then what was reached (TimeoutError where that is nothing)

    Drucker et al. 1996, "Support Vector Regression Machines"; its corners rounded as in Huber's loss.
    """
    rows = rows_of(X, threads, 1)
    truth = np.asarray(y, np.float32)[:, None]
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    total = max(float(weight.sum()), 1e-12)
    share = (weight / total).astype(np.float32)[:, None]

    def slopes(margins: Array) -> float:
        margins -= truth
        far = np.maximum(np.abs(margins) - np.float32(epsilon), 0)
        near = np.minimum(far, np.float32(_ROUND))
        np.multiply(np.sign(margins), near * (share / _ROUND), out=margins)
        return float((share * near * (far - near / 2)).sum(dtype=np.float64)) / _ROUND

    d = len(rows.squares)
    start = Logistic(np.zeros((1, d), np.float32), np.array([np.median(y)], np.float32))
    ridge = np.float32(1 / (c * total))
    return descended(rows, slopes, np.ones(1), ridge, deadline, max_iter, tol, start)
