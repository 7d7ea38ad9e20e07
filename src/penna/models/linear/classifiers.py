"""The models of the family ``linear``, each of them fitted to one matrix of weights."""

from dataclasses import replace
from typing import Any

import numpy as np

from penna.budget import Resources
from penna.data.arrays import Array
from penna.features.selection.base import members
from penna.heads.links import Link, Target
from penna.search.recipe import Recipe
from penna.solvers.logistic import Logistic, fit_logistic, softmax
from penna.solvers.ridge import fit_ridge
from penna.solvers.svr import fit_svr

TOLERANCE = 1e-3  # on ten data sets 1e-6 takes three times as long and moves accuracy by less than 0.001


def fit_numbers(X: Any, target: Target, recipe: Recipe, resources: Resources) -> tuple[Logistic, Link]:
    """Weights for CSR rows, of a ridge or a support vector regression, and the link."""
    limits: dict[str, Any] = {"deadline": resources.deadline, "tol": TOLERANCE, "threads": resources.threads}
    limits["weights"] = target.weights
    if recipe["classifier"] == "svr":
        return fit_svr(X, target.y, c=recipe["c"], epsilon=recipe["epsilon"], **limits), target.link
    return fit_ridge(X, target.y, alpha=recipe.get("alpha", 1.0), **limits), target.link


def fit_classes(X: Any, target: Target, recipe: Recipe, resources: Resources) -> tuple[Logistic, Link]:
    """Weights for CSR rows, of whatever learns classes, and the link."""
    return fit_classifier(X, target.y, target.columns, recipe, resources, target.weights), target.link


def fit_classifier(
    X: Any, y: Array, classes: int, recipe: Recipe, resources: Resources, weights: Array | None = None
) -> Logistic:
    """Weights for CSR rows, calibrated where the classifier's own outputs are no probabilities.

    ``weights`` (n,): how far each row is to be believed.
    """
    if recipe["classifier"] == "logistic":
        return _solve(X, y, classes, recipe, resources, weights)
    learn, held = _halves(y, recipe.seed)
    # The part that calibrates may take half of what is left; the weights of all rows start where it ended.
    half = replace(resources, deadline=resources.deadline.before(resources.deadline.left() / 2))
    some = None if weights is None else weights[learn]
    if recipe["classifier"] == "svm":
        partial = _solve(X[learn], y[learn], classes, recipe, half, some)
        whole = _solve(X, y, classes, recipe, resources, weights, start=partial)
    else:
        partial = complement_nb(X[learn], y[learn], classes, recipe["alpha"], some)
        whole = complement_nb(X, y, classes, recipe["alpha"], weights)
    slope, shift = calibrate(partial.margins(X[held]), y[held], None if weights is None else weights[held])
    return Logistic(whole.coef * slope, whole.intercept * slope + shift)


def _solve(
    X: Any,
    y: Array,
    classes: int,
    recipe: Recipe,
    resources: Resources,
    weights: Array | None,
    start: Logistic | None = None,
) -> Logistic:
    if recipe.get("balanced"):
        even = balance(y, classes, weights)
        weights = even if weights is None else even * weights
    return fit_logistic(
        X,
        y,
        classes,
        c=recipe["c"],
        weights=weights,
        deadline=resources.deadline,
        tol=TOLERANCE,
        start=start,
        threads=resources.threads,
        loss="hinge" if recipe["classifier"] == "svm" else "logistic",
        scale=log_counts(X, y, classes, weights=weights) if recipe.get("nb") else None,
    )


def balance(y: Array, classes: int, weights: Array | None = None) -> Array:
    """(n,) factors of the rows' ``weights`` (1 for each if None) that give every class the same total."""
    counts = np.bincount(y, weights=weights, minlength=classes).astype(np.float64)
    return np.asarray(counts.sum() / (np.count_nonzero(counts) * np.maximum(counts[y], 1e-12)))


