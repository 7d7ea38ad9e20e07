"""Monotone: numbers through a rising curve.

A model that shrinks towards the mean, or meets a scale with ends, is bent straight: on ratings that is worth more than
any of its own hyperparameters.

Zadrozny and Elkan 2002 calibrate probabilities so; the curve is isotonic regression (Barlow et al. 1972).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing.base import Score, numbers, same

OUTPUT_KINDS = (OutputKind.NUMBERS,)
MEANING = "numbers mapped by a rising curve fitted on validation rows"
AIM = None
#: A curve of one number for all rows needs no more.
LEAST_ROWS = 100
#: Corners of the curve: steps finer than this follow single rows.
_CORNERS = 20


@dataclass(frozen=True)
class IsotonicRegression:
    """The corners of the curve, ``x`` and ``y`` (c,), both rising; beyond the ends it is level."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    name = "isotonic_regression"

    def __call__(self, outputs: Array) -> Array:
        """(n, 1) float32 numbers from such."""
        return np.asarray(np.interp(same(outputs, 1), self.x, self.y), np.float32)

    def values(self) -> dict[str, list[float]]:
        """Return what was fitted, as JSON."""
        return {"x": list(self.x), "y": list(self.y)}


def fit(y: Array, outputs: Array, score: Score) -> IsotonicRegression:
    """Return the rising curve of the least square error; y (n,) numbers, outputs (n, 1)."""
    from sklearn.isotonic import isotonic_regression  # serving does without

    given = outputs[:, 0].astype(np.float64)
    order = np.argsort(given, kind="stable")
    corners = np.quantile(given, np.linspace(0, 1, _CORNERS))
    heights = np.interp(corners, given[order], isotonic_regression(y[order].astype(np.float64)))
    # A slope of almost nothing keeps the order of rows that a step would make equal.
    heights = 0.99 * np.maximum.accumulate(heights) + 0.01 * corners
    return IsotonicRegression(tuple(corners.tolist()), tuple(heights.tolist()))


def make(values: Any) -> IsotonicRegression:
    """Return the step that was stored as ``values``."""
    x, y = numbers(values["x"], (None,)), numbers(values["y"], (None,))
    if x.shape != y.shape or (np.diff(x) < 0).any() or (np.diff(y) < 0).any():
        raise ValueError("the curve of a post-processing step does not rise")
    return IsotonicRegression(tuple(x.tolist()), tuple(y.tolist()))
