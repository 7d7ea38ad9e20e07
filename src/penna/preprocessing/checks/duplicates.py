"""Duplicate texts: equal, nearly equal, with other labels, and on both sides of a test set."""

from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, of_rows, quoted

LOOKS_FOR = "equal and nearly equal texts, also across train and test, and with different labels"
NEEDS = ""


def find(sheet: CheckContext) -> list[Finding]:
    """Report exact and near copies of earlier rows, copies with another label, and test rows that are in the data."""
    exact = equal(sheet.table, sheet.strata if sheet.classes else None, ~sheet.blank)
    return [*exact, *_near(sheet, exact), *_leaks(sheet)]


def equal(table: Table, strata: Array | None, usable: Array | None = None) -> list[Finding]:
    """Report equal texts. Copies with equal labels are harmless, since splits keep them together; others are noise.

    ``strata`` is the class of each row, (n,), -1 if unknown; None for a target without classes.
    """
    usable = np.ones(len(table), bool) if usable is None else usable
    first = _first(table.hashes)
    repeats = np.flatnonzero((first != np.arange(len(table))) & usable)
    return [
        *of_rows(
            "repeated text", "rows that repeat the text of an earlier row", table.rows[repeats], "info",
            of=len(table), examples=_pairs(table, repeats, first),
            does="keeps them; copies are always on one side of a split", change="drop the repeats in the file",
        ),
        *_torn(table, first, strata, usable, "torn labels", "rows whose text also has another label"),
    ]  # fmt: skip


def _first(keys: Array) -> Array:
    """Return the first position with the same key, (n,)."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])


def _torn(
    table: Table, first: Array, strata: Array | None, usable: Array, kind: str, what: str, but: Array | None = None
) -> list[Finding]:
    """Report groups of copies with several labels; rows in ``but`` were reported before."""
    if strata is None:
        return []
    labeled = usable & (strata >= 0)
    least, most = np.full(len(table), np.iinfo(np.int64).max), np.full(len(table), -1)
    np.minimum.at(least, first[labeled], strata[labeled])
    np.maximum.at(most, first[labeled], strata[labeled])
    torn = labeled & (least[first] < most[first])
    if but is not None:
        torn &= ~but
    rows = np.flatnonzero(torn)
    rows = rows[np.argsort(first[rows], kind="stable")]
    labels = (
        []
        if table.target is None
        else [f"row {table.rows[i]}: {table.target[i]!s}, {quoted(table.full_text[i])}" for i in rows[:FEW]]
    )
    return of_rows(
        kind, what, table.rows[np.sort(rows)], of=len(table), examples=labels,
        does="keeps them all", change="decide on one label in the file",
    )  # fmt: skip


def _pairs(table: Table, rows: Array, first: Array) -> list[str]:
    return [f"row {table.rows[i]} is like row {table.rows[first[i]]}: {quoted(table.full_text[i])}" for i in rows[:FEW]]


def _near(sheet: CheckContext, findings: list[Finding]) -> list[Finding]:
    """Report copies that differ in case, punctuation or a few words; ``findings`` already has the exact ones."""
    table, n = sheet.table, len(sheet)
    kin = _first(sheet.kin[:n])  # the same groups, each named by its first data row
    exact = _first(table.hashes)
    near = np.flatnonzero((kin != np.arange(n)) & (exact == np.arange(n)) & ~sheet.blank)
    torn_already = np.isin(table.rows, [row for f in findings if f.kind == "torn labels" for row in f.rows])
    strata = sheet.strata if sheet.classes else None
    return [
        *of_rows(
            "near duplicates", "rows that nearly repeat an earlier row (other case, punctuation or a few words)",
            table.rows[near], "info", of=n, examples=_pairs(table, near, kin),
            does="keeps them; copies that differ in more than case and punctuation may be on both sides of a fold",
            change="drop them in the file, or name a column that keeps them together with --group-column",
        ),
        *_torn(
            table, kin, strata, ~sheet.blank, "torn near duplicates",
            "rows with a near copy under another label", torn_already,
        ),
    ]  # fmt: skip


def _leaks(sheet: CheckContext) -> list[Finding]:
    """Report test rows whose text, or a near copy, is in the data: their score would measure memory."""
    test = sheet.test
    if test is None:
        return []
    n = len(sheet)
    both = np.isin(test.table.hashes, sheet.table.hashes) & ~test.blank
    near = np.isin(sheet.kin[n:], sheet.kin[:n]) & ~both & ~test.blank
    place = {root: i for i, root in reversed(list(enumerate(sheet.kin[:n].tolist())))}
    examples = [
        f"test row {test.rows[j]} is like row {sheet.rows[place[root]]}: {quoted(test.table.full_text[j])}"
        for j, root in zip(np.flatnonzero(near)[:FEW], sheet.kin[n:][near][:FEW].tolist(), strict=True)
    ]
    common: dict[str, Any] = {
        "of": len(test),
        "source": "test",
        "change": "drop them from the test file, or from the data",
    }
    return [
        *of_rows(
            "leak", "test rows whose text is also in the data", test.rows[both],
            does="counts them in the test set", examples=_texts(test, both), **common,
        ),
        *of_rows(
            "near leak", "test rows with a near copy in the data", test.rows[near],
            does="counts them in the test set", examples=examples, **common,
        ),
    ]  # fmt: skip


def _texts(sheet: CheckContext, mask: Array) -> list[str]:
    return [f"test row {sheet.rows[i]}: {quoted(sheet.table.full_text[i])}" for i in np.flatnonzero(mask)[:FEW]]
