"""Iterative imputation: each column as a linear function of the others, repeatedly (van Buuren 2011, "mice").

scikit-learn's IterativeImputer fits; its weights are stored step by step. They are internal to scikit-learn, so their
results are compared with its own, row by row, before use.
"""

import warnings
from collections.abc import Mapping

import numpy as np

from penna.data.arrays import Array
from penna.features.imputation.base import FURTHEST

MOST_COLUMNS = 40
_ROUNDS = 5
_PARITY = 1e-3


def fit(rows: Array, seed: int) -> dict[str, Array]:
    """Fit on training rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (enables the next import)
    from sklearn.impute import IterativeImputer

    rows = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    bounds = {"min_value": -FURTHEST, "max_value": FURTHEST}
    imputer = IterativeImputer(max_iter=_ROUNDS, random_state=seed, **bounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = imputer.fit_transform(rows)
    state = _taken(imputer, rows.shape[1])
    far = float(np.abs(filled(rows, state) - theirs).max(initial=0))
    if not far <= _PARITY:
        raise RuntimeError(f"imputed numbers differ from scikit-learn's by {far:.2g}")
    return state


def _taken(imputer: object, m: int) -> dict[str, Array]:
    """Return ``column``, ``weights`` (steps, m) and ``bias`` of each step, a linear model; the ``first`` guess (m,)."""
    steps = imputer.imputation_sequence_  # type: ignore[attr-defined]
    weights = np.zeros((len(steps), m))
    for i, step in enumerate(steps):
        weights[i, step.neighbor_feat_idx] = step.estimator.coef_
    return {
        "column": np.array([step.feat_idx for step in steps], np.float32),
        "weights": weights.astype(np.float32),
        "bias": np.array([step.estimator.intercept_ for step in steps], np.float32),
        "first": np.asarray(imputer.initial_imputer_.statistics_, np.float32),  # type: ignore[attr-defined]
    }


def filled(rows: Array, state: Mapping[str, Array]) -> Array:
    """Return the rows without NaN."""
    missing = np.isnan(rows)
    out = np.where(missing, state["first"], rows)
    for j, weights, bias in zip(state["column"].astype(int), state["weights"], state["bias"], strict=True):
        asking = missing[:, j]
        if asking.any():
            out[asking, j] = np.clip(out[asking] @ weights + bias, -FURTHEST, FURTHEST)
    return out


def check(state: Mapping[str, Array], columns: int) -> None:
    """Raise ValueError or KeyError if ``fit`` cannot have produced this state."""
    steps = len(state["bias"])
    shapes = {"column": (steps,), "weights": (steps, columns), "bias": (steps,), "first": (columns,)}
    if {name: array.shape for name, array in state.items()} != shapes or steps > 100 * MOST_COLUMNS:
        raise ValueError("the imputation steps do not match the columns")
    if not all(np.isfinite(array).all() for array in state.values()):
        raise ValueError("an imputation step holds a value that is no number")
    if not ((state["column"] >= 0) & (state["column"] < columns)).all():
        raise ValueError("an imputation step fills a missing column")
