"""Build findings: messages with the count and the place. Knows findings and row numbers; never cells."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.errors import PennaError

Severity = Literal["info", "warning", "error"]
Source = Literal["data", "test"]

FEW = 5
#: The noun for a row of each source.
ROW = {"data": "row", "test": "test row"}
_CELL = 90


def of_rows(
    kind: str,
    what: str,
    rows: Array,
    severity: Severity = "warning",
    *,
    of: int = 0,
    does: str = "",
    change: str = "",
    examples: Iterable[str] = (),
    source: Source = "data",
) -> list[Finding]:
    """Return one finding about these rows, or none if there are none.

    Parameters
    ----------
    kind, what, severity, does, change, examples, source
        Fields of the finding; ``what`` begins its message.
    rows : ndarray of int
        Row numbers.
    of : int
        The number of all rows, to add the share; 0 for none.

    >>> of_rows("empty text", "rows without text", np.array([4, 9]), of=200)[0].message
    'rows without text: 2 of 200, 1 % (rows 4, 9).'
    """
    if not len(rows):
        return []
    share = f" of {of:,}, {percent(len(rows) / of)}" if of else ""
    where = f"{ROW[source]} {named(rows)}" if len(rows) == 1 else f"{ROW[source]}s {named(rows)}"
    message = f"{what}: {len(rows):,}{share} ({where})."
    numbers = tuple(int(row) for row in rows)
    few = tuple(examples)[:FEW]
    return [Finding(kind, message, len(rows), numbers, severity, (), few, does, change, source)]


def of_columns(
    kind: str,
    what: str,
    columns: Sequence[str],
    severity: Severity = "warning",
    *,
    does: str = "",
    change: str = "",
    examples: Iterable[str] = (),
    rows: Array | None = None,
    source: Source = "data",
) -> list[Finding]:
    """Return one finding about these columns, or none if there are none. It counts columns.

    >>> of_columns("constant column", "columns with one value only", ["country"])[0].message
    "columns with one value only: 1 ('country')."
    """
    if not columns:
        return []
    listed = ", ".join(repr(column) for column in columns[:FEW]) + (" ..." if len(columns) > FEW else "")
    numbers = () if rows is None else tuple(int(row) for row in rows)
    few = tuple(examples)[:FEW]
    message = f"{what}: {len(columns):,} ({listed})."
    return [Finding(kind, message, len(columns), numbers, severity, tuple(columns), few, does, change, source)]


def left_out(table: Table, reasons: Sequence[Any]) -> list[Finding]:
    """Return a finding for each reason, a str, for which rows cannot be used. Usable rows have no str there."""
    by_reason = defaultdict[str, list[int]](list)
    for row, reason in zip(table.row_numbers.tolist(), reasons, strict=True):
        if isinstance(reason, str):
            by_reason[reason].append(row)
    return [
        finding
        for reason, rows in by_reason.items()
        for finding in of_rows(
            "unusable target", f"rows left out because {reason}", np.array(rows), of=len(table), does="leaves them out",
            change="correct them in the file",
        )
    ]  # fmt: skip


def none_left(what: str, table: Table, usable: int, left_out_rows: Sequence[Finding]) -> str:
    """Return the message for a target without a single entity or answer: all rows, and the unusable ones."""
    column, rows = f"column {table.target_name!r}", len(table)
    if usable == rows:
        return f"{column} has no {what} in any of its {rows:,} rows: is it the target?"
    messages = " ".join(finding.message for finding in left_out_rows)
    return f"no {what} of {column} can be used in its {rows:,} rows: {messages} The other {usable:,} have none."


def after(error: PennaError, findings: Sequence[Finding]) -> PennaError:
    """Return the error with the earlier findings on dropped rows, since its message counts the remaining ones."""
    messages = [
        finding.message for finding in findings if finding.severity == "warning" and "left out" in finding.message
    ]
    return type(error)(f"{error} Before that, {' '.join(messages)}") if messages else error


def unusable(table: Table, wrong: Sequence[int] | Array, why: str) -> str:
    """Return the message for rows, by position, that should have been dropped."""
    rows = named(table.row_numbers[np.asarray(wrong)])
    where = f"in {ROW['data']} {rows}" if len(wrong) == 1 else f"in {len(wrong)} {ROW['data']}s ({rows})"
    return f"column {table.target_name!r} cannot be used {where}: {why}; correct such rows, or drop them."


def named(rows: Array) -> str:
    """Return ``3, 8, 12`` or, for more than five rows, the first five and dots."""
    return ", ".join(str(row) for row in rows[:FEW]) + (" ..." if len(rows) > FEW else "")


def percent(share: float) -> str:
    """Return a share as text.

    >>> percent(0.1), percent(0.0312), percent(0.00001)
    ('10 %', '3.1 %', 'under 0.1 %')
    """
    return "under 0.1 %" if 0 < share < 0.001 else f"{100 * share:.3g} %" if share >= 0.1 else f"{100 * share:.2g} %"


def quoted(cell: Any, most: int = _CELL) -> str:
    """Return a cell as one line of at most ``most`` characters, in quotation marks.

    >>> quoted("two\\n lines")
    '"two lines"'
    """
    text = " ".join(str(cell)[: 4 * most].split())
    return f'"{text[: most - 3]}..."' if len(text) > most else f'"{text}"'


def at_rows(rows: Array, cells: Array, source: Source = "data") -> list[str]:
    """Return ``row 3: "its text"`` for the first few rows."""
    which = ROW[source]
    return [f"{which} {row}: {quoted(cell)}" for row, cell in zip(rows[:FEW], cells[:FEW], strict=True)]
