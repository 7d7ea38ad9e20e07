"""Support vector regression by L-BFGS in float32: small errors cost nothing, large ones cost linearly.

The code is Penna's own for the reasons in ``logistic``: a deadline, float32, threads, and the same rows. Knows a
matrix of features (dense, or sparse rows), numbers and a deadline; never a text or a task.
"""

from typing import Any

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.solvers.logistic import Logistic, descended
from penna.solvers.matrix_products import rows_of

#: The corners of the loss are rounded by this width: quasi-Newton steps need a continuous slope.
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
    """Minimize c · Σ weight · max(0, |y - X coef - intercept| - epsilon) + ½ ‖coef‖², with a free intercept.

    Parameters
    ----------
    X : ndarray or scipy CSR of float32, shape (n, d)
        Features.
    y : ndarray of shape (n,)
        Numbers of about unit size.
    c, epsilon : float
        Inverse regularization strength; the error that costs nothing.
    weights : ndarray of shape (n,), optional
        Row weights. Default: all 1.
    deadline : Deadline, optional
        Overrun by one gradient at most; the result is then the point reached.

    Returns
    -------
    Logistic
        The weights; coef is (1, d).

    Raises
    ------
    TimeoutError
        If not one step was completed by the deadline.

    References
    ----------
    Drucker et al. 1996, "Support Vector Regression Machines"; its corners are rounded as in Huber's loss.
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
