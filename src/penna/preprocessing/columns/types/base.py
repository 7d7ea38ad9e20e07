"""Column types. One file per type; the folder is the registry. A type knows cells; never a target.

The type is inferred from the cells, or chosen by the user. Its form is the notation of the cells, such as which number
of a date is the day. The training table settles the form; later tables use the same one.
"""

from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "preprocessing.columns.types"
#: Words that people write for a missing value; reported, never changed.
STAND_INS = frozenset({"na", "n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", "-", "--", "."})
#: The share of filled cells that must fit a type.
SHARE = 0.95


class Kind(Protocol):
    """The members of a column type."""

    #: Types are tried in this order; the first whose form fits is used.
    RANK: int
    #: The fault of a wrong cell, for messages: "no number".
    FAILS: str
    #: All forms, or "" if they cannot be enumerated.
    FORMS: tuple[str, ...]

    def form(self, cells: Array) -> str | None:
        """Return the form of these cells (none missing), or None if they are of another type."""
        ...

    def read(self, cells: Array, form: str) -> tuple[Array, Array]:
        """Return values, (n,), and a mask of filled cells that could not be read, (n,); these count as missing."""
        ...

    def blank(self, rows: int) -> Array:
        """Return missing values, (rows,)."""
        ...

    def written(self, values: Array) -> list[str]:
        """Return values as text, (n,); "" if missing."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Return all types, in the order in which they are tried.

    >>> names()
    ('multi_value', 'numeric', 'date', 'categorical')
    """
    return tuple(sorted(plugins.names(ROOM), key=lambda name: find(name).RANK))


@cache  # called for thousands of columns
def find(name: str) -> Kind:
    """Return the type called ``name``. Raises SettingError if there is none."""
    kind: Any = plugins.find(ROOM, name)
    return kind  # type: ignore[no-any-return]


def known(name: str, form: str) -> bool:
    """Return whether the type has this form; True if it cannot enumerate its forms. Raises SettingError.

    >>> known("date", "day"), known("date", "comma")
    (True, False)
    """
    return form in find(name).FORMS


def absent(cell: Any) -> bool:
    """Return whether a cell is empty: None, NaN, NaT, blanks."""
    if isinstance(cell, str):
        return not cell or cell.isspace()
    return cell is None or (isinstance(cell, float) and cell != cell) or type(cell).__name__ in ("NAType", "NaTType")


def stands_in(cell: Any) -> bool:
    """Return whether the words of a cell mean a missing value."""
    return isinstance(cell, str) and cell.strip().casefold() in STAND_INS


def unread(cells: Array, lost: Array) -> Array:
    """Return a mask, (n,), of ``lost`` cells that are filled and have no word for a missing value."""
    out = lost.copy()
    for i in np.flatnonzero(lost):
        out[i] = not (absent(cells[i]) or stands_in(cells[i]))
    return out


def fitting(flags: Array) -> bool:
    """Return whether nearly all cells fit."""
    return bool(len(flags)) and float(flags.mean()) >= SHARE
