"""Missing targets."""

import numpy as np

from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import Source, of_rows

LOOKS_FOR = "missing targets"
NEEDS = ""


def find(sheet: CheckContext) -> list[Finding]:
    """Report rows without a target, in the data and in the test rows."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    target = sheet.table.target
    if target is None:
        return []
    absent = np.fromiter((label is None or label == "" for label in target), bool, len(target))
    return of_rows(
        "missing target", f"rows without {sheet.table.target_name!r}", sheet.rows[absent], of=len(sheet), source=source,
        does="leaves them out", change="fill them in the file",
    )  # fmt: skip
