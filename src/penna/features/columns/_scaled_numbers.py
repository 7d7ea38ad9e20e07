"""Numbers on a scale: what stands in for missing ones, an indicator of that, and the scale's features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features import scaling
from penna.features.columns.base import Way, floats, indicator


@dataclass(frozen=True)
class Scaled:
    """``points``: what ``kind``, a file of ``features/scales``, fitted; ``middle`` stands in where one is missing."""

    kind: str
    middle: float
    points: tuple[float, ...]
    gaps: bool  # some were missing in training

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
    """``values`` (n,) float64, NaN where missing."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Scaled("standard", 0.0, (0.0, 1.0), len(values) > 0)
    middle = float(known.mean() if way.missing == "mean" else np.median(known))
    return Scaled(way.numeric, middle, scaling.find(way.numeric).fit(known), len(known) < len(values))


def restore(data: Mapping[str, Any]) -> Scaled:
    kind, points = str(data["kind"]), floats(data["points"])
    if not scaling.find(kind).fits(points):
        raise ValueError("a scale whose points are not its own")
    return Scaled(kind, floats([data["middle"]])[0], points, bool(data["gaps"]))
