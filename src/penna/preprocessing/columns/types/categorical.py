"""Categories: each cell is a name; "" (missing) is a category of its own. This type is tried last."""

from collections import Counter
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.preprocessing.columns import types

RANK = 3
FAILS = "no name"
FORMS = ("",)

#: The share of rows that must share their value with another; otherwise the cells name single rows.
_SHARED = 0.2
_LONGEST = 200  # characters of a name that distinguish it


def form(cells: Array) -> str | None:
    """Return the form of these cells."""
    counts = Counter(map(_name, cells))
    shared = sum(n for n in counts.values() if n > 1)
    return "" if shared >= _SHARED * len(cells) else None


def read(cells: Array, form: str) -> tuple[Array, Array]:
    """Read names.

    Whole numbers that came as fractions, because other cells are missing, are written as whole numbers.

    >>> read(np.array([2.0, None, "top ", True], dtype=object), "")[0].tolist()
    ['2', '', 'top', 'True']
    """
    out = np.empty(len(cells), dtype=object)
    interned: dict[str, str] = {}  # one object for equal names
    for i, cell in enumerate(cells):
        name = "" if types.absent(cell) else _name(cell)
        out[i] = interned.setdefault(name, name)
    return out, np.zeros(len(cells), bool)


def blank(rows: int) -> Array:
    """Return values that are all missing."""
    return np.full(rows, "", dtype=object)


def written(values: Array) -> list[str]:
    """Return values in words."""
    return list(values)


def _name(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()[:_LONGEST]
