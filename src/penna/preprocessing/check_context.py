"""The Sheet: all that a check may look at. Immutable; what several checks need is computed once, on first use."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.preprocessing import near_duplicates, shingles
from penna.preprocessing.columns.column import Column
from penna.preprocessing.shingles import Words


@dataclass(frozen=True)
class Truncation:
    """How much of a text an encoder reads: ``tokens`` (n,) of each whole text, and the ``limit`` it was built for."""

    encoder: str
    tokens: Array
    limit: int


@dataclass(frozen=True, eq=False)
class CheckContext:
    """A table as it was read, the cells of its other columns, and what was computed about its rows.

    columns  other columns by name, cells as they were found
    strata   (n,) int64, the class of each row, or the bin of a quantity; -1 where the target is missing
    classes  the labels, ``classes[strata]``; empty where the target is a quantity, or where there is none
    outputs  (n, k) out-of-fold probabilities in the order of ``classes``, NaN in rows without a prediction; None if not
    vectors  (n, width) embeddings, or None
    reach    of an encoder, or None
    test     the test rows, or None
    as_is    whether the task reads texts as they are, so that nothing is mended
    """

    table: Table
    columns: Mapping[str, Column] = field(default_factory=dict)
    strata: Array | None = None
    classes: tuple[Any, ...] = ()
    outputs: Array | None = None
    vectors: Array | None = None
    reach: Truncation | None = None
    test: "CheckContext | None" = None
    as_is: bool = False

    def __len__(self) -> int:
        return len(self.table)

    def found(self, **more: Any) -> "CheckContext":
        """Return the same sheet with outputs, vectors or reach; what was computed before is kept."""
        new = replace(self, **more)
        new.__dict__.update({name: self.__dict__[name] for name in ("blank", "words", "kin") if name in self.__dict__})
        return new

    def mends(self, how: str) -> dict[str, Any]:
        """Return what is done about texts that cleaning could mend, and how to have it otherwise."""
        if self.as_is:
            return {"does": "reads them as they are, as this task asks", "change": "mend them in the file"}
        return {"does": f"{how} where that scores better", "change": "--text-cleaning none leaves them alone"}

    @property
    def rows(self) -> Array:
        """(n,) row numbers as the user counts them."""
        return self.table.rows

    @cached_property
    def blank(self) -> Array:
        """(n,) bool: no text at all."""
        return np.fromiter((not text or text.isspace() for text in self.table.full_text), bool, len(self))

    @cached_property
    def words(self) -> Words:
        return shingles.split(self.table.full_text)

    @cached_property
    def kin(self) -> Array:
        """(n + m,) of all data rows and then all test rows: the first position with a nearly equal text.

        Of pairs, with two that are nearly equal.
        """
        if self.table.pair is not None:
            return _kin_of_pairs(self.table, None if self.test is None else self.test.table)
        return near_duplicates.groups(self.words if self.test is None else self.words.then(self.test.words))


def _kin_of_pairs(table: Table, test: Table | None) -> Array:
    """Near in both sides: a premise that stands on many rows makes no copies of them."""
    sides = []
    for i, side in enumerate(table.pair_tables):
        split = shingles.split(side.full_text)
        sides.append(
            near_duplicates.groups(split if test is None else split.then(shingles.split(test.pair_tables[i].full_text)))
        )
    both = np.stack(sides, axis=1)
    _, first, codes = np.unique(both, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[codes.ravel()])
