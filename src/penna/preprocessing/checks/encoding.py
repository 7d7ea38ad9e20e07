"""Encoding damage: a wrong code page, lost characters, control characters."""

import re
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, Source, at_rows, of_rows, quoted

LOOKS_FOR = "broken encodings"
NEEDS = ""

_MOST = 20_000  # characters of a text that are inspected
#: A UTF-8 character that was read with a one-byte code page: a lead byte, then continuation bytes.
_SUSPECT = re.compile(
    "[\u00c2-\u00f4\u0102-\u0179\u0192\u0413-\u0440][\u0080-\u00bf\u0152-\u017e\u0192\u02c6-\u02dc\u0401-\u0491\u2013-\u203a\u20ac\u2116\u2122]|[\x80-\x9f]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_LOST = "\ufffd"


def find(sheet: CheckContext) -> list[Finding]:
    """Report mojibake (ftfy shows the repaired text), replacement characters and control characters."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    texts = sheet.table.full_text
    broken = np.fromiter(map(mojibake, texts), bool, len(texts))
    lost = np.fromiter((_LOST in text for text in texts), bool, len(texts))
    control = np.fromiter((_CONTROL.search(text) is not None for text in texts), bool, len(texts))
    common: dict[str, Any] = {"of": len(texts), "source": source}
    return [
        *of_rows(
            "broken encoding", "texts that were decoded with a wrong code page", sheet.rows[broken],
            examples=_repaired(sheet, np.flatnonzero(broken)[:FEW]),
            **sheet.mends("repairs them if possible, or leaves them unchanged"), **common,
        ),
        *of_rows(
            "lost characters", "texts with replacement characters for lost ones", sheet.rows[lost],
            examples=at_rows(sheet.rows[lost], texts[lost], source),
            does="keeps them", change="read them from the source again: lost characters cannot be repaired", **common,
        ),
        *of_rows(
            "control characters", "texts with control characters", sheet.rows[control], "info",
            examples=at_rows(sheet.rows[control], texts[control], source),
            **sheet.mends("removes them, or keeps them"), **common,
        ),
    ]  # fmt: skip


def mojibake(text: str) -> bool:
    """Return whether a text was decoded with a wrong code page.

    >>> mojibake("itâ€™s clichÃ©d"), mojibake("it’s clichéd"), mojibake("Ägypten, São Tomé")
    (True, False, False)
    """
    if text.isascii() or _SUSPECT.search(text, 0, _MOST) is None:
        return False
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    text = text[:_MOST]
    return bool(is_bad(text)) or fix_encoding(text) != text


def _repaired(sheet: CheckContext, places: Array) -> list[str]:
    from ftfy import fix_encoding

    out = []
    for i in places:
        text = sheet.table.full_text[i][:_MOST]
        match = _SUSPECT.search(text)
        start = max(0, (match.start() if match else 0) - 20)
        part = text[start : start + 80]
        mended = fix_encoding(part)
        suffix = f" should read {quoted(mended)}" if mended != part else ""
        out.append(f"row {sheet.rows[i]}: {quoted(part)}{suffix}")
    return out
