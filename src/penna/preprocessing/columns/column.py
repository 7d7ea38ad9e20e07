"""One column that is no text: which of its cells are missing, which are numbers, how many values there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.preprocessing.columns import types
from penna.preprocessing.columns.types import numeric


@dataclass(frozen=True, eq=False)
class Column:
    """Cells as they were found, and the role that a user gave them."""

    name: str
    cells: Sequence[Any] | Array
    role: str = ""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def read(self) -> bool:
        """Whether the cells are numbers by now, NaN where missing: none has to be written out to be looked at."""
        return isinstance(self.cells, np.ndarray) and self.cells.dtype.kind == "f"

    @cached_property
    def texts(self) -> Array:
        """(n,) each cell as stripped text, "" where it is missing."""
        out = np.empty(len(self), object)
        out[:] = [c.strip() if type(c) is str else "" if types.absent(c) else str(c).strip() for c in self.cells]
        return out

    @cached_property
    def missing(self) -> Array:
        """(n,) bool."""
        return np.isnan(self.cells) if self.read else np.fromiter((not text for text in self.texts), bool, len(self))

    @cached_property
    def stand_ins(self) -> Array:
        """(n,) bool: cells that say in words that a value is missing."""
        if self.read:
            return np.zeros(len(self), bool)
        return np.fromiter((text.casefold() in types.STAND_INS for text in self.texts), bool, len(self))

    @cached_property
    def numbers(self) -> Array:
        """(n,) float64, NaN where a cell is no number; an infinity stays one."""
        if self.read:
            return np.asarray(self.cells, np.float64)
        return numeric.numbers(self.texts, numeric.commas(self.texts))

    @cached_property
    def codes(self) -> Array:
        """(n,) int64: equal numbers for equal cells, in order of appearance; -1 where missing."""
        if self.read:
            return _codes(self.numbers)
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
        filled = ~(self.missing | self.stand_ins)
        numbers = self.numbers[filled]
        return bool(np.isfinite(numbers).any()) and float((~np.isnan(numbers)).mean()) >= 0.95


def _codes(numbers: Array) -> Array:
    """Return numbers as codes.

    >>> _codes(np.array([2.5, np.nan, 1.0, 2.5])).tolist()
    [0, -1, 1, 0]
    """
    known = ~np.isnan(numbers)
    _, first, places = np.unique(numbers[known], return_index=True, return_inverse=True)
    out = np.full(len(numbers), -1, np.int64)
    out[known] = np.argsort(np.argsort(first))[places]
    return out
