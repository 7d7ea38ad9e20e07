"""Joint features of all numeric columns: imputation from the rest of the row, and outlier flags.

They are stored as arrays next to the columns, if the encoding requests them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.data.arrays import Array
from penna.features import imputation, isolation_forest, tree_arrays
from penna.features.imputation.base import Filling
from penna.features.isolation_forest import Outliers

FILE = "together.json"
FILLING = "filling.safetensors"
OUTLIERS = "outliers"
_LARGEST = 1 << 28


@dataclass(frozen=True, eq=False)
class NumericMatrix:
    """Joint imputation and outlier scores; either may be absent."""

    filling: Filling | None = None
    outliers: Outliers | None = None

    def __bool__(self) -> bool:
        return self.filling is not None or self.outliers is not None

    @property
    def width(self) -> int:
        """Return the number of joint features."""
        gaps = 0 if self.filling is None else int(self.filling.gaps.sum())
        return gaps + (0 if self.outliers is None else isolation_forest.WIDTH)

    def filled(self, X: Array) -> Array:
        """Return the numbers for the columns' own features, (n, m)."""
        return X if self.filling is None else self.filling.filled(X)

    def matrix(self, X: Array) -> Array:
        """Return the joint features, (n, width) float32, of the original numbers."""
        parts = [np.zeros((len(X), 0), np.float32)]
        if self.filling is not None:
            parts.append(np.isnan(X[:, self.filling.gaps]).astype(np.float32))
        if self.outliers is not None:
            parts.append(self.outliers.matrix(X))
        return np.concatenate(parts, axis=1)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        from safetensors.numpy import save_file

        data: dict[str, Any] = {"format": 1}
        if self.filling is not None:
            data["filling"] = self.filling.name
            save_file({n: np.ascontiguousarray(a) for n, a in self.filling.arrays().items()}, folder / FILLING)
        if self.outliers is not None:
            data["outliers"] = {"middle": self.outliers.middle.tolist(), "usual": self.outliers.usual}
            (folder / OUTLIERS).mkdir()
            self.outliers.forest.save(folder / OUTLIERS)
        (folder / FILE).write_text(json.dumps(data), encoding="utf-8")


def fit(X: Array, missing: str, flags: bool, seed: int) -> NumericMatrix:
    """Fit to X, (n, m) float64, NaN if missing. "median" and "mean" in ``missing`` are left to each column."""
    if not X.shape[1] or not len(X):
        return NumericMatrix()
    fills = missing not in ("median", "mean") and bool(np.isnan(X).any())
    return NumericMatrix(
        imputation.fit(missing, X, seed) if fills else None, isolation_forest.fit(X, seed) if flags else None
    )  # fmt: skip


def load(folder: Path, columns: int) -> NumericMatrix:
    """Return the features that ``save`` stored for this number of columns; empty if none. Raises BundleError."""
    path = folder / FILE
    if not path.exists():
        return NumericMatrix()
    with safe_load.damaged(path):
        data = safe_load.load_json(path, _LARGEST)
        filled = None
        if "filling" in data:
            filled = imputation.restore(
                str(data["filling"]), safe_load.load_arrays(folder / FILLING, _LARGEST), columns
            )
        outliers = _outliers(folder, data["outliers"], columns) if "outliers" in data else None
    return NumericMatrix(filled, outliers)


def _outliers(folder: Path, data: Any, columns: int) -> Outliers:
    middle, usual = np.array(data["middle"], np.float64), float(data["usual"])
    trees = tree_arrays.load(folder / OUTLIERS, 1)
    if middle.shape != (columns,) or not np.isfinite(middle).all() or not 0 < usual < np.inf:
        raise ValueError("its medians do not match the columns")
    if trees.features != columns:
        raise ValueError("its trees do not match the columns")
    return Outliers(trees, middle, usual)
