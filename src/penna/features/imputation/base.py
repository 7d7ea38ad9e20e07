"""Filling: what stands in for a missing number, predicted from the row's other numbers.

One file each; the folder is the registry. Fitted on training rows; kept as arrays.

Median and mean, which look at one column, belong to ``features/columns``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "features.imputation"
FURTHEST = 8.0  # deviations: one wild number must not say what others are
MOST_ROWS = 2000  # that a filler learns from
_MOST_CELLS = 1 << 24


class Filler(Protocol):
    """What a file in this folder offers. Rows are (n, m) float64 of mean 0 and deviation 1, NaN where missing."""

    #: More columns than this take too long.
    MOST_COLUMNS: int

    def fit(self, rows: Array, seed: int) -> dict[str, Array]:
        """Return what ``filled`` needs, as arrays of float32."""
        ...

    def filled(self, rows: Array, state: Mapping[str, Array]) -> Array:
        """Return the rows without NaN; 0 where nothing is known."""
        ...

    def check(self, state: Mapping[str, Array], columns: int) -> None:
        """Raise ValueError or KeyError unless ``fit`` could have given this: it comes from a file."""
        ...


@dataclass(frozen=True, eq=False)
class Filling:
    """A fitted filler of ``name``.

    gaps   (m,) bool: columns of which some were missing in training, each of which gets an indicator
    scale  (2, m) float64: mean and deviation; a deviation of 0 where there was no number at all
    """

    name: str
    gaps: Array
    scale: Array
    state: Mapping[str, Array]

    def filled(self, X: Array) -> Array:
        """(n, m) float64 without NaN."""
        missing = np.isnan(X)
        if not missing.any():
            return X
        mean, deviation = self.scale
        whole = find(self.name).filled(_standard(X, self.scale), self.state)
        return np.where(missing, whole * deviation + mean, X)

    def arrays(self) -> dict[str, Array]:
        return {"gaps": self.gaps, "scale": self.scale, **self.state}


def fit(name: str, X: Array, seed: int) -> Filling:
    """X (n, m) float64, NaN where missing."""
    missing = np.isnan(X)
    known = np.maximum((~missing).sum(axis=0), 1)
    mean = np.nansum(X, axis=0) / known
    deviation = np.sqrt(np.nansum(np.square(X - mean), axis=0) / known)
    # A constant is its mean, whatever else a row says; a column of nothing is 0.
    scale = np.stack([mean, deviation])
    some = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    return Filling(
        name, np.asarray(missing.any(axis=0)), scale, find(name).fit(_standard(X[np.sort(some)], scale), seed)
    )


def restore(name: str, arrays: Mapping[str, Array], columns: int) -> Filling:
    """Return what ``arrays`` gave. Raises ValueError, KeyError or SettingError on anything else."""
    state = {key: array for key, array in arrays.items() if key not in ("gaps", "scale")}
    gaps, scale = arrays["gaps"], arrays["scale"]
    if gaps.shape != (columns,) or gaps.dtype != np.bool_ or scale.shape != (2, columns):
        raise ValueError("what was filled does not go with the columns")
    if scale.dtype != np.float64 or not np.isfinite(scale).all() or (scale[1] < 0).any():
        raise ValueError("a scale is no number")
    if any(array.dtype != np.float32 or array.size > _MOST_CELLS for array in state.values()):
        raise ValueError("what was kept is not of its type or size")
    find(name).check(state, columns)
    return Filling(name, gaps, scale, state)


@cache
def find(name: str) -> Filler:
    """Return the filler called ``name``. Raises SettingError."""
    filler: Any = plugins.find(ROOM, name)
    return filler  # type: ignore[no-any-return]


def _standard(X: Array, scale: Array) -> Array:
    mean, deviation = scale
    with np.errstate(invalid="ignore"):
        out: Array = np.clip((X - mean) / np.where(deviation > 0, deviation, np.inf), -FURTHEST, FURTHEST)
    return out
