"""Markup in texts: HTML tags and entities that a reader would not have seen."""

import re
from typing import Any

import numpy as np

from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, ROW, Source, of_rows, quoted

LOOKS_FOR = "markup"
NEEDS = ""

_MOST = 20_000
# Names of HTML elements: <user>, <3 and a < b are no tags.
_NAMES = (
    "a|abbr|article|aside|audio|b|big|blockquote|body|br|button|canvas|caption|center|cite|code|col|dd|del|details|div|"
    "dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|"
    "kbd|label|legend|li|link|main|map|mark|meta|nav|noscript|object|ol|option|p|param|pre|q|s|samp|script|section|"
    "select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|"
    "tt|u|ul|var|video"
)
_TAG = re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]{{0,1000}})?\s*/?>|<!--|<!doctype|<\?xml", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8}\d{0,2});")


def find(sheet: CheckContext) -> list[Finding]:
    """Report rows with HTML tags or entities."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    places = [i for i, text in enumerate(sheet.table.full_text) if _place(text) is not None]
    rows = sheet.rows[np.array(places, np.int64)]
    return of_rows(
        "markup", "texts with HTML tags or entities", rows, of=len(sheet), source=source,
        examples=[f"{ROW[source]} {sheet.rows[i]}: {_around(sheet.table.full_text[i])}" for i in places[:FEW]],
        **sheet.mends("reads them without markup, or with it"),
    )  # fmt: skip


def _place(text: str) -> int | None:
    """Return the position at which markup begins, or None.

    >>> _place("so <b>good</b>"), _place("AT&amp;T"), _place("<user> a < b & c; <3")
    (3, 2, None)
    """
    match: Any = None
    if "<" in text:
        match = _TAG.search(text, 0, _MOST)
    if match is None and "&" in text:
        match = _ENTITY.search(text, 0, _MOST)
    return None if match is None else int(match.start())


def _around(text: str) -> str:
    start = max(0, (_place(text) or 0) - 30)
    return quoted(text[start : start + 90])
