"""Labels that are equal but for case, blanks and signs: of classes, and where rows have several labels."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.data_findings import FEW, of_rows, quoted

_SIGNS = re.compile(r"[\W_]+")


def find(counts: Mapping[Any, int], rows: Callable[[list[Any]], Array], of: int, what: str) -> list[Finding]:
    """Label -> its rows; ``rows``: the numbers of those, out of ``of``, that have any of some labels.

    ``what`` is stated of them.
    """
    alike: dict[str, list[Any]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], str(label))):
        key = _SIGNS.sub("", str(label).casefold())
        if key and isinstance(label, str):
            alike.setdefault(key, []).append(label)
    groups = [group for group in alike.values() if len(group) > 1]
    rarer = [label for group in groups for label in group[1:]]
    if not rarer:
        return []
    examples = [" and ".join(f"{quoted(label)} ({counts[label]:,} rows)" for label in group) for group in groups]
    return of_rows(
        "label spelling", f"{what} a more frequent one in case, blanks or signs only", rows(rarer), of=of,
        examples=examples[:FEW], does="takes them for different labels", change="write them alike in the file",
    )  # fmt: skip
