"""Numeric columns: outliers, infinities, and cells that are no number."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns.column import Column
from penna.preprocessing.data_findings import Source, of_columns, quoted

LOOKS_FOR = "numeric outliers, and columns that change type"
NEEDS = ""

_FENCE = 3.0
_LEAST_ROWS = 20
_MOST_SHARE = 0.05  # more frequent values are no outliers
_MIXED = 0.8  # more frequent words are no mistake
_FEW_VALUES = 20  # some sizes, grades and the like may be written as numbers


def find(sheet: CheckContext) -> list[Finding]:
    """Report outliers and infinities of numeric columns, and columns that mix numbers and words."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    far = {c.name: place for c in sheet.columns.values() if c.numeric and len(place := outliers(c.numbers))}
    mixed = {c.name: place for c in sheet.columns.values() if len(place := _no_numbers(c))}
    return [
        *of_columns(
            "numeric outlier", "columns with numbers far outside the usual range", list(far), "info", source=source,
            rows=_together(sheet, far), examples=[_far(sheet, sheet.columns[name], far[name]) for name in far],
            does="keeps them, except infinities, which count as missing", change="correct them in the file",
        ),
        *of_columns(
            "mixed column", "columns that hold numbers in some rows and words in others", list(mixed), source=source,
            rows=_together(sheet, mixed), examples=[_words(sheet, sheet.columns[name], mixed[name]) for name in mixed],
            does="takes such a column as names, unless nearly all its cells are numbers: then words count as missing",
            change="--numeric-columns COLUMN, or --categorical-columns COLUMN",
        ),
    ]  # fmt: skip


def outliers(numbers: Array) -> Array:
    """Return the positions of outliers and infinities.

    Outliers are beyond Tukey's outer fences, on a log scale if the numbers are positive and skewed.

    >>> outliers(np.array([*range(30), 1000.0])).tolist()
    [30]
    """
    finite = np.isfinite(numbers)
    infinite = np.flatnonzero(np.isinf(numbers))
    if finite.sum() < _LEAST_ROWS:
        return infinite
    usable = numbers[finite]
    low, middle, high = np.quantile(usable, [0.25, 0.5, 0.75])
    if usable.min() > 0 and high - middle > 2 * (middle - low):
        numbers = np.log(np.where(finite, numbers, 1.0))
        low, high = np.quantile(numbers[finite], [0.25, 0.75])
    if high == low:
        return infinite
    reach = _FENCE * (high - low)
    with np.errstate(invalid="ignore"):
        far = finite & ((numbers < low - reach) | (numbers > high + reach))
    if far.sum() > _MOST_SHARE * finite.sum():
        return infinite
    return np.sort(np.concatenate([np.flatnonzero(far), infinite]))


def _no_numbers(column: Column) -> Array:
    """Return the positions of words in a column of numbers."""
    filled = ~(column.missing | column.stand_ins)
    words = filled & np.isnan(column.numbers)
    share = float(words.sum()) / max(int(filled.sum()), 1)
    mixed = 0 < share < 0.5 or (0.5 <= share < _MIXED and column.distinct > _FEW_VALUES)
    return np.flatnonzero(words) if mixed and column.present >= _LEAST_ROWS else np.zeros(0, np.int64)


def _together(sheet: CheckContext, places: dict[str, Array]) -> Array:
    return sheet.rows[np.unique(np.concatenate(list(places.values())))] if places else np.zeros(0, np.int64)


def _far(sheet: CheckContext, column: Column, place: Array) -> str:
    finite = column.numbers[np.isfinite(column.numbers)]
    low, high = np.quantile(finite, [0.25, 0.75])
    shown = ", ".join(f"{column.texts[i]} (row {sheet.rows[i]})" for i in place[:3])
    return f"{column.name}: {len(place):,} cells such as {shown}; half of all are from {low:g} to {high:g}"


def _words(sheet: CheckContext, column: Column, place: Array) -> str:
    shown = ", ".join(f"{quoted(column.texts[i], 30)} (row {sheet.rows[i]})" for i in place[:3])
    return f"{column.name}: {len(place):,} of {column.present:,} cells, such as {shown}"
