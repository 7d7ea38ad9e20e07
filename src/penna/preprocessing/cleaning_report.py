"""Report the changes that cleaning made: every change to a user's data is shown."""

import numpy as np

from penna.data.table import Finding, Table
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.data_findings import FEW, of_rows

#: The number of characters to show of either text, from a few before the first difference.
_SHOWN, _BEFORE = 60, 12


def finding(before: Table, after: Table, clean: str) -> list[Finding]:
    """Report the rows that the steps named by ``clean`` changed, with some texts before and after.

    >>> texts = np.array(["a <b>good</b> one", "as it was"], dtype=object)
    >>> raw = Table({"text": texts}, rows=np.array([1, 2]))
    >>> cleaned = Table({"text": np.array(["a good one", "as it was"], dtype=object)}, rows=raw.rows)
    >>> found = finding(raw, cleaned, "markup")[0]
    >>> found.rows, found.examples
    ((1,), ("row 1: 'a <b>good</b> one' is read as 'a good one'",))
    """
    if clean == NONE:
        return []
    differ = np.any([before.text[name] != after.text[name] for name in before.text], axis=0)
    places = np.flatnonzero(differ)
    return of_rows(
        "cleaned text", f"texts that the model reads cleaned ({clean})", before.rows[places], "info", of=len(before),
        examples=[_example(before, after, int(i)) for i in places[:FEW]],
        does="cleans them in training and at prediction; outputs keep the original", change="--text-cleaning none",
    )  # fmt: skip


def _example(before: Table, after: Table, i: int) -> str:
    name = next(name for name in before.text if before.text[name][i] != after.text[name][i])
    one, other = str(before.text[name][i]), str(after.text[name][i])
    same = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - _BEFORE)
    return f"row {before.rows[i]}: {_part(one, start)!r} is read as {_part(other, start)!r}"


def _part(text: str, start: int) -> str:
    lead, tail = "..." if start else "", "..." if len(text) > start + _SHOWN else ""
    return lead + text[start : start + _SHOWN] + tail
