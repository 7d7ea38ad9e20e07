"""One column that is no text: which of its cells are missing, which are numbers, how many values there are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Words that people write where a value is missing; told of, never changed.
STAND_INS = frozenset({"na", "n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", "-", "--", "."})


@dataclass(frozen=True, eq=False)
class Column:
    """Cells as they were found, and the role that a user gave them."""

    name: str
    cells: Sequence[Any] | Array
    role: str = ""

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def texts(self) -> Array:
        """(n,) each cell as stripped text, "" where it is missing."""
        out = np.empty(len(self), object)
        for i, cell in enumerate(self.cells):
            out[i] = "" if _missing(cell) else str(cell).strip()
        return out

    @cached_property
    def missing(self) -> Array:
        """(n,) bool"""
        return np.fromiter((not text for text in self.texts), bool, len(self))

    @cached_property
    def stand_ins(self) -> Array:
        """(n,) bool: cells that say in words that a value is missing."""
        return np.fromiter((text.casefold() in STAND_INS for text in self.texts), bool, len(self))

    @cached_property
    def numbers(self) -> Array:
        """(n,) float64, NaN where a cell is no number; an infinity stays one."""
        return np.fromiter(map(_number, self.texts), np.float64, len(self))

    @cached_property
    def codes(self) -> Array:
        """(n,) int64: equal numbers for equal cells, in order of appearance; -1 where missing."""
        known: dict[str, int] = {}
        return np.fromiter((known.setdefault(t, len(known)) if t else -1 for t in self.texts), np.int64, len(self))

    @property
    def distinct(self) -> int:
        return int(self.codes.max(initial=-1)) + 1

    @property
    def present(self) -> int:
        return int((~self.missing).sum())

    @property
    def numeric(self) -> bool:
        """It was named so, or nearly all of its cells that say something are numbers."""
        if self.role:
            return self.role == "numeric"
        said = ~(self.missing | self.stand_ins)
        numbers = self.numbers[said]
        return bool(np.isfinite(numbers).any()) and float((~np.isnan(numbers)).mean()) >= 0.95


def _missing(cell: Any) -> bool:
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or type(cell).__name__ in ("NAType", "NaTType")
    )


def _number(text: str) -> float:
    """
    >>> _number("1,250.5"), _number("-3"), _number("12a")
    (1250.5, -3.0, nan)
    """
    if not text or (text[-1].isalpha() and text[-1] not in "fyFY"):  # inf and infinity are numbers; nan is none
        return math.nan
    try:
        return float(text)
    except ValueError:
        pass
    head, _, tail = text.rpartition(",")
    if head and len(tail.partition(".")[0]) == 3:
        try:
            return float(text.replace(",", ""))
        except ValueError:
            return math.nan
    return math.nan
