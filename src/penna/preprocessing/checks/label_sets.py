"""Multilabel targets: rare labels, labels that differ in spelling only, and labels that always occur together."""

from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.checks import _label_spelling
from penna.preprocessing.checks.class_balance import RARE_ROWS
from penna.preprocessing.data_findings import FEW, of_rows, quoted

LOOKS_FOR = "multilabel targets: rare labels, spellings, and labels that always occur together"
NEEDS = ""


def find(sheet: CheckContext) -> list[Finding]:
    """Report rare labels, spellings, and redundant labels."""
    target = sheet.table.target
    if target is None or not sheet.table.target_form or not all(type(cell) is tuple for cell in target):
        return []
    rows: dict[Any, list[int]] = {}
    for i, labels in enumerate(target):
        for label in set(labels):
            rows.setdefault(label, []).append(i)
    counts = {label: len(at) for label, at in rows.items()}

    def here(labels: list[Any]) -> Array:
        return _at(sheet, rows, labels)

    spelt = _label_spelling.find(counts, here, len(sheet), "rows with a label that differs from")
    return [*_rare(sheet, rows, counts), *spelt, *_together(sheet, rows, counts)]


def _at(sheet: CheckContext, rows: dict[Any, list[int]], labels: list[Any]) -> Array:
    """Return the numbers of the rows that have any of these labels."""
    return np.asarray(sheet.rows[np.unique(np.concatenate([rows[label] for label in labels] or [[]]).astype(np.int64))])


def _rare(sheet: CheckContext, rows: dict[Any, list[int]], counts: dict[Any, int]) -> list[Finding]:
    rare = sorted(
        (label for label in counts if counts[label] < RARE_ROWS), key=lambda label: (counts[label], str(label))
    )
    if not rare:
        return []
    alone = counts[rare[0]] == 1
    named = tuple(f"{quoted(label)}: {counts[label]} {'row' if counts[label] == 1 else 'rows'}" for label in rare[:FEW])
    return [
        Finding(
            "rare class", f"labels of fewer than {RARE_ROWS} rows: {len(rare):,} of {len(counts):,}.", len(rare),
            tuple(_at(sheet, rows, rare).tolist()), "warning", (), named,
            ("leaves labels of one row out, and " if alone else "") + "keeps the others; their scores are uncertain",
            "add rows, or merge them into other labels",
        )
    ]  # fmt: skip


def _together(sheet: CheckContext, rows: dict[Any, list[int]], counts: dict[Any, int]) -> list[Finding]:
    """Report labels of exactly the same rows: one of them is enough."""
    same: dict[tuple[int, ...], list[Any]] = {}
    for label, at in rows.items():
        if counts[label] >= RARE_ROWS:
            same.setdefault(tuple(at), []).append(label)
    groups = [sorted(group, key=str) for group in same.values() if len(group) > 1]
    examples = [f"{' and '.join(map(quoted, group))}: {counts[group[0]]:,} rows" for group in groups]
    return of_rows(
        "labels together", "rows with labels that always occur together: one is enough",
        _at(sheet, rows, [label for group in groups for label in group]), "info", of=len(sheet),
        examples=examples[:FEW], does="learns each of them", change="drop all but one in the file",
    )  # fmt: skip
