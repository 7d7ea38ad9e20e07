"""Ragged arrays: rows of different lengths, for outputs on parts of texts. NumPy alone; nothing is ever pickled.

Outputs are (n, k) if a row has one output. If its parts have outputs, they are an (n,) object array with one float32
array (parts, k) per row. Both forms support the same operations: indexing, joining folds, weighted sums.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Objects


def objects(rows: Iterable[Any]) -> Objects:
    """Return an (n,) object array of these rows. ``np.array`` would stack rows of equal length into one array."""
    listed = list(rows)
    out = np.empty(len(listed), dtype=object)
    for i, row in enumerate(listed):
        out[i] = row
    return out


def finite(outputs: Array) -> bool:
    """Return whether every number in the outputs is finite."""
    return bool(np.isfinite(flat(outputs)[0]).all())


def flat(outputs: Array) -> tuple[Array, Array]:
    """Return the parts of all rows, concatenated, and the (n + 1,) offsets at which rows begin.

    >>> flat(objects([np.zeros((2, 3)), np.ones((1, 3))]))[1].tolist()
    [0, 2, 3]
    """
    if outputs.dtype != object:
        return outputs, np.arange(len(outputs) + 1)
    offsets = np.zeros(len(outputs) + 1, np.int64)
    np.cumsum([len(row) for row in outputs], out=offsets[1:])
    return (np.concatenate(list(outputs)) if len(outputs) else np.zeros((0, 1), np.float32)), offsets


def cut(values: Array, offsets: Array) -> Objects:
    """Undo ``flat``: return an (n,) object array of the rows."""
    return objects(np.split(values, offsets[1:-1]) if len(offsets) > 1 else ())


def shares(values: Array, offsets: Array) -> Array:
    """Divide each column by its sum within the row; leave it unchanged if the sum is zero.

    ``values`` and ``offsets`` are the results of ``flat``.

    >>> shares(np.array([[1.0], [3.0], [0.0]]), np.array([0, 2, 3])).tolist()
    [[0.25], [0.75], [0.0]]
    """
    sizes = np.diff(offsets)
    sizes, begins = sizes[sizes > 0], offsets[:-1][sizes > 0]
    if not len(begins):
        return values
    totals = np.repeat(np.add.reduceat(values, begins, axis=0), sizes, axis=0)
    out: Array = np.divide(values, totals, out=np.zeros_like(values), where=totals > 0)
    return out


def single(outputs: Array) -> Array:
    """Return the outputs in single precision."""
    if outputs.dtype != object:
        return outputs.astype(np.float32)
    return objects(row.astype(np.float32) for row in outputs)


def save(path: Path, outputs: Array) -> None:
    """Write outputs to ``path``, with a suffix that shows their form (.npy or .npz)."""
    if outputs.dtype != object:
        np.save(path.with_suffix(".npy"), outputs.astype(np.float32), allow_pickle=False)
        return
    values, offsets = flat(outputs)
    np.savez(path.with_suffix(".npz"), values=values.astype(np.float32), offsets=offsets)


def load(path: Path) -> Array:
    """Return the outputs that ``save`` wrote.

    Raises
    ------
    OSError, ValueError, KeyError
        If the file is missing or damaged.
    """
    if not path.with_suffix(".npz").exists():
        array: Array = np.load(path.with_suffix(".npy"), allow_pickle=False)
        return array
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
        values, offsets = stored["values"], stored["offsets"]
    if offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(values):
        raise ValueError("its rows do not fit its values")
    return cut(values, offsets)
