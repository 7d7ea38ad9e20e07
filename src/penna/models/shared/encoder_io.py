"""How a table goes into an exported encoder, and how logits become probabilities. Knows tables and arrays."""

from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table


def softmax(logits: Array) -> Array:
    """(n, k) float32 probabilities.

    >>> softmax(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    exp = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    probabilities: Array = (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def given(table: Table) -> list[Any]:
    """Return a table's texts, or pairs of them, as a graph takes them."""
    if table.pair is None:
        return list(table.full_text)
    return list(zip(*(table.text[name] for name in table.pair), strict=True))
