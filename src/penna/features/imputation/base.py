"""Imputation: predict a missing number from the other numbers of its row. One file per method.

Methods are fitted on training rows and stored as arrays. Median and mean, which need one column only, are in
``features/columns``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "features.imputation"
FURTHEST = 8.0  # deviations: one extreme number must not decide the others
MOST_ROWS = 2000  # rows to fit on
_MOST_CELLS = 1 << 24


class Filler(Protocol):
    """The members of an imputation method. Rows are (n, m) float64 of mean 0 and deviation 1, NaN if missing."""

    #: The maximum number of columns; more take too long.
    MOST_COLUMNS: int

    def fit(self, rows: Array, seed: int) -> dict[str, Array]:
        """Return the state that ``filled`` needs, as arrays of float32."""
        ...

    def filled(self, rows: Array, state: Mapping[str, Array]) -> Array:
        """Return the rows without NaN; 0 if nothing is known."""
        ...

    def check(self, state: Mapping[str, Array], columns: int) -> None:
        """Raise ValueError or KeyError if ``fit`` cannot have produced this state: it comes from a file."""
        ...


@dataclass(frozen=True, eq=False)
class Filling:
    """A fitted method ``name``.

    Attributes
    ----------
    gaps : ndarray of bool, shape (m,)
        Columns with missing values in training; each gets an indicator.
    scale : ndarray of float64, shape (2, m)
        Mean and deviation; a deviation of 0 if there was no number at all.
    """

    name: str
    gaps: Array
    scale: Array
    state: Mapping[str, Array]

    def filled(self, X: Array) -> Array:
        """Return the numbers without NaN, (n, m) float64."""
        missing = np.isnan(X)
        if not missing.any():
            return X
        mean, deviation = self.scale
        whole = find(self.name).filled(_standard(X, self.scale), self.state)
        return np.where(missing, whole * deviation + mean, X)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays to store."""
        return {"gaps": self.gaps, "scale": self.scale, **self.state}


def fit(name: str, X: Array, seed: int) -> Filling:
    """Fit method ``name`` to X, (n, m) float64, NaN if missing."""
    missing = np.isnan(X)
    counts = np.maximum((~missing).sum(axis=0), 1)
    mean = np.nansum(X, axis=0) / counts
    deviation = np.sqrt(np.nansum(np.square(X - mean), axis=0) / counts)
    # A constant column is filled with its mean, whatever else a row holds; an empty column with 0.
    scale = np.stack([mean, deviation])
    sample = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    return Filling(
        name, np.asarray(missing.any(axis=0)), scale, find(name).fit(_standard(X[np.sort(sample)], scale), seed)
    )


def restore(name: str, arrays: Mapping[str, Array], columns: int) -> Filling:
    """Return the imputation that ``arrays`` stored. Raises ValueError, KeyError or SettingError for anything else."""
    state = {key: array for key, array in arrays.items() if key not in ("gaps", "scale")}
    gaps, scale = arrays["gaps"], arrays["scale"]
    if gaps.shape != (columns,) or gaps.dtype != np.bool_ or scale.shape != (2, columns):
        raise ValueError("its filled columns do not match the table's")
    if scale.dtype != np.float64 or not np.isfinite(scale).all() or (scale[1] < 0).any():
        raise ValueError("a scale is no number")
    if any(array.dtype != np.float32 or array.size > _MOST_CELLS for array in state.values()):
        raise ValueError("a stored array has the wrong type or size")
    find(name).check(state, columns)
    return Filling(name, gaps, scale, state)


@cache
def find(name: str) -> Filler:
    """Return the method called ``name``. Raises SettingError if there is none."""
    filler: Any = plugins.find(ROOM, name)
    return filler  # type: ignore[no-any-return]


def _standard(X: Array, scale: Array) -> Array:
    mean, deviation = scale
    with np.errstate(invalid="ignore"):
        out: Array = np.clip((X - mean) / np.where(deviation > 0, deviation, np.inf), -FURTHEST, FURTHEST)
    return out
