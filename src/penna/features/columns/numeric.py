"""Numbers, scaled by the requested method."""

from collections.abc import Mapping
from typing import Any

from penna.data.arrays import Array
from penna.features.columns import _scaled_numbers
from penna.features.columns._scaled_numbers import Scaled
from penna.features.columns.base import Way


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Scaled, Array]:
    """Fit on training rows."""
    fitted = _scaled_numbers.fit(values, way)
    return fitted, fitted.matrix(values)


def restore(data: Mapping[str, Any]) -> Scaled:
    """Return the encoding that ``to_json`` wrote."""
    return _scaled_numbers.restore(data)
