"""Array: one name for a NumPy array of any shape and dtype; docstrings give both."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def unit_length(vectors: Array) -> Array:
    """(n, width) the same directions."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
