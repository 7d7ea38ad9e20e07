"""Values as words: every user's text is cut, cleaned and escaped here, and every number gets its unit. A leaf."""

import html
import math
import re
from collections.abc import Mapping
from typing import Any

from penna.metrics import describe

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_BDI = '<bdi dir="auto">'


def plain(value: Any, most: int = 400) -> str:
    """Escaped text of at most ``most`` characters; controls and lone surrogates become U+FFFD.

    >>> plain("<script>" + "x" * 99, most=12)
    '&lt;script&gt;xxx…'
    """
    text = str(value)
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    text = _CONTROL.sub("\ufffd", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return html.escape(text)


def quote(value: Any, most: int = 400) -> str:
    """Return the same as an element of its own direction, so that right-to-left text disturbs nothing around it."""
    return f"{_BDI}{plain(value, most)}</bdi>"


def label(value: Any, most: int = 60) -> str:
    """Return a class name, which may break after an underscore or a dash."""
    broken = re.sub(r"([_/-])(?=\w)", r"\1<wbr>", plain(value, most))
    return f"{_BDI}{broken}</bdi>"


def metric(name: str) -> str:
    """Return the name of the metric."""
    return plain(describe(name).display_name)


def finite(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def score(value: Any) -> str:
    """Four digits after the point; in the units of a user's target, four digits anywhere."""
    if not finite(value):
        return "–"
    usual = value == 0 or 1e-4 <= abs(value) < 1e4
    return f"{value:.4f}".replace("-", "−") if usual else figure(value)


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{digits}f}\u202f%"


def reach(length: Mapping[str, Any]) -> str:
    """How an encoder reads long texts, of a record's ``Length``.

    >>> print(reach({"length": 128, "long": 0.12, "windows": 16, "truncated": 0.0}))
    128 tokens at once; 12.0 % of the rows have more and are read by at most 16 windows
    """
    phrase = f"{length['length']:,} tokens at once"
    if length.get("long"):
        windows = length.get("windows", 1)
        by = f"by at most {windows} windows" if windows > 1 else "from their beginning alone"
        by = by if windows else "whole, by windows"
        phrase += f"; {percent(length['long'])} of the rows have more and are read {by}"
    return phrase + (f"; of {percent(length['truncated'])} a part is not read" if length.get("truncated") else "")


def count(value: Any) -> str:
    """Return a whole number with separators."""
    return f"{value:,}" if finite(value) else "–"


def some(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def megabytes(value: Any) -> str:
    """Return the size in megabytes."""
    return f"{significant(value)}\u202fMB" if finite(value) else "–"


def milliseconds(value: Any) -> str:
    """Return the latency of one text in milliseconds."""
    return f"{significant(value)}\u202fms" if finite(value) else "–"


def significant(value: float) -> str:
    """Three digits, never an exponent, nothing below a hundredth.

    >>> significant(0.034567), significant(3.14159), significant(1234.5), significant(0.0001)
    ('0.03', '3.14', '1,234', '≤0.01')
    """
    if 0 < abs(value) < 0.01:
        return "≤0.01"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def figure(value: float) -> str:
    """Return a number of the user's, in four digits.

    >>> figure(1234567.0), figure(3.14159), figure(-0.00012)
    ('1,235,000', '3.142', '−0.00012')
    """
    if not finite(value):
        return "–"
    rounded = float(f"{value:.4g}")
    text = f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"
    return text.replace("-", "−")


def duration(seconds: Any) -> str:
    """Return seconds in words.

    >>> duration(0.42), duration(42), duration(582), duration(5400)
    ('0.4\u202fs', '42\u202fs', '9\u202fmin 42\u202fs', '1\u202fh 30\u202fmin')
    """
    if not finite(seconds):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}\u202fs"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}\u202fs"
    if whole < 3600:
        return f"{whole // 60}\u202fmin" + (f" {whole % 60}\u202fs" if whole % 60 else "")
    return f"{whole // 3600}\u202fh" + (f" {whole % 3600 // 60}\u202fmin" if whole % 3600 // 60 else "")
