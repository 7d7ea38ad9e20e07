"""All columns of numbers looked at together: missing ones filled by what the rest of the row says, and rows that stand
alone told. Kept as arrays beside the columns, where a way asks for it.
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
class Together:
    """Neither of the two, either or both."""

    filling: Filling | None = None
    outliers: Outliers | None = None

    def __bool__(self) -> bool:
        return self.filling is not None or self.outliers is not None

    @property
    def width(self) -> int:
        """Features that come beside the columns' own."""
        gaps = 0 if self.filling is None else int(self.filling.gaps.sum())
        return gaps + (0 if self.outliers is None else isolation_forest.WIDTH)

    def filled(self, X: Array) -> Array:
        """(n, m) the numbers that the columns' own features are made of."""
        return X if self.filling is None else self.filling.filled(X)

    def matrix(self, X: Array) -> Array:
        """(n, width) float32 of the numbers as they came."""
        parts = [np.zeros((len(X), 0), np.float32)]
        if self.filling is not None:
            parts.append(np.isnan(X[:, self.filling.gaps]).astype(np.float32))
        if self.outliers is not None:
            parts.append(self.outliers.matrix(X))
        return np.concatenate(parts, axis=1)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        said: dict[str, Any] = {"format": 1}
        if self.filling is not None:
            said["filling"] = self.filling.name
            save_file({n: np.ascontiguousarray(a) for n, a in self.filling.arrays().items()}, folder / FILLING)
        if self.outliers is not None:
            said["outliers"] = {"middle": self.outliers.middle.tolist(), "usual": self.outliers.usual}
            (folder / OUTLIERS).mkdir()
            self.outliers.forest.save(folder / OUTLIERS)
        (folder / FILE).write_text(json.dumps(said), encoding="utf-8")


def fit(X: Array, missing: str, flags: bool, seed: int) -> Together:
    """X (n, m) float64, NaN where missing. ``missing``: "median" and "mean" are left to each column."""
    if not X.shape[1] or not len(X):
        return Together()
    fills = missing not in ("median", "mean") and bool(np.isnan(X).any())
    return Together(
        imputation.fit(missing, X, seed) if fills else None, isolation_forest.fit(X, seed) if flags else None
    )  # fmt: skip


def open(folder: Path, columns: int) -> Together:
    """What ``save`` wrote about so many columns of numbers; nothing where nothing was. Raises BundleError."""
    path = folder / FILE
    if not path.exists():
        return Together()
    with safe_load.damaged(path):
        said = safe_load.load_json(path, _LARGEST)
        filled = None
        if "filling" in said:
            filled = imputation.restore(
                str(said["filling"]), safe_load.load_arrays(folder / FILLING, _LARGEST), columns
            )
        found = _outliers(folder, said["outliers"], columns) if "outliers" in said else None
    return Together(filled, found)


def _outliers(folder: Path, said: Any, columns: int) -> Outliers:
    middle, usual = np.array(said["middle"], np.float64), float(said["usual"])
    trees = tree_arrays.open(folder / OUTLIERS, 1)
    if middle.shape != (columns,) or not np.isfinite(middle).all() or not 0 < usual < np.inf:
        raise ValueError("its middles do not go with the columns")
    if trees.features != columns:
        raise ValueError("its trees do not go with the columns")
    return Outliers(trees, middle, usual)
