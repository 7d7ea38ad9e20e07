"""Dates and times: float64 seconds since 1970 (midnight if there is no time), NaN if missing.

A column may mix notations. If a date has two numbers and a year, the form decides which is the day. The patterns are
Penna's own, because lenient parsers also read a 5 as a date.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.preprocessing.columns import types

RANK = 2
FAILS = "no date"

DAY_FIRST, MONTH_FIRST = "day", "month"
FORMS = ("", DAY_FIRST, MONTH_FIRST)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = datetime(1970, 1, 1)
_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[AaPp][Mm])?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9},? )?"
_WAYS = [
    re.compile(way + _TIME)
    for way in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<sign>[-/.])(?P<second_>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})",
        _WEEKDAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -](?P<name>[A-Za-z]{3,9})\.?,?[ -](?P<year>\d{4}|\d{2})",
        _WEEKDAY + r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
    )
]


def form(cells: Array) -> str | None:
    """Return the order: day first if some first number exceeds 12 and no second one does, else month first."""
    heads = [matches for cell in cells if isinstance(cell, str) and (matches := _WAYS[1].fullmatch(cell.strip()))]
    dots = any(head["sign"] == "." for head in heads)  # 3.4.2021 is the notation of places where the day comes first
    first, second = (max((int(head[part]) for head in heads), default=0) for part in ("first", "second_"))
    order = DAY_FIRST if second <= 12 and (first > 12 or dots) else MONTH_FIRST
    return order if types.fitting(~np.isnan(_seconds(cells, order))) else None


def doubtful(cells: Array) -> Array:
    """Return a mask, (n,), of ambiguous dates, if the column has clear dates of both orders.

    >>> doubtful(np.array(["3/4/2021", "31/1/2021", "1/31/2021", "3.4.2021", "4/4/2021"], dtype=object)).tolist()
    [True, False, False, False, False]
    """
    matches = [_WAYS[1].fullmatch(cell.strip()) if isinstance(cell, str) else None for cell in cells]
    heads = [(0, 0) if f is None or f["sign"] == "." else (int(f["first"]), int(f["second_"])) for f in matches]
    both = any(first > 12 for first, _ in heads) and any(second > 12 for _, second in heads)
    return np.array([both and 0 < first <= 12 and second <= 12 and first != second for first, second in heads], bool)


def read(cells: Array, form: str) -> tuple[Array, Array]:
    """Parse cells as dates.

    >>> read(np.array(["1970-01-02", "3 Jan 1970", "04/01/1970", "soon"], dtype=object), "day")[0].tolist()
    [86400.0, 172800.0, 259200.0, nan]
    """
    values = _seconds(cells, form)
    return values, types.unread(cells, np.isnan(values))


def blank(rows: int) -> Array:
    """Return values that are all missing."""
    return np.full(rows, np.nan)


def written(values: Array) -> list[str]:
    """Return values in words."""
    return ["" if value != value else _said(_EPOCH + timedelta(seconds=value)) for value in values.tolist()]


def _said(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes").removesuffix(" 00:00")


def _seconds(cells: Sequence[Any] | Array, form: str) -> Array:
    parsed = (_parsed(cell.strip(), form) if isinstance(cell, str) else _moment(cell) for cell in cells)
    return np.fromiter(parsed, np.float64, len(cells))


def _moment(cell: Any) -> float:
    """Return the seconds of a date or a datetime; pandas' Timestamp is one."""
    if types.absent(cell) or not isinstance(cell, date):
        return float("nan")
    moment = cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - _EPOCH).total_seconds()


@lru_cache(maxsize=1 << 16)  # dates repeat, and are read again after the form is settled
def _parsed(text: str, form: str) -> float:
    parsed = next((match for way in _WAYS if (match := way.fullmatch(text))), None)
    if parsed is None:
        return float("nan")
    parts = parsed.groupdict()
    try:
        moment = datetime(_year(parts["year"]), *_month_and_day(parts, form)) + _time(parts)
        return (moment - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return float("nan")


def _year(text: str) -> int:
    return int(text) + (0 if len(text) == 4 else 1900 if int(text) >= 69 else 2000)


def _month_and_day(parts: dict[str, Any], form: str) -> tuple[int, int]:
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second_"])
        # A cell with only one reading is read that way, whatever the column's form. So is one with dots: nobody writes
        # the month first between them.
        day_first = second <= 12 and (first > 12 or form == DAY_FIRST or parts["sign"] == ".")
        return (second, first) if day_first else (first, second)
    if "name" in parts:
        return _MONTHS.index(parts["name"][:3].lower()) + 1, int(parts["day"])
    return int(parts["month"]), int(parts["day"])


def _time(parts: dict[str, Any]) -> timedelta:
    if not parts["hour"]:
        return timedelta()
    hour, half, zone = int(parts["hour"]), (parts["half"] or "").lower(), parts["zone"] or "Z"
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    away = timedelta()
    if zone[0] in "+-":
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (1 if zone[0] == "+" else -1)
    minute, second = int(parts["minute"]), int(parts["second"] or 0)
    if hour > 24 or minute > 59 or second > 60:
        raise ValueError("no time of day")
    return timedelta(hours=hour, minutes=minute, seconds=second) - away
