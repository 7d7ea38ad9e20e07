"""Two vectors of a pair as one: [u, v, |u - v|, u * v, cos(u, v)]. Numpy alone: serving opens this file.

The form is that of InferSent (Conneau et al. 2017, "Supervised Learning of Universal Sentence Representations"), with
u and v of length one, and the cosine beside them.
"""

import numpy as np

from penna.models import Array

#: Products of unit vectors are small: each block is brought to about the length of the others.
COSINE = 3.0


def width(side: int) -> int:
    """Of what ``combined`` makes of vectors this wide."""
    return 4 * side + 1


def combined(first: Array, second: Array) -> Array:
    """(n, 4 w + 1) float32 from the vectors (n, w) of both sides; the order of the sides matters."""
    u, v = _unit(first), _unit(second)
    product = u * v
    cosine = product.sum(axis=1, keepdims=True)
    grown = np.float32(u.shape[1] ** 0.5) * product
    return np.concatenate([u, v, np.abs(u - v), grown, COSINE * cosine], axis=1, dtype=np.float32)


def _unit(rows: Array) -> Array:
    out: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return out
