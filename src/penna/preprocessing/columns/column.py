"""One column other than text: its missing cells, numbers and distinct values."""

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
    """The cells of a column as they were read, and the role that the user chose."""

    name: str
    cells: Sequence[Any] | Array
    role: str = ""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def read(self) -> bool:
        """Return whether the cells are already numbers, with NaN if missing: they need no parsing."""
        return isinstance(self.cells, np.ndarray) and self.cells.dtype.kind == "f"

    @cached_property
    def texts(self) -> Array:
        """Return each cell as stripped text, (n,); "" if missing."""
        out = np.empty(len(self), object)
        out[:] = [c.strip() if type(c) is str else "" if types.absent(c) else str(c).strip() for c in self.cells]
        return out

    @cached_property
    def missing(self) -> Array:
        """Return a mask of missing cells, (n,)."""
        return np.isnan(self.cells) if self.read else np.fromiter((not text for text in self.texts), bool, len(self))

    @cached_property
    def stand_ins(self) -> Array:
        """Return a mask of cells whose words mean a missing value, (n,)."""
        if self.read:
            return np.zeros(len(self), bool)
        return np.fromiter((text.casefold() in types.STAND_INS for text in self.texts), bool, len(self))

    @cached_property
    def numbers(self) -> Array:
        """Return numbers, (n,) float64; NaN if a cell is no number. Infinities remain."""
        if self.read:
            return np.asarray(self.cells, np.float64)
        return numeric.numbers(self.texts, numeric.commas(self.texts))

    @cached_property
    def codes(self) -> Array:
        """Return equal int64 codes for equal cells, (n,), in order of appearance; -1 if missing."""
        if self.read:
            return _codes(self.numbers)
        numbering: dict[str, int] = {}
        return np.fromiter(
            (numbering.setdefault(t, len(numbering)) if t else -1 for t in self.texts), np.int64, len(self)
        )

    @property
    def distinct(self) -> int:
        """Return the number of distinct values."""
        return int(self.codes.max(initial=-1)) + 1

    @property
    def present(self) -> int:
        """Return the number of cells that are not missing."""
        return int((~self.missing).sum())

    @property
    def numeric(self) -> bool:
        """Return whether the user declared it numeric, or nearly all of its filled cells are numbers."""
        if self.role:
            return self.role == "numeric"
        filled = ~(self.missing | self.stand_ins)
        numbers = self.numbers[filled]
        return bool(np.isfinite(numbers).any()) and float((~np.isnan(numbers)).mean()) >= 0.95


def _codes(numbers: Array) -> Array:
    """Return codes of numbers.

    >>> _codes(np.array([2.5, np.nan, 1.0, 2.5])).tolist()
    [0, -1, 1, 0]
    """
    valid = ~np.isnan(numbers)
    _, first, places = np.unique(numbers[valid], return_index=True, return_inverse=True)
    out = np.full(len(numbers), -1, np.int64)
    out[valid] = np.argsort(np.argsort(first))[places]
    return out
