"""Targets that are several labels for a row: columns of 0 and 1, and matrices of them, as tuples of labels. A leaf."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penna.errors import TableError
from penna.reading.cells import missing
from penna.table import Index, Objects

_YES, _NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no", ""})


def named(y: Any, columns: Sequence[str]) -> bool:
    """Whether ``y`` names columns of the source, several of them, and is no list of labels.

    >>> named(["joy", "anger"], ["text", "joy", "anger"]), named(["joy", "joy"], ["text", "joy", "anger"])
    (True, False)
    """
    listed = isinstance(y, list | tuple) and 1 < len(y) <= len(columns) and all(isinstance(c, str) for c in y)
    return listed and len(set(y)) == len(y) and set(y) <= set(columns)


def together(columns: Mapping[str, Objects], rows: Index) -> Objects:
    """(n,) tuples: of each row the names of the columns that hold a 1. A missing cell is a 0.

    Raises TableError, naming the row, for a cell that is neither.
    """
    flags = np.stack([_flags(cells, rows, name) for name, cells in columns.items()], axis=1)
    return sets(flags, tuple(columns))


def sets(flags: "np.ndarray[Any, Any]", names: Sequence[Any]) -> Objects:
    """(n,) tuples of names from (n, k) bool.

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
                f"column {column!r} holds {str(cells[i])[:40]!r} in row {rows[i]}: of several target columns each "
                "holds 1 where the row has that label, and 0 elsewhere."
            )
    return np.fromiter((word in _YES for word in words), bool, len(words))


def of_matrix(y: Any) -> list[Any] | None:
    """Tuples of labels from a matrix of 0 and 1: an array, a DataFrame, or lists of equal length.

    Labels are the DataFrame's columns, else numbers from 0. None for anything else.
    """
    names = list(getattr(y, "columns", ()))
    if isinstance(y, list | tuple) and not _like_matrix(y):
        return None
    cells = np.asarray(y, dtype=None if hasattr(y, "dtype") else object)
    if cells.ndim != 2 or cells.shape[1] < 2:
        return None
    plain = np.isin(cells, (0, 1)).all() if cells.dtype.kind in "biuf" else set(cells.ravel().tolist()) <= {0, 1}
    if not plain:
        raise TableError("the labels are a matrix of other values than 0 and 1: write 1 where a row has the label.")
    return list(sets(cells.astype(bool), names or list(range(cells.shape[1]))))


def _like_matrix(y: Sequence[Any]) -> bool:
    """Lists of 0 and 1, all equally long, some with a number twice: as lists of labels they would make no sense."""
    if not y or not all(isinstance(row, list | tuple) and len(row) == len(y[0]) for row in y):
        return False
    flags = all(type(cell) in (int, bool) and cell in (0, 1) for row in y for cell in row)
    return flags and any(len(set(row)) < len(row) for row in y)
