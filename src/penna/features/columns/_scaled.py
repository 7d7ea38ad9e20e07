"""Numbers on one scale: the median where missing, an indicator of that, mean 0 and deviation 1, or normal scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.features.columns import Array, floats, indicator

_MOST_QUANTILES = 200
#: What lies further out than this many deviations is brought in to it: one wild number must not rule a model.
_FURTHEST = 8.0
KINDS = ("raw", "standard", "quantile")


@dataclass(frozen=True)
class Scaled:
    """``points``: mean and deviation for "standard", increasing quantiles for "quantile", nothing for "raw"."""

    kind: str
    median: float
    points: tuple[float, ...]
    gaps: bool  # some were missing in training

    @property
    def width(self) -> int:
        return 1 + (self.gaps and self.kind != "raw")

    def matrix(self, values: Array) -> Array:
        missing = np.isnan(values)
        if self.kind == "raw":
            return values[:, None].astype(np.float32)
        filled = np.where(missing, self.median, values)
        scaled = self._standard(filled) if self.kind == "standard" else self._normal(filled)
        return np.concatenate([scaled[:, None], indicator(missing, self.gaps)], axis=1, dtype=np.float32)

    def _standard(self, values: Array) -> Array:
        mean, deviation = self.points
        scaled: Array = np.clip((values - mean) / deviation, -_FURTHEST, _FURTHEST)
        return scaled

    def _normal(self, values: Array) -> Array:
        from scipy.special import ndtri

        share = np.interp(values, self.points, np.linspace(0, 1, len(self.points)))
        # Equal quantiles (many equal values) stand for the middle of their shares.
        back = 1 - np.interp(-values, -np.array(self.points[::-1]), np.linspace(0, 1, len(self.points)))
        normal: Array = ndtri(np.clip((share + back) / 2, 1e-3, 1 - 1e-3))
        return normal

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "median": self.median, "points": list(self.points), "gaps": self.gaps}


def fit(values: Array, kind: str) -> Scaled:
    """``values`` (n,) float64, NaN where missing."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Scaled("standard", 0.0, (0.0, 1.0), len(values) > 0)
    gaps, median = len(known) < len(values), float(np.median(known))
    points: tuple[float, ...] = ()
    if kind == "standard":
        points = (float(known.mean()), float(known.std()) or 1.0)
    elif kind == "quantile":
        shares = np.linspace(0, 1, min(_MOST_QUANTILES, len(known) + 1))
        points = tuple(np.quantile(known, shares).tolist())
    return Scaled(kind, median, points, gaps)


def restore(data: Mapping[str, Any]) -> Scaled:
    kind, points = str(data["kind"]), floats(data["points"])
    wanted = {"raw": len(points) == 0, "standard": len(points) == 2 and points[1] > 0, "quantile": len(points) >= 2}
    if kind not in KINDS or not wanted[kind] or (kind == "quantile" and (np.diff(points) < 0).any()):
        raise ValueError("a scale of no known kind")
    return Scaled(kind, floats([data["median"]])[0], points, bool(data["gaps"]))
