"""Kinds of columns other than the text. One file each; the folder is the registry. A kind knows cells; never a target.

A column's kind is found from its cells, or named; its form says how the cells are written (which number of a date is
the day), is settled once on the training table, and is replayed on every later one.
"""

from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "preprocessing.columns.types"
#: Words that people write where a value is missing; reported, never changed.
STAND_INS = frozenset({"na", "n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", "-", "--", "."})
#: Of the cells that say something, so many must fit a kind.
SHARE = 0.95


class Kind(Protocol):
    """What a file in this folder offers."""

    #: Kinds are tried in this order; the first whose form fits has the column.
    RANK: int
    #: What a cell must be, for messages: "no number".
    FAILS: str
    #: Every way that cells can be written in, "" if it cannot be recognized.
    FORMS: tuple[str, ...]

    def form(self, cells: Array) -> str | None:
        """How these cells (none of them missing) are written; None where they are not of this kind."""
        ...

    def read(self, cells: Array, form: str) -> tuple[Array, Array]:
        """(n,) values, and (n,) bool where a cell is filled and could not be read: it counts as missing."""
        ...

    def blank(self, rows: int) -> Array:
        """(rows,) values, all of them missing."""
        ...

    def written(self, values: Array) -> list[str]:
        """(n,) values in words, "" where missing."""
        ...


@cache
def names() -> tuple[str, ...]:
    """All kinds, in the order in which they are tried.

    >>> names()
    ('multi_value', 'numeric', 'date', 'categorical')
    """
    return tuple(sorted(plugins.names(ROOM), key=lambda name: find(name).RANK))


@cache  # thousands of columns ask
def find(name: str) -> Kind:
    """Return the kind called ``name``. Raises SettingError."""
    kind: Any = plugins.find(ROOM, name)
    return kind  # type: ignore[no-any-return]


def known(name: str, form: str) -> bool:
    """Whether the kind knows cells that are so written; one of others need not say. Raises SettingError.

    >>> known("date", "day"), known("date", "comma")
    (True, False)
    """
    return form in find(name).FORMS


def absent(cell: Any) -> bool:
    """Whether nothing is in a cell: None, NaN, NaT, blanks."""
    if isinstance(cell, str):
        return not cell or cell.isspace()
    return cell is None or (isinstance(cell, float) and cell != cell) or type(cell).__name__ in ("NAType", "NaTType")


def stands_in(cell: Any) -> bool:
    """Whether a cell says in words that a value is missing."""
    return isinstance(cell, str) and cell.strip().casefold() in STAND_INS


def unread(cells: Array, lost: Array) -> Array:
    """(n,) bool: those of the ``lost`` cells that say something."""
    out = lost.copy()
    for i in np.flatnonzero(lost):
        out[i] = not (absent(cells[i]) or stands_in(cells[i]))
    return out


def fitting(flags: Array) -> bool:
    """Whether nearly all of these cells fit."""
    return bool(len(flags)) and float(flags.mean()) >= SHARE
