"""Dates: elapsed time, year, and the cycles of year, week and day, each as a point on a circle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.features.columns import _scaled_numbers
from penna.features.columns._scaled_numbers import Scaled
from penna.features.columns.base import Way

_DAY = 86400.0
_YEAR = 365.2425 * _DAY
_MONDAY = 4 * _DAY  # 1970-01-05
#: Seconds of a cycle, and its start.
_CYCLES = ((_YEAR, 0.0), (7 * _DAY, _MONDAY), (_DAY, 0.0))


@dataclass(frozen=True)
class Dates:
    """Elapsed time scaled by ``since``, and ``cycles``. Trees, which split on values, also get the plain parts."""

    since: Scaled

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.since.width + 2 * len(_CYCLES) + (2 if self.since.kind == "raw" else 0)

    def matrix(self, values: Array) -> Array:
        """Return the (n, width) features."""
        parts = [self.since.matrix(values / _DAY)]
        blank = np.isnan(values)
        for turn, start in _CYCLES:
            angle = 2 * np.pi * (values - start) / turn
            parts += [f(angle)[:, None] for f in (np.sin, np.cos)]
        if self.since.kind == "raw":
            parts += [((values - _MONDAY) // _DAY % 7)[:, None], (values % _DAY)[:, None]]
            return np.concatenate(parts, axis=1, dtype=np.float32)
        out = np.concatenate(parts, axis=1, dtype=np.float32)
        out[blank, self.since.width :] = 0.0
        return out

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"since": self.since.to_json()}


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Dates, Array]:
    """Fit on training rows."""
    fitted = Dates(_scaled_numbers.fit(values / _DAY, way))
    return fitted, fitted.matrix(values)


def restore(data: Mapping[str, Any]) -> Dates:
    """Return the encoding that ``to_json`` wrote."""
    return Dates(_scaled_numbers.restore(data["since"]))
