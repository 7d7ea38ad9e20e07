"""The models of the family ``linear`` for labels that do not exclude one another.

Each against the rest, all of them in one pass, or one after the other in a chain.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from penna.budget import Resources
from penna.data.arrays import Array
from penna.heads import classifier_chain
from penna.heads.links import SIGMOID, Link, Target
from penna.models.linear.classifiers import TOLERANCE, complement_nb, log_counts
from penna.search.recipe import Recipe
from penna.solvers.logistic import Logistic, fit_logistic, sigmoid

_HELD = 0.2
#: A label that must not be heard is as if its weight cost a million times as much.
_UNHEARD = 1e-3


def fit(X: Any, target: Target, recipe: Recipe, resources: Resources) -> tuple[Logistic, Link]:
    """Weights for CSR or dense rows, calibrated where the margins are those of no probabilities, and the link."""
    y, believed = target.y, target.weights
    if recipe["classifier"] == "logistic" and recipe.get("chain"):
        return _chained(X, y, recipe, resources, believed)
    if recipe["classifier"] == "logistic":
        return _solve(X, y, recipe, resources, believed), SIGMOID
    held = np.random.default_rng(recipe.seed).permutation(len(y)) < _HELD * len(y)
    some = None if believed is None else believed[~held]
    if recipe["classifier"] == "svm":
        # The part that calibrates may take half of what is left; the weights of all rows start where it ended.
        half = replace(resources, deadline=resources.deadline.before(resources.deadline.left() / 2))
        partial = _solve(X[~held], y[~held], recipe, half, some)
        whole = _solve(X, y, recipe, resources, believed, partial)
    else:
        # A label's complement are the rows of all others: against the rest alone, smoothing would drown a rare one.
        partial = complement_nb(X[~held], y[~held], y.shape[1], recipe["alpha"], some)
        whole = complement_nb(X, y, y.shape[1], recipe["alpha"], believed)
    slope, shift = calibrate(partial.margins(X[held]), y[held], None if believed is None else believed[held])
    return Logistic(whole.coef * slope[:, None], whole.intercept * slope + shift), SIGMOID


def _solve(
    X: Any,
    y: Array,
    recipe: Recipe,
    resources: Resources,
    believed: Array | None,
    start: Logistic | None = None,
    scale: Array | None = None,
) -> Logistic:
    weights = believed
    if recipe.get("balanced"):
        weights = balance(y) if believed is None else balance(y, believed) * believed[:, None]
    return fit_logistic(
        X,
        y,
        y.shape[1],
        c=recipe["c"],
        weights=weights,
        deadline=resources.deadline,
        tol=TOLERANCE,
        start=start,
        threads=resources.threads,
        loss="hinge" if recipe["classifier"] == "svm" else "logistic",
        scale=log_counts(X, y, y.shape[1], weights=believed) if recipe.get("nb") else scale,
    )


def balance(y: Array, weights: Array | None = None) -> Array:
    """Return row weights (n, k) that balance the rows with and without each label; ``weights`` (n,) are included."""
    n, rows = (len(y), y.sum(axis=0)) if weights is None else (float(weights.sum()), weights @ y)
    least = 1 if weights is None else 1e-6 * n
    return np.asarray(np.where(y > 0, n / (2 * np.maximum(rows, least)), n / (2 * np.maximum(n - rows, least))))


def _chained(X: Any, y: Array, recipe: Recipe, resources: Resources, believed: Array | None) -> tuple[Logistic, Link]:
    """Weights of the rows' own features, and a link that knows what labels say of those that come after them."""
    d, order = X.shape[1], classifier_chain.order(y)
    scale = np.ones((y.shape[1], d + y.shape[1]), np.float32)
    scale[:, d:][~classifier_chain.heard(order)] = _UNHEARD
    fitted = _solve(_beside(X, y), y, recipe, resources, believed, scale=scale)
    values = classifier_chain.values(order, fitted.coef[:, d:])
    return Logistic(np.ascontiguousarray(fitted.coef[:, :d]), fitted.intercept), Link("chain", values)


def _beside(X: Any, y: Array) -> Any:
    if isinstance(X, np.ndarray):
        return np.concatenate([X, y], axis=1)
    from scipy.sparse import csr_matrix, hstack

    return hstack([X, csr_matrix(y)], format="csr", dtype=np.float32)


def calibrate(margins: Array, y: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return slopes (k,) and shifts (k,) with which a sigmoid of margins fits held-out rows best.

    After Platt 1999, "Probabilistic Outputs for Support Vector Machines".
    """
    from scipy.optimize import minimize

    k = y.shape[1]
    each = np.ones((len(y), 1)) if weights is None else weights.astype(np.float64)[:, None]
    n = float(each.sum())
    mean, spread = margins.mean(axis=0, dtype=np.float64), margins.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1.0
    scaled = (margins - mean) / spread
    share = ((each * y).sum(axis=0) + 0.5) / (n + 1.0)
    usual = np.log(share / (1 - share))
    # A pull towards slope 1 and the label's share, worth one row: a few rows that were held out must not decide alone.
    centre = np.concatenate([np.zeros(k), usual])

    def loss(point: Array) -> tuple[float, Array]:
        slope = np.exp(point[:k])
        z = slope * scaled + point[k:]
        value = float((each * (np.logaddexp(0, z) - y * z)).sum())
        gap = each * (sigmoid(z) - y)
        slopes = np.concatenate([slope * (gap * scaled).sum(axis=0), gap.sum(axis=0)])
        off = point - centre
        return (value + 0.5 * float(off @ off)) / (n + 1.0), (slopes + off) / (n + 1.0)

    bounds = [(-4, 6)] * k + [(-15, 15)] * k
    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds).x
    slope = np.exp(found[:k]) / spread
    return slope.astype(np.float32), (found[k:] - slope * mean).astype(np.float32)
