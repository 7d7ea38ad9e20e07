"""Labels that differ only in case, blanks or punctuation; for classes and for multilabel targets."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.data_findings import FEW, of_rows, quoted

_SIGNS = re.compile(r"[\W_]+")


def find(counts: Mapping[Any, int], rows: Callable[[list[Any]], Array], of: int, what: str) -> list[Finding]:
    """Report labels that differ in spelling only.

    ``counts`` maps a label to its number of rows, ``rows`` returns the row numbers of some labels, ``of`` is the
    number of all rows, and ``what`` is the subject of the message.
    """
    by_spelling: dict[str, list[Any]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], str(label))):
        key = _SIGNS.sub("", str(label).casefold())
        if key and isinstance(label, str):
            by_spelling.setdefault(key, []).append(label)
    groups = [group for group in by_spelling.values() if len(group) > 1]
    rarer = [label for group in groups for label in group[1:]]
    if not rarer:
        return []
    examples = [" and ".join(f"{quoted(label)} ({counts[label]:,} rows)" for label in group) for group in groups]
    return of_rows(
        "label spelling", f"{what} a more frequent one only in case, blanks or punctuation", rows(rarer), of=of,
        examples=examples[:FEW], does="treats them as different labels", change="spell them equally in the file",
    )  # fmt: skip
