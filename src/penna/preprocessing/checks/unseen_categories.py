"""Differences of the test rows: unseen categories and labels, missing columns."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns.column import Column
from penna.preprocessing.data_findings import FEW, at_rows, of_columns, of_rows, percent, quoted

LOOKS_FOR = "categories and labels of the test rows that are not in the data"
NEEDS = ""

#: A column is categorical if it has at most this many values per row.
_REPEATS = 0.2


def find(sheet: CheckContext) -> list[Finding]:
    """Report unseen categories by column, unseen labels, and columns that one of the two tables lacks."""
    test = sheet.test
    if test is None:
        return []
    both = [c for name, c in sheet.columns.items() if name in test.columns and _categories(c)]
    new = {c.name: place for c in both if len(place := _unseen(c, test.columns[c.name]))}
    rows = test.rows[np.unique(np.concatenate(list(new.values())))] if new else None
    lacking = [name for name in sheet.columns if name not in test.columns]
    return [
        *of_columns(
            "unseen category", "columns whose test rows have categories that are not in the data", list(new),
            rows=rows, source="test", examples=[_named(test.columns[name], place) for name, place in new.items()],
            does="treats them as rare categories",
            change="add rows with these categories to the data",
        ),
        *of_columns(
            "missing column", "columns that the test file lacks", lacking, source="test",
            does="counts them as missing in every test row",
            change="add them to the test file, or leave them out with --ignore-columns COLUMN",
        ),
        *_labels(sheet, test),
    ]  # fmt: skip


def _categories(column: Column) -> bool:
    return 1 < column.distinct <= max(2, _REPEATS * column.present) and not (column.numeric and column.distinct > 20)


def _unseen(data: Column, test: Column) -> Array:
    seen = set(data.texts[~data.missing])
    return np.flatnonzero([bool(text) and text not in seen for text in test.texts])


def _named(column: Column, place: Array) -> str:
    values = list(dict.fromkeys(column.texts[place]))
    shown = ", ".join(quoted(value, 30) for value in values[:3]) + (" ..." if len(values) > 3 else "")
    return f"{column.name}: {len(place):,} test rows, {percent(len(place) / len(column))}, with {shown}"


def _labels(sheet: CheckContext, test: CheckContext) -> list[Finding]:
    if not sheet.classes or test.table.target is None:
        return []
    seen = set(map(str, sheet.classes))
    new = np.flatnonzero([label is not None and str(label) not in seen for label in test.table.target])
    examples = at_rows(test.rows[new], test.table.target[new], "test")[:FEW]
    return of_rows(
        "unknown label", "test rows whose label is not in the data", test.rows[new], of=len(test), source="test",
        examples=examples, does="leaves them out of the test set", change="add rows with these labels to the data",
    )  # fmt: skip
