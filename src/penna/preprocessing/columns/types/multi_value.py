"""Lists of names, such as tags: each cell is a tuple of str, empty if missing.

Cells are JSON or Python lists, or parts separated by | or ;.
"""

from collections import Counter
from typing import Any

import numpy as np

from penna.data import python_literals
from penna.data.arrays import Array
from penna.preprocessing.columns import types

RANK = 0
FAILS = "no list"

LISTS, JSON = "", "json"
_SIGNS = ("|", ";")
FORMS = (LISTS, JSON, *_SIGNS)
#: The share of cells that must have the separator, and whose parts must repeat.
_PARTED = 0.2
_MOST = 1000  # parts of one cell


def form(cells: Array) -> str | None:
    """Return the form of these cells."""
    if types.fitting(np.fromiter(map(_of_names, cells), bool, len(cells))):
        return LISTS
    if not all(isinstance(cell, str) for cell in cells):
        return None
    if types.fitting(np.fromiter((c.strip()[:1] == "[" for c in cells), bool, len(cells))):
        return JSON if types.fitting(~read(cells, JSON)[1]) else None
    return next((sign for sign in _SIGNS if _parted(cells, sign)), None)


def _of_names(cell: Any) -> bool:
    """Return whether this is a list of names, without objects or lists in it."""
    listed = isinstance(cell, list | tuple | set | np.ndarray)
    return listed and not any(isinstance(part, dict | list | tuple) for part in cell)


def _parted(cells: Array, sign: str) -> bool:
    if sum(sign in cell for cell in cells) < _PARTED * len(cells):
        return False
    counts = Counter(part for cell in cells for part in _parts(cell, sign))
    return len(counts) <= 0.5 * counts.total()


def read(cells: Array, form: str) -> tuple[Array, Array]:
    """Parse cells as lists of names.

    >>> read(np.array(["a|b", None, "c"], dtype=object), "|")[0].tolist()
    [('a', 'b'), (), ('c',)]
    """
    out, lost = blank(len(cells)), np.zeros(len(cells), bool)
    for i, cell in enumerate(cells):
        parts = _parts(cell, form)
        lost[i] = parts is None
        out[i] = tuple(parts or ())[:_MOST]
    return out, lost


def blank(rows: int) -> Array:
    """Return values that are all missing."""
    out = np.empty(rows, dtype=object)
    for i in range(rows):  # NumPy would take a tuple for a row of cells
        out[i] = ()
    return out


def written(values: Array) -> list[str]:
    """Return values in words."""
    return [", ".join(parts) for parts in values]


def _parts(cell: Any, form: str) -> Any:
    """Return the parts of one cell; None if it is in another form."""
    if isinstance(cell, list | tuple | set | np.ndarray):
        return [str(part).strip() for part in sorted(cell, key=str)]
    if types.absent(cell):
        return ()
    if form == JSON:
        parts = python_literals.parsed(cell) if isinstance(cell, str) else None
        return [str(part).strip() for part in parts or () if part is not None] if _of_names(parts) else None
    text = str(cell)
    return [part.strip() for part in (text.split(form) if form else [text]) if part.strip()]
