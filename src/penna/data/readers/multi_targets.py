"""Multilabel targets: columns of 0 and 1, and matrices of them, as tuples of labels."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penna.data import python_literals
from penna.data.readers.cells import missing
from penna.data.table import Index, Objects
from penna.errors import TableError

#: The form of a target that was a matrix.
MATRIX = "matrix"

_FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
#: Three or more of them in one cell; two may be something else.
_BITS = re.compile(r"[01](?:\.0)?(?:[\s,;|]+[01](?:\.0)?){2,}")
_YES, _NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no", ""})


def named(y: Any, columns: Sequence[str]) -> bool:
    """Return whether ``y`` names several columns of the source, and is no list of labels.

    >>> named(["joy", "anger"], ["text", "joy", "anger"]), named(["joy", "joy"], ["text", "joy", "anger"])
    (True, False)
    """
    listed = isinstance(y, list | tuple) and 1 < len(y) <= len(columns) and all(isinstance(c, str) for c in y)
    return listed and len(set(y)) == len(y) and set(y) <= set(columns)


def together(columns: Mapping[str, Objects], rows: Index) -> Objects:
    """Return tuples, (n,), of the names of the columns that hold a 1 in each row. A missing cell is a 0.

    Raises TableError, naming the row, for a cell that is neither.
    """
    flags = np.stack([_flags(cells, rows, name) for name, cells in columns.items()], axis=1)
    return sets(flags, tuple(columns))


def sign(separator: str | None) -> str:
    """Return the separator of labels; a line end or tab may be written as \n or \t."""
    return (separator or "").replace("\\n", "\n").replace("\\t", "\t")


def sets(flags: "np.ndarray[Any, Any]", names: Sequence[Any]) -> Objects:
    """Convert an (n, k) bool array to tuples of names, (n,).

    >>> sets(np.array([[True, False], [True, True]]), ["a", "b"]).tolist()
    [('a',), ('a', 'b')]
    """
    out = np.empty(len(flags), dtype=object)
    for i, row in enumerate(flags):
        out[i] = tuple(names[j] for j in np.flatnonzero(row).tolist())
    return out


def _flags(cells: Objects, rows: Index, column: str) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    words = ["" if missing(cell) else str(cell).strip().lower() for cell in cells]
    for i, word in enumerate(words):
        if word not in _YES and word not in _NO:
            raise TableError(
                f"column {column!r} holds {str(cells[i])[:40]!r} in row {rows[i]}: each of several target columns "
                "must hold 1 if the row has that label, and 0 otherwise."
            )
    return np.fromiter((word in _YES for word in words), bool, len(words))


def of_matrix(y: Any) -> list[Any] | None:
    """Convert a matrix of 0 and 1 to tuples of labels: an array, a DataFrame, or lists of equal length.

    Labels are the DataFrame's columns, else numbers from 0. None for anything else.
    """
    names = list(getattr(y, "columns", ()))
    if isinstance(y, str | bytes | Mapping) or not (hasattr(y, "__len__") and hasattr(y, "__iter__")):
        return None
    if not names and getattr(y, "ndim", 1) == 1:
        tuples = matrix(y if isinstance(y, list | tuple) else list(y))
        return None if tuples is None else tuples.tolist()
    cells = np.asarray(y, dtype=None if hasattr(y, "dtype") else object)
    if cells.ndim != 2 or cells.shape[1] < 2:
        return None
    plain = np.isin(cells, (0, 1)).all() if cells.dtype.kind in "biuf" else set(cells.ravel().tolist()) <= {0, 1}
    if not plain:
        raise TableError("the labels are a matrix of values other than 0 and 1: write 1 if a row has the label.")
    return list(sets(cells.astype(bool), names or list(range(cells.shape[1]))))


def matrix(cells: Sequence[Any]) -> Objects | None:
    """Convert lists of 0 and 1, all equally long, to tuples, (n,), of the positions that hold a 1.

    The lists may be written as text; a missing cell gives an empty tuple. None for anything else, also for lists that
    could be of labels.

    >>> matrix([[0, 1, 1], "[1, 0, 0]", None]).tolist(), matrix(["a", "b"]), matrix([[0, 1], [0, 1]])
    ([(1, 2), (0,), ()], None, None)
    """
    out = np.empty(len(cells), dtype=object)
    width, rows = 0, set[tuple[bool, ...]]()
    for i, cell in enumerate(cells):
        flags = () if missing(cell) or (isinstance(cell, str) and not cell.strip()) else flags_of(cell)
        if flags is None or (flags and width and len(flags) != width):
            return None
        width = width or len(flags)
        rows.add(flags)
        out[i] = tuple(np.flatnonzero(flags).tolist())
    rows.discard(())
    # As labels, repeats within a row would make no sense, nor would another order of the same labels.
    sound = any(len(set(row)) < len(row) for row in rows) or len(rows) > 1
    return out if width > 1 and sound else None


def flags_of(cell: Any) -> tuple[bool, ...] | None:
    """Convert a list of 0 and 1, possibly written as text, to bool; None for anything else."""
    if isinstance(cell, str):
        cell = cell.strip()
        bits = _BITS.fullmatch(cell)
        cell = (
            re.split(r"[\s,;|]+", cell) if bits else python_literals.parsed(cell) if cell[:1] in tuple("[(") else None
        )
    if not isinstance(cell, list | tuple | np.ndarray) or len(cell) < 2:
        return None
    flags = [_FLAGS.get(str(one).strip().lower()) for one in cell]
    return None if None in flags else tuple(bool(one) for one in flags)
