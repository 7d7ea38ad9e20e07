"""Columns without information: constants, ids, and copies of other columns."""

import hashlib
import re
from collections.abc import Iterable

import numpy as np

from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns.column import Column
from penna.preprocessing.data_findings import of_columns, quoted

LOOKS_FOR = "columns that are ids, constants, or copies of others"
NEEDS = ""

_DISTINCT = 0.95
_LEAST_ROWS = 20
_ID_NAME = re.compile(
    r"(^|[_\W])(id|ids|uuid|guid|key|index|idx|nr|no|number)$|^(id|uuid|guid|index|unnamed)\b|[a-z]I[dD]$",
    re.IGNORECASE,
)
_ID_CELL = re.compile(r"\S{1,80}")


def find(sheet: CheckContext) -> list[Finding]:
    """Report constants, ids and copies among the other columns."""
    copies = _copies([c for c in sheet.columns.values() if c.distinct > 1])
    return [
        # A column that the user named is used in any case.
        *useless([c for c in sheet.columns.values() if not c.role]),
        *of_columns(
            "copied column", "columns with the same information as another one", list(copies), "info",
            examples=[f"{name} says what {of} says" for name, of in copies.items()],
            does="keeps both", change="--ignore-columns COLUMN leaves one of them out",
        ),
    ]  # fmt: skip


def useless(columns: Iterable[Column]) -> list[Finding]:
    """Report columns without information; a fit leaves them out."""
    columns = list(columns)
    empty = [c.name for c in columns if not c.present]
    constant = [c for c in columns if c.distinct == 1]
    ids = [c for c in columns if _is_id(c)]
    idle, named = (
        "leaves them out",
        "name a column (--numeric-columns, --categorical-columns, --date-columns, --multi-value-columns) to use it",
    )
    return [
        *of_columns("empty column", "columns without any value", empty, does=idle, change="fill it in the file"),
        *of_columns(
            "constant column", "columns with one value only", [c.name for c in constant], "info",
            examples=[f"{c.name}: {_first(c)}" for c in constant],
            does=idle, change=named,
        ),
        *of_columns(
            "id column", "columns with different values in (nearly) every row, like ids", [c.name for c in ids], "info",
            examples=[f"{c.name}: {c.distinct:,} values in {c.present:,} rows, such as {_first(c)}" for c in ids],
            does=idle, change=f"{named}; pass a column that groups rows as --group-column",
        ),
    ]  # fmt: skip


def _first(column: Column) -> str:
    return quoted(column.texts[~column.missing][0])


def _is_id(column: Column) -> bool:
    """Return whether nearly all cells differ, and are consecutive whole numbers, named like ids, or without blanks."""
    if column.present < _LEAST_ROWS or column.distinct < _DISTINCT * column.present:
        return False
    if not column.numeric:
        sample = column.texts[~column.missing][:200]
        return sum(_ID_CELL.fullmatch(text) is not None for text in sample) >= 0.95 * len(sample)
    numbers = column.numbers[np.isfinite(column.numbers)]
    if (numbers % 1 != 0).any():
        return False  # fractions are measurements
    gapless = np.ptp(numbers) < 1.5 * len(numbers)
    return bool(gapless) or _ID_NAME.search(column.name) is not None


def _copies(columns: list[Column]) -> dict[str, str]:
    """Return column -> an earlier column that groups the rows in the same way, whatever the values are called."""
    seen: dict[bytes, Column] = {}
    originals: dict[str, str] = {}
    for column in columns:
        # Codes count in order of appearance: equal for columns that group the rows equally.
        earlier = seen.setdefault(hashlib.blake2b(column.codes.tobytes(), digest_size=16).digest(), column)
        if earlier is not column and column.distinct < _DISTINCT * column.present:
            originals[column.name] = earlier.name
    return originals
