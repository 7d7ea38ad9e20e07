"""Texts without content: empty ones, and those of hardly a letter."""

import re
from typing import Any

import numpy as np

from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import Source, at_rows, of_rows

LOOKS_FOR = "empty and near-empty texts"
NEEDS = ""

#: The minimum number of letters and digits in a script with an alphabet.
FEWEST_LETTERS = 3
_NO_LETTER = re.compile(r"[\W_]+")


def find(sheet: CheckContext) -> list[Finding]:
    """Report rows without text, and rows with fewer than three letters or digits (or one Chinese character)."""
    if not sheet.table.text:
        return []
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    does = "drops them from training unless other columns have values; still predicts for them"
    if source == "test":
        does = "treats them like any other row"
    poor = np.fromiter(map(_poor, sheet.table.full_text), bool, len(sheet)) & ~sheet.blank
    common: dict[str, Any] = {"of": len(sheet), "source": source}
    return [
        *of_rows(
            "empty text", "rows without any text", sheet.rows[sheet.blank],
            does=does, change="fill them in, or name more columns with --text", **common,
        ),
        *of_rows(
            "near-empty text", f"texts of fewer than {FEWEST_LETTERS} letters or digits", sheet.rows[poor], "info",
            does="keeps them", change="complete or drop them in the file",
            examples=at_rows(sheet.rows[poor], sheet.table.full_text[poor], source), **common,
        ),
    ]  # fmt: skip


def _poor(text: str) -> bool:
    letters = _NO_LETTER.sub("", text[:30])
    if len(letters) < FEWEST_LETTERS and len(text) > 30:  # the beginning of a text is usually enough
        letters = _NO_LETTER.sub("", text)
    # One Chinese or Japanese character is half a word.
    return len(letters) < (FEWEST_LETTERS if letters.isascii() else 2)
