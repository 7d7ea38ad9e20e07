"""Scaled numbers: imputation, an indicator of missing values, and the features of the scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features import scaling
from penna.features.columns.base import Way, floats, indicator


@dataclass(frozen=True)
class Scaled:
    """A fitted numeric column: the scaling method ``kind`` with its ``points``; ``middle`` replaces missing values."""

    kind: str
    middle: float
    points: tuple[float, ...]
    gaps: bool  # whether training rows had missing values

    @property
    def width(self) -> int:
        scale = scaling.find(self.kind)
        return scale.width(self.points) + (self.gaps and not scale.GAPS)

    def matrix(self, values: Array) -> Array:
        scale = scaling.find(self.kind)
        if scale.GAPS:
            return scale.matrix(values, self.points).astype(np.float32)
        missing = np.isnan(values)
        scaled = scale.matrix(np.where(missing, self.middle, values), self.points)
        return np.concatenate([scaled, indicator(missing, self.gaps)], axis=1, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "middle": self.middle, "points": list(self.points), "gaps": self.gaps}


def fit(values: Array, way: Way) -> Scaled:
    """Fit a scale to ``values``, (n,) float64, NaN if missing."""
    present = values[~np.isnan(values)]
    if not len(present):
        return Scaled("standard", 0.0, (0.0, 1.0), len(values) > 0)
    middle = float(present.mean() if way.missing == "mean" else np.median(present))
    return Scaled(way.numeric, middle, scaling.find(way.numeric).fit(present), len(present) < len(values))


def restore(data: Mapping[str, Any]) -> Scaled:
    """Return the column that ``to_json`` wrote. Raises ValueError for anything else."""
    kind, points = str(data["kind"]), floats(data["points"])
    if not scaling.find(kind).fits(points):
        raise ValueError("a scale whose points are not its own")
    return Scaled(kind, floats([data["middle"]])[0], points, bool(data["gaps"]))
