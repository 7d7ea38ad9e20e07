"""The input of a data check. Immutable; what several checks need is computed once, on first use."""

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
    """The reach of an encoder: ``tokens`` (n,) of each whole text, and the token ``limit``."""

    encoder: str
    tokens: Array
    limit: int


@dataclass(frozen=True, eq=False)
class CheckContext:
    """A table, the cells of its other columns, and values computed from its rows.

    Attributes
    ----------
    table : Table
        The rows, as they were read.
    columns : mapping of str to Column
        Other columns by name, with unchanged cells.
    strata : ndarray of int64, shape (n,), optional
        The class of each row, or the bin of a quantity; -1 if the target is missing.
    classes : sequence
        The labels, ``classes[strata]``; empty if the target is a quantity or absent.
    outputs : ndarray of shape (n, k), optional
        Out-of-fold probabilities in the order of ``classes``; NaN in rows without a prediction.
    vectors : ndarray of shape (n, width), optional
        Embeddings.
    reach : Truncation, optional
        The truncation by an encoder.
    test : CheckContext, optional
        The test rows.
    as_is : bool
        Whether the task reads texts unchanged, so that nothing is repaired.
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
        """Return a copy with outputs, vectors or reach; cached values are kept."""
        new = replace(self, **more)
        new.__dict__.update({name: self.__dict__[name] for name in ("blank", "words", "kin") if name in self.__dict__})
        return new

    def mends(self, how: str) -> dict[str, Any]:
        """Return the arguments of a finding on texts that cleaning can repair: the action, and how to change it."""
        if self.as_is:
            return {"does": "reads them unchanged, as this task requires", "change": "correct them in the file"}
        return {"does": f"{how} if that scores better", "change": "--text-cleaning none leaves them unchanged"}

    @property
    def rows(self) -> Array:
        """Return row numbers as the user counts them, (n,)."""
        return self.table.rows

    @cached_property
    def blank(self) -> Array:
        """Return a mask of rows without any text, (n,)."""
        return np.fromiter((not text or text.isspace() for text in self.table.full_text), bool, len(self))

    @cached_property
    def words(self) -> Words:
        """Return the words of all texts as hashes."""
        return shingles.split(self.table.full_text)

    @cached_property
    def kin(self) -> Array:
        """Return the first position with a nearly equal text, (n + m,), for all data rows and then all test rows.

        For pairs, both texts must be nearly equal.
        """
        if self.table.pair is not None:
            return _kin_of_pairs(self.table, None if self.test is None else self.test.table)
        return near_duplicates.groups(self.words if self.test is None else self.words.then(self.test.words))


def _kin_of_pairs(table: Table, test: Table | None) -> Array:
    """Compare both sides: a premise that occurs in many rows does not make them copies."""
    sides = []
    for i, side in enumerate(table.pair_tables):
        split = shingles.split(side.full_text)
        sides.append(
            near_duplicates.groups(split if test is None else split.then(shingles.split(test.pair_tables[i].full_text)))
        )
    both = np.stack(sides, axis=1)
    _, first, codes = np.unique(both, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[codes.ravel()])
