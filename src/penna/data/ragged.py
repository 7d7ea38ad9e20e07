"""Arrays whose rows differ in length: what models answer about parts of texts. Numpy alone; nothing is ever pickled.

Outputs are (n, k) where a row is answered as a whole. Where its parts are answered, they are a (n,) object array with
one float32 array (parts, k) for each row: rows are taken, folds joined and blends weighed and summed alike.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Objects


def objects(rows: Iterable[Any]) -> Objects:
    """(n,) object array of these, whatever they are: NumPy would make one array of rows that are equally long."""
    listed = list(rows)
    out = np.empty(len(listed), dtype=object)
    for i, row in enumerate(listed):
        out[i] = row
    return out


def finite(outputs: Array) -> bool:
    """Whether every number in outputs is one."""
    return bool(np.isfinite(flat(outputs)[0]).all())


def flat(outputs: Array) -> tuple[Array, Array]:
    """All rows' parts after one another, and the (n + 1,) offsets at which rows begin.

    >>> flat(objects([np.zeros((2, 3)), np.ones((1, 3))]))[1].tolist()
    [0, 2, 3]
    """
    if outputs.dtype != object:
        return outputs, np.arange(len(outputs) + 1)
    offsets = np.zeros(len(outputs) + 1, np.int64)
    np.cumsum([len(row) for row in outputs], out=offsets[1:])
    return (np.concatenate(list(outputs)) if len(outputs) else np.zeros((0, 1), np.float32)), offsets


def cut(values: Array, offsets: Array) -> Objects:
    """Return what ``flat`` took apart: (n,) arrays."""
    return objects(np.split(values, offsets[1:-1]) if len(offsets) > 1 else ())


def shares(values: Array, offsets: Array) -> Array:
    """Return what ``flat`` made, each column of a row divided by its sum; as it is where that is nothing.

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
    """Return the same in single precision."""
    if outputs.dtype != object:
        return outputs.astype(np.float32)
    return objects(row.astype(np.float32) for row in outputs)


def save(path: Path, outputs: Array) -> None:
    """Write outputs next to others, as ``path`` with a suffix of their form."""
    if outputs.dtype != object:
        np.save(path.with_suffix(".npy"), outputs.astype(np.float32), allow_pickle=False)
        return
    values, offsets = flat(outputs)
    np.savez(path.with_suffix(".npz"), values=values.astype(np.float32), offsets=offsets)


def load(path: Path) -> Array:
    """Return what ``save`` wrote. Raises OSError, ValueError or KeyError where it is missing or damaged."""
    if not path.with_suffix(".npz").exists():
        array: Array = np.load(path.with_suffix(".npy"), allow_pickle=False)
        return array
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
        values, offsets = stored["values"], stored["offsets"]
    if offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(values):
        raise ValueError("its rows do not fit its values")
    return cut(values, offsets)
