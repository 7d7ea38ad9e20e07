"""Numbers, scaled as the way says."""

from collections.abc import Mapping
from typing import Any

from penna.features.columns import Array, Way, _scaled
from penna.features.columns._scaled import Scaled


def fit(values: Array, y: Array, way: Way, seed: int) -> tuple[Scaled, Array]:
    fitted = _scaled.fit(values, way)
    return fitted, fitted.matrix(values)


def restore(data: Mapping[str, Any]) -> Scaled:
    return _scaled.restore(data)
