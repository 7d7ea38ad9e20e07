"""Isotonic: each class's probability through a rising curve of steps, then brought to a sum of one.

Zadrozny and Elkan 2002, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing._calibration import calibration_score
from penna.postprocessing.base import Score, normal, numbers, same

OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)
MEANING = "probabilities mapped to how often they were right on validation rows"
AIM = calibration_score
#: Curves follow noise where there are fewer rows (Niculescu-Mizil and Caruana 2005, section 5).
LEAST_ROWS = 1000
#: Corners of a class's curve: steps finer than this follow single rows.
_CORNERS = 20
#: No curve ends in certainty: one mistake would cost the log loss everything.
_LEAST = 1e-4


@dataclass(frozen=True)
class Isotonic:
    """For each class the corners of its curve: ``x`` and ``y`` (k, c), both rising."""

    x: tuple[tuple[float, ...], ...]
    y: tuple[tuple[float, ...], ...]

    name = "isotonic"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        outputs = same(outputs, len(self.x))
        curves = [np.interp(outputs[:, j], x, y) for j, (x, y) in enumerate(zip(self.x, self.y, strict=True))]
        return normal(np.stack(curves, axis=1)) if curves else outputs

    def values(self) -> dict[str, list[list[float]]]:
        """Return what was fitted, as JSON."""
        return {"x": [list(row) for row in self.x], "y": [list(row) for row in self.y]}


def fit(y: Array, outputs: Array, score: Score) -> Isotonic:
    """One curve for each class; y (n,) class indices, outputs (n, k) probabilities."""
    curves = [_curve(outputs[:, j].astype(np.float64), y == j) for j in range(outputs.shape[1])]
    return Isotonic(tuple(x for x, _ in curves), tuple(heights for _, heights in curves))


def _curve(p: Array, inside: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(p, kind="stable")
    corners = np.quantile(p, np.linspace(0, 1, _CORNERS))
    heights = np.interp(corners, p[order], isotonic_regression(inside[order].astype(np.float64)))
    # A slope of almost nothing keeps the order of rows that a step would make equal.
    heights = np.clip(0.99 * np.maximum.accumulate(heights) + 0.01 * corners, _LEAST, 1 - _LEAST)
    return tuple(corners.tolist()), tuple(heights.tolist())


def make(values: Any) -> Isotonic:
    """Return the step that was stored as ``values``."""
    x, y = numbers(values["x"], (None, None)), numbers(values["y"], (None, None))
    if x.shape != y.shape or (np.diff(x) < 0).any() or (np.diff(y) < 0).any():
        raise ValueError("the curves of a post-processing step do not rise")
    return Isotonic(tuple(map(tuple, x.tolist())), tuple(map(tuple, y.tolist())))
