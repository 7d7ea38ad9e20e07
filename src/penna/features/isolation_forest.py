"""Outlier rows by an isolation forest (Liu, Ting and Zhou 2008): a score and a flag.

scikit-learn's IsolationForest fits; its trees are stored as a ``Forest`` whose leaves add path lengths. Their scores
are compared with scikit-learn's before use.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features.tree_arrays import TYPES, Forest

#: Number of features per row.
WIDTH = 2
_TREES = 50
_SAMPLE = 256
#: The minimum score of an outlier: the average row scores one half, the maximum is 1.
_ALONE = 0.6
_PARITY = 1e-4
_MIDDLE, _SPREAD = 0.45, 0.08  # of scores, nearly whatever the numbers: they scale to unit size


@dataclass(frozen=True, eq=False)
class Outliers:
    """``middle`` (m,) float64 replaces missing numbers; ``usual`` is the path length that halves the score."""

    forest: Forest
    middle: Array
    usual: float

    def scores(self, X: Array) -> Array:
        """Return scores from 0 to 1, (n,) float64, of X (n, m) float64, NaN if missing."""
        whole = np.where(np.isnan(X), self.middle, X).astype(np.float32)
        return np.asarray(2.0 ** (-self.forest.margins(whole)[:, 0].astype(np.float64) / self.usual))

    def matrix(self, X: Array) -> Array:
        """Return the features, (n, WIDTH) float32."""
        scores = self.scores(X)
        return np.stack([(scores - _MIDDLE) / _SPREAD, scores > _ALONE], axis=1).astype(np.float32)


def fit(X: Array, seed: int) -> Outliers:
    """Fit to X, (n, m) float64, NaN if missing. Raises RuntimeError if stored trees score unlike scikit-learn's."""
    from sklearn.ensemble import IsolationForest

    middle = np.array([np.median(present) if len(present := x[~np.isnan(x)]) else 0.0 for x in X.T])
    whole = np.where(np.isnan(X), middle, X).astype(np.float32)
    model = IsolationForest(n_estimators=_TREES, max_samples=min(_SAMPLE, len(X)), random_state=seed).fit(whole)
    usual = max(len(model.estimators_) * float(_short_of(np.array([model.max_samples_]))[0]), 1e-9)
    outliers = Outliers(_forest(model, X.shape[1]), middle, usual)
    far = float(np.abs(outliers.scores(X[:_SAMPLE]) + model.score_samples(whole[:_SAMPLE])).max(initial=0))
    if not far <= _PARITY:
        raise RuntimeError(f"an isolation forest as it is stored differs from scikit-learn's by {far:.2g}")
    return outliers


def _forest(model: Any, features: int) -> Forest:
    trees = [estimator.tree_ for estimator in model.estimators_]
    firsts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    shift = np.repeat(firsts, [tree.node_count for tree in trees])
    flat = {name: np.concatenate([getattr(tree, name) for tree in trees]) for name in ("feature", "threshold")}
    leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    children = {
        side: np.where(leaf, 0, np.concatenate([getattr(tree, f"children_{side}") for tree in trees]) + shift)
        for side in ("left", "right")
    }
    value = np.concatenate([_depths(tree) + _short_of(tree.n_node_samples) for tree in trees])
    nodes = {
        "feature": np.where(leaf, 0, flat["feature"]), "threshold": flat["threshold"], **children,
        "missing_left": np.zeros(len(leaf), bool), "leaf": leaf, "value": value, "roots": firsts, "start": [0.0],
    }  # fmt: skip
    return Forest({name: np.asarray(nodes[name], kind) for name, kind in TYPES.items()}, features)


def _depths(tree: Any) -> Array:
    """Return the depth of each node, (nodes,)."""
    depth = np.zeros(tree.node_count)
    for i in np.flatnonzero(tree.children_left >= 0):  # a child comes after its parent
        depth[[tree.children_left[i], tree.children_right[i]]] = depth[i] + 1
    return depth


def _short_of(rows: Array) -> Array:
    """Return the mean length of an unsuccessful search among this many rows: the path below a leaf."""
    n = np.maximum(rows.astype(np.float64), 3)
    long = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.select([rows <= 1, rows == 2], [0.0, 1.0], long)
