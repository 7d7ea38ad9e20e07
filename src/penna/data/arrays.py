"""The alias ``Array``: a NumPy array of any shape and dtype. Docstrings give both."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def unit_length(vectors: Array) -> Array:
    """Scale each row of an (n, width) array to unit length."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
