"""Class balance: imbalance, rare classes, and classes that differ in spelling only. Silent for quantities."""

from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.checks import _label_spelling
from penna.preprocessing.data_findings import FEW, percent

LOOKS_FOR = "class imbalance, rare classes, labels that differ in spelling only"
NEEDS = ""

RARE_ROWS = 10
#: Below this part of an equal share, a class hardly affects accuracy; tasks then measure macro F1.
_UNEVEN = 0.2


def find(sheet: CheckContext) -> list[Finding]:
    """Report imbalance, rare classes, and spellings."""
    if sheet.strata is None or len(sheet.classes) < 2:
        return []
    counts = np.bincount(sheet.strata[sheet.strata >= 0], minlength=len(sheet.classes))
    return [*_uneven(sheet, counts), *_rare(sheet, counts), *_spellings(sheet, counts)]


def _uneven(sheet: CheckContext, counts: Array) -> list[Finding]:
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[least] >= _UNEVEN * counts.sum() / len(counts):
        return []
    message = (
        f"classes are uneven: {sheet.classes[most]!s} has {counts[most]:,} rows "
        f"({percent(counts[most] / counts.sum())}), {sheet.classes[least]!s} has {counts[least]:,}."
    )
    does = "measures macro F1 instead of accuracy, and tries class weights and thresholds"
    few = tuple(f"{sheet.classes[j]!s}: {counts[j]:,} rows" for j in np.argsort(-counts, kind="stable")[:FEW])
    below = int((counts < _UNEVEN * counts.sum() / len(counts)).sum())
    return [
        Finding("class imbalance", message, below, (), "warning", (), few, does, "--metric NAME, --postprocess none")
    ]


def _rare(sheet: CheckContext, counts: Array) -> list[Finding]:
    rare = np.flatnonzero((counts < RARE_ROWS) & (counts > 0))
    if not len(rare):
        return []
    assert sheet.strata is not None
    rare = rare[np.argsort(counts[rare], kind="stable")]
    named = [f"{sheet.classes[j]!s}: {counts[j]:,} {'row' if counts[j] == 1 else 'rows'}" for j in rare]
    rows = np.flatnonzero(np.isin(sheet.strata, rare))
    message = f"classes of fewer than {RARE_ROWS} rows: {len(rare):,} of {len(counts):,}."
    alone = bool((counts[rare] == 1).any())
    does = "refuses classes of one row" if alone else "keeps them; their scores will be uncertain"
    change = (
        "--rare-classes drop leaves classes of one row out" if alone else "add rows, or merge them into other classes"
    )
    numbers = tuple(int(row) for row in sheet.rows[rows])
    return [Finding("rare class", message, len(rare), numbers, "warning", (), tuple(named[:FEW]), does, change)]


def _spellings(sheet: CheckContext, counts: Array) -> list[Finding]:
    def rows(labels: list[Any]) -> Array:
        assert sheet.strata is not None
        return np.asarray(sheet.rows[np.isin(sheet.strata, [sheet.classes.index(label) for label in labels])])

    present = {label: int(count) for label, count in zip(sheet.classes, counts, strict=True) if count}
    return _label_spelling.find(present, rows, len(sheet), "rows whose label differs from")
