"""Gradient-boosted trees as arrays: copied from scikit-learn, evaluated in numpy, stored in safetensors.

scikit-learn's own object could only be pickled, and would bring scikit-learn into every server. The copied arrays are
internal to it, so each forest is compared with it, row by row, before use. Knows a dense matrix; never a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.data.arrays import Array

FILE = "forest.safetensors"
#: The arrays of nodes, and their types.
TYPES = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "missing_left": np.bool_,
    "leaf": np.bool_,
    "value": np.float32,
    "roots": np.int32,
    "start": np.float64,
}
#: Maximum nodes visited at once: rows of a chunk times trees.
_CHUNK = 2_000_000
_LARGEST = 1 << 30
#: Maximum steps of a walk: trees have a few dozen leaves.
_DEEPEST = 256
#: Maximum difference from scikit-learn, in its own margins.
PARITY = 1e-4


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of a gradient-boosted model.

    Attributes
    ----------
    nodes : mapping of str to ndarray
        ``roots`` (trees,): the first node of each tree; tree t adds to column t % k of the margins.
        ``feature`` (nodes,): the column of the matrix to compare.
        ``threshold`` (nodes,): values up to this go left; NaN goes left if ``missing_left``.
        ``left`` and ``right`` (nodes,): child nodes, counted over all trees.
        ``value`` (nodes,): the output of a leaf. ``start`` (k,): the margins before any tree.
    features : int
        The number of columns of the matrix.
    """

    nodes: Mapping[str, Array]
    features: int

    @property
    def trees(self) -> int:
        """Return the number of trees."""
        return len(self.nodes["roots"])

    def margins(self, X: Array) -> Array:
        """Return the margins, (n, k) float32, of X (n, features)."""
        k = len(self.nodes["start"])
        out = np.empty((len(X), k), np.float32)
        step = max(1, _CHUNK // max(self.trees, 1))
        for i in range(0, len(X), step):
            part = np.asarray(X[i : i + step], np.float64)
            leaves = self.nodes["value"][self._leaves(part)].astype(np.float64)
            out[i : i + step] = self.nodes["start"] + leaves.reshape(len(part), -1, k).sum(axis=1)
        return out

    def _leaves(self, X: Array) -> Array:
        """Return the leaf of each row in each tree, (n, trees)."""
        nodes = self.nodes
        at: Array = np.repeat(nodes["roots"][None, :], len(X), axis=0)
        rows = np.arange(len(X))[:, None]
        while not (done := nodes["leaf"][at]).all():
            cell = X[rows, nodes["feature"][at]]
            with np.errstate(invalid="ignore"):
                left = np.where(np.isnan(cell), nodes["missing_left"][at], cell <= nodes["threshold"][at])
            at = np.where(done, at, np.where(left, nodes["left"][at], nodes["right"][at]))
        return at

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(array) for name, array in self.nodes.items()}
        save_file(arrays, folder / FILE, metadata={"features": str(self.features)})


def of(model: Any, X: Array) -> Forest:
    """Return the forest of a fitted HistGradientBoosting model of numbers (no categories).

    Raises RuntimeError if its margins for rows X (n, features) differ from the model's.
    """
    parts = [tree.nodes for step in model._predictors for tree in step]
    firsts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    shift = np.repeat(firsts, [len(part) for part in parts]) if parts else np.zeros(0, np.int64)
    flat = np.concatenate(parts) if parts else np.zeros(0, [])
    names = {"feature": "feature_idx", "threshold": "num_threshold", "missing_left": "missing_go_to_left"}
    names |= {"leaf": "is_leaf", "value": "value", "left": "left", "right": "right"}
    arrays = {name: flat[theirs] for name, theirs in names.items()}
    arrays["feature"] = np.where(arrays["leaf"], 0, arrays["feature"])
    arrays["left"], arrays["right"] = arrays["left"] + shift, arrays["right"] + shift
    arrays |= {"roots": firsts, "start": np.ravel(model._baseline_prediction)}
    forest = Forest({n: np.asarray(arrays[n], kind) for n, kind in TYPES.items()}, X.shape[1])
    # Only leaf values are rounded to float32; thresholds are exact. So only the last digits can differ.
    far = float(np.abs(forest.margins(X) - model._raw_predict(np.asarray(X, np.float64))).max(initial=0))
    if not far <= PARITY * max(1.0, float(np.abs(arrays["start"]).max(initial=0))):
        raise RuntimeError(f"the trees as they are stored differ from scikit-learn's by {far:.2g}")
    return forest


def load(folder: Path, columns: int) -> Forest:
    """Return the forest that ``save`` stored, with ``columns`` margins. Raises BundleError for anything else."""
    path = folder / FILE
    with safe_load.damaged(path):
        arrays, about = safe_load.load_described(path, _LARGEST)
        features = int(about["features"])
        _check(arrays, features, columns)
    return Forest(arrays, features)


def _check(arrays: Mapping[str, Array], features: int, columns: int) -> None:
    """Raise ValueError unless every walk from a root ends in a leaf."""
    n = len(arrays["feature"])
    for name, kind in TYPES.items():
        expected = {"roots": len(arrays["roots"]), "start": columns}.get(name, n)
        if arrays[name].dtype != kind or arrays[name].shape != (expected,):
            raise ValueError(f"{name} is not of its type or size")
    inner = ~arrays["leaf"]
    at = np.arange(n)[inner]
    for side in ("left", "right"):  # a child comes after its parent, so no walk is circular
        if (arrays[side][inner] <= at).any() or (arrays[side][inner] >= n).any():
            raise ValueError("its nodes are out of order")
    _check_depth(arrays)
    if not _within(arrays["feature"], features):  # leaves are visited, too; their comparison is ignored
        raise ValueError("a node reads a missing column")
    if len(arrays["roots"]) % columns or not _within(arrays["roots"], n):
        raise ValueError("its trees do not match its columns")
    if not (np.isfinite(arrays["value"]).all() and np.isfinite(arrays["start"]).all()):
        raise ValueError("a leaf is no number")


def _check_depth(arrays: Mapping[str, Array]) -> None:
    """Raise ValueError for trees with a long walk."""
    at = np.unique(arrays["roots"][(arrays["roots"] >= 0) & (arrays["roots"] < len(arrays["leaf"]))])
    for _ in range(_DEEPEST):
        inner = at[~arrays["leaf"][at]]
        if not len(inner):
            return
        at = np.unique(np.concatenate([arrays["left"][inner], arrays["right"][inner]]))
    raise ValueError("its trees are too deep")


def _within(places: Array, end: int) -> bool:
    return bool(((places >= 0) & (places < end)).all())