def log_counts(X: Any, y: Array, classes: int, alpha: float = 1.0, weights: Array | None = None) -> Array:
    """Return absolute log-count ratios (k, d) of each class against the rest, with a floor.

    They are the prior widths of NBSVM (Wang and Manning 2012, "Baselines and Bigrams"). The floor keeps every feature.
    """
    inside = sums(X, y, classes, weights)[1:] if classes == 2 and y.ndim == 1 else sums(X, y, classes, weights)
    total = np.asarray(X.sum(axis=0) if weights is None else X.T @ weights.astype(np.float32), np.float64)
    share = (inside + alpha) / (inside + alpha).sum(axis=1, keepdims=True)
    rest = (total - inside + alpha) / (total - inside + alpha).sum(axis=1, keepdims=True)
    return np.asarray(np.abs(np.log(share / rest)) + 0.25, np.float32)


def complement_nb(X: Any, y: Array, classes: int, alpha: float, weights: Array | None = None) -> Logistic:
    """Complement naive Bayes (Rennie et al., Tackling the Poor Assumptions of Naive Bayes, 2003)."""
    inside = sums(X, y, classes, weights)
    others = inside.sum(axis=0) - inside + alpha
    coef = -np.log(others / others.sum(axis=1, keepdims=True))
    # A softmax knows differences alone; without what all classes share, half precision loses nothing.
    coef = coef[1:] - coef[:1] if classes == 2 and y.ndim == 1 else coef - coef.mean(axis=0)
    return Logistic(coef.astype(np.float32), np.zeros(len(coef), np.float32))


def calibrate(margins: Array, y: Array, weights: Array | None = None) -> tuple[np.float32, Array]:
    """Return the slope and the shift (k,) with which a softmax of margins fits held-out classes best.

    That is temperature scaling with a bias, and Platt scaling for two classes. ``weights`` (n,) are those of rows.
    """
    spread = float(margins.std()) or 1.0
    scaled = (margins / spread).astype(np.float64)
    k = scaled.shape[1]
    truth = (y[:, None] == (np.arange(k) if k > 1 else 1)).astype(np.float64)
    # A pull towards slope 1 and no shift, worth one row: a few held-out rows must not decide alone.
    share = np.ones(len(y)) if weights is None else weights.astype(np.float64)
    rows = float(share.sum()) + 1.0

    def loss(point: Array) -> tuple[float, Array]:
        slope = np.exp(point[0])
        z = slope * scaled + point[1:]
        full = np.concatenate([np.zeros_like(z), z], axis=1) if k == 1 else z
        own = full[np.arange(len(y)), y]
        top = full.max(axis=1)
        value = float((top + np.log(np.exp(full - top[:, None]).sum(axis=1)) - own) @ share)
        gap = share[:, None] * (softmax(full)[:, -k:] - truth)
        slopes = np.concatenate([[slope * float((gap * scaled).sum())], gap.sum(axis=0)])
        return (value + 0.5 * float(point @ point)) / rows, (slopes + point) / rows

    from scipy.optimize import minimize

    found = minimize(loss, np.zeros(k + 1), jac=True, method="L-BFGS-B", bounds=[(-4, 6), *[(-10, 10)] * k]).x
    return np.float32(np.exp(found[0]) / spread), found[1:].astype(np.float32)


def _halves(y: Array, seed: int, share: float = 0.2) -> tuple[Array, Array]:
    """Positions to learn from and, of every class with two rows or more, ``share`` of the rows held out."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    place = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    held = (place < np.maximum(1, np.round(share * size))) & (size > 1)
    return np.sort(order[~held]), np.sort(order[held])


def sums(X: Any, y: Array, classes: int, weights: Array | None = None) -> Array:
    """(classes, d) float64 column sums of the rows of each class, or of each column of 0 and 1."""
    from scipy.sparse import diags_array

    member = members(y, classes).T
    if weights is not None:
        member = member @ diags_array(weights.astype(np.float32))
    return np.asarray((member @ X).todense(), np.float64)
