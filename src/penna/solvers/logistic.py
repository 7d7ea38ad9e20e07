"""Linear classifiers by L-BFGS in float32: multinomial logistic regression and squared-hinge SVM, also multilabel.

Knows a matrix of features (dense, or sparse rows), class indices or a label matrix, and a deadline; never a text or a
task.

It is fast for three reasons: float32 products on all threads, scaled variables (a dense matrix is rotated onto its
principal axes, and each weight is measured in units of its own curvature, so few steps suffice), and warm starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.solvers.lbfgs import minimise
from penna.solvers.matrix_products import Rows, rows_of


@dataclass(frozen=True)
class Logistic:
    """Weights: coef (k, d) float32 and intercept (k,) float32. Two classes have one row, k = 1."""

    coef: Array
    intercept: Array

    def margins(self, X: Any) -> Array:
        """Return the margins of dense or sparse rows, (n, k) float32."""
        return np.asarray(X @ self.coef.T, np.float32) + self.intercept

    def probabilities(self, X: Any) -> Array:
        """Return probabilities, (n, classes) float32; rows sum to 1."""
        return softmax(self.margins(X))


def softmax(margins: Array) -> Array:
    """Return probabilities, (n, k), from margins; a single column z means two classes, (0, z).

    >>> softmax(np.zeros((1, 1), np.float32)).tolist()
    [[0.5, 0.5]]
    """
    if margins.shape[1] == 1:
        margins = np.concatenate([np.zeros_like(margins), margins], axis=1)
    out: Array = np.exp(margins - margins.max(axis=1, keepdims=True))
    out /= out.sum(axis=1, keepdims=True)
    return out


def sigmoid(margins: Array) -> Array:
    """Return the probability of each column on its own, (n, k).

    >>> sigmoid(np.zeros((1, 2), np.float32)).tolist()
    [[0.5, 0.5]]
    """
    small = np.exp(-np.abs(margins))
    out: Array = np.where(margins >= 0, 1, small) / (1 + small)
    return out.astype(np.float32, copy=False)


def fit_logistic(
    X: Any,
    y: Array,
    classes: int,
    *,
    c: float = 1.0,
    weights: Array | None = None,
    deadline: Deadline | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    start: Logistic | None = None,
    threads: int = 2,
    loss: str = "logistic",
    scale: Array | None = None,
) -> Logistic:
    """Minimize c · Σ weight · loss + ½ ‖coef / scale‖², with a free intercept, as scikit-learn weighs it.

    Parameters
    ----------
    X : ndarray or scipy CSR of float32, shape (n, d)
        Features.
    y : ndarray of shape (n,) or (n, classes)
        Class indices below ``classes``; or 0 and 1, and each column is solved on its own, all in one pass.
    classes : int
        The number of classes.
    c : float
        Inverse regularization strength.
    weights : ndarray of shape (n,), optional
        Row weights. Default: all 1. For columns of 0 and 1 also (n, classes).
    deadline : Deadline, optional
        Overrun by one gradient at most; the result is then the point reached.
    start : Logistic, optional
        An earlier result for the same classes and features.
    loss : str
        "logistic" (multinomial) or "hinge" (squared, one against the rest).
    scale : ndarray of shape (d,) or (k, d), optional
        Prior width of each weight.

    Returns
    -------
    Logistic
        The weights.

    Raises
    ------
    TimeoutError
        If not one step was completed by the deadline.
    """
    # On rotated axes a prior of single columns would mean something else.
    problem = _Problem(rows_of(X, threads, classes, turn=scale is None), y, classes, weights, loss)
    return problem.fit(c, deadline, max_iter, tol, start, scale)


class _Problem:
    """A matrix with its classes; ``fit`` solves it for one c."""

    def __init__(self, rows: Rows, y: Array, classes: int, weights: Array | None, loss: str) -> None:
        self.rows = rows
        several = y.ndim == 2
        self.y = np.asarray(y, np.float32 if several else np.int64)
        self.columns = 1 if classes == 2 and not several else classes
        share = np.ones((len(y), 1)) if weights is None else np.asarray(weights, np.float64).reshape(len(y), -1)
        self.total = float(share.sum() / share.shape[1])
        self.share = (share / self.total).astype(np.float32)
        if several:
            prior: Array = np.asarray((self.share * y).sum(axis=0), np.float64)
        else:
            prior = np.bincount(self.y, weights=self.share[:, 0], minlength=classes)[-self.columns :]
        if loss == "hinge":
            # With many classes most rows are soon beyond the margin, where the curvature is 0 (a third fewer steps).
            few = np.maximum(2 * prior, 1 / max(len(self.y), 1))
            self.curvature = np.minimum(few, 1.0) if self.columns > 1 else np.ones(1)
            self.slopes = _hinge
        else:
            self.curvature = np.maximum(prior * (1 - prior), 0.5 / max(len(self.y), 1))
            self.slopes = _several if several else _binary if self.columns == 1 else _multinomial

    def fit(
        self,
        c: float,
        deadline: Deadline | None,
        max_iter: int,
        tol: float,
        start: Logistic | None,
        scale: Array | None,
    ) -> Logistic:
        ridge: Any = np.float32(1 / (c * self.total))
        if scale is not None:
            wide = (len(self.rows.squares), self.columns)
            ridge = ridge / np.broadcast_to(np.square(np.atleast_2d(scale)).T, wide).astype(np.float32)
        return descended(
            self.rows, lambda margins: self.slopes(margins, self.y, self.share), self.curvature, ridge,
            deadline, max_iter, tol, start,
        )  # fmt: skip


def descended(
    rows: Rows,
    slopes: Callable[[Array], float],
    curvature: Array,
    ridge: Any,
    deadline: Deadline | None,
    max_iter: int,
    tol: float,
    start: Logistic | None,
) -> Logistic:
    """Return the weights that minimize a loss of margins (n, k) plus ½ ridge · coef².

    Parameters
    ----------
    rows : Rows
        The matrix.
    slopes : callable
        Takes margins, overwrites them with the derivative, and returns the loss.
    curvature : ndarray of shape (k,)
        About the second derivative of the loss, summed over the rows.
    ridge : float or ndarray of shape (d, k)
        Regularization strength.
    """
    d, k = len(rows.squares), len(curvature)
    # Variables are weights in units of 1 / sqrt(curvature): the Hessian is then near the identity.
    unit = np.empty((d + 1, k), np.float32)
    unit[:d] = 1 / np.sqrt(np.outer(rows.squares, curvature) + ridge)
    unit[d] = 1 / np.sqrt(curvature)

    def gradient(x: Array, out: Array) -> float:
        w = x.reshape(d + 1, k) * unit
        margins = rows.times(w[:d])
        margins += w[d]
        loss = slopes(margins)
        g = out.reshape(d + 1, k)
        g[:d] = rows.back(margins)
        g[d] = margins.sum(axis=0)
        shrunk = ridge * w[:d]
        g[:d] += shrunk
        g *= unit
        return loss + 0.5 * float(np.vdot(shrunk, w[:d]))

    x = np.zeros((d + 1, k), np.float32)
    if start is not None:
        x[:d], x[d] = rows.inward(start.coef, start.intercept)
        x /= unit
    try:
        x = minimise(gradient, x.ravel(), deadline=deadline, max_iter=max_iter, tol=tol)
    except TimeoutError:
        if start is None or not start.coef.any():
            raise
    w = x.reshape(d + 1, k) * unit
    coef, intercept = rows.outward(w[:d], w[d])
    return Logistic(np.ascontiguousarray(coef, np.float32), np.asarray(intercept, np.float32))


# Each takes margins (n, k), overwrites them with the derivative, and returns the loss.


def _multinomial(margins: Array, y: Array, share: Array) -> float:
    at = np.arange(len(y))
    margins -= margins.max(axis=1, keepdims=True)
    own = margins[at, y]
    np.exp(margins, out=margins)
    total = margins.sum(axis=1, keepdims=True)
    loss = float(np.dot(share[:, 0].astype(np.float64), np.log(total[:, 0]) - own))
    margins /= total
    margins[at, y] -= 1
    margins *= share
    return loss


def _binary(margins: Array, y: Array, share: Array) -> float:
    sign = (1 - 2 * y).astype(np.float32)[:, None]  # +1 for class 0, so that a wrong margin is positive
    wrong = margins * sign
    loss = float(np.vdot(share.astype(np.float64), np.logaddexp(0, wrong)))
    np.multiply(sign * share, 1 / (1 + np.exp(-np.clip(wrong, -80, 80))), out=margins)
    return loss


def _several(margins: Array, y: Array, share: Array) -> float:
    small = np.exp(-np.abs(margins))
    loss = float((share * (np.maximum(margins, 0) + np.log1p(small) - y * margins)).sum(dtype=np.float64))
    np.divide(np.where(margins >= 0, np.float32(1), small), 1 + small, out=margins)
    margins -= y
    margins *= share
    return loss


def _hinge(margins: Array, y: Array, share: Array) -> float:
    sign = np.full(margins.shape, -1, np.float32)
    if y.ndim == 2:
        sign += 2 * y
    elif margins.shape[1] == 1:
        sign[:, 0] = 2 * y - 1
    else:
        sign[np.arange(len(y)), y] = 1
    short = np.maximum(0, 1 - sign * margins)
    loss = float((share.astype(np.float64) * np.square(short, dtype=np.float64)).sum())
    np.multiply(-2 * share, sign * short, out=margins)
    return loss
