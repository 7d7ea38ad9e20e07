"""Pairs of texts: pairs with one side empty, and texts that occur in many rows."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, of_rows, quoted

LOOKS_FOR = "pairs with one side empty, and sides in several rows, also across train and test"
NEEDS = ""

#: The minimum share of rows whose first (or second) text also occurs in other rows, to be reported.
_SHARED = 0.2


def find(sheet: CheckContext) -> list[Finding]:
    """Report half-empty pairs, repeated sides and shared test sides; nothing if rows are no pairs."""
    if sheet.table.pair is None:
        return []
    return [*half_empty(sheet.table), *_shared(sheet), *_leaks(sheet)]


def half_empty(table: Table) -> list[Finding]:
    """Report pairs with one empty text; they are used unchanged."""
    if table.pair is None:
        return []
    first, second = map(_written, table.pair_tables)
    return of_rows(
        "half pair", "pairs with one empty text", table.rows[first != second], of=len(table),
        does="uses them unchanged", change="fill in the empty side in the file, or drop such rows",
    )  # fmt: skip


def _shared(sheet: CheckContext) -> list[Finding]:
    """Report sides that repeat: what a model learns about such a text applies to other rows with it."""
    findings = []
    for name, side in zip(sheet.table.pair or (), sheet.table.pair_tables, strict=True):
        _, codes, counts = np.unique(side.hashes, return_inverse=True, return_counts=True)
        again = (counts[codes] > 1) & _written(side)
        if again.mean() >= _SHARED:
            most = int(np.argmax(np.where(again, counts[codes], 0)))
            findings += of_rows(
                "shared side", f"rows whose {name!r} stands on other rows, too", sheet.rows[again], "info",
                of=len(sheet), examples=[f"on {counts[codes[most]]:,} rows: {quoted(side.full_text[most])}"],
                does="keeps such rows on one side of every split, where a text stands on ten at most and no chain of "
                "rows is longer than a twentieth of the table",
                change="name a column with --group-column: then only rows of a group stay together",
            )  # fmt: skip
    return findings


def _leaks(sheet: CheckContext) -> list[Finding]:
    """Report test rows with one side in the data and another text on the other side; whole pairs count as copies."""
    test = sheet.test
    if test is None or test.table.pair is None:
        return []
    whole = np.isin(test.table.hashes, sheet.table.hashes)
    findings = []
    for name, side, data_side in zip(
        sheet.table.pair or (), test.table.pair_tables, sheet.table.pair_tables, strict=True
    ):
        both = np.isin(side.hashes, data_side.hashes) & ~whole & _written(side)
        findings += of_rows(
            "side leak", f"test rows whose {name!r} is also in the data, in another pair", test.rows[both],
            of=len(test), source="test", does="counts them in the test set",
            examples=[f"test row {test.rows[i]}: {quoted(side.full_text[i])}" for i in np.flatnonzero(both)[:FEW]],
            change="drop them from the test file, or from the data",
        )  # fmt: skip
    return findings


def _written(side: Table) -> Array:
    return np.array([bool(text.strip()) for text in side.full_text], bool)
