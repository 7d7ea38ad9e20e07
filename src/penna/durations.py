"""Parse durations: numbers, timedeltas and texts become seconds."""

import re
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

from penna.errors import SettingError, shown

#: Bounds of a budget: nothing can be tried in less, and more is a slip of the pen.
LEAST, MOST = 5.0, 1e7
_UNITS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_PART = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)\.?\s*(?:,|and\b)?\s*", re.ASCII)
_CLOCK = re.compile(r"\s*(\d+):([0-5]?\d):([0-5]?\d(?:\.\d+)?)\s*", re.ASCII)
_WRITTEN = "write it like 30s, 10m or 1h30m"


def parse_seconds(given: Any) -> float:
    """Return the seconds of a budget.

    Parameters
    ----------
    given : number, timedelta or str
        Seconds, a timedelta (also NumPy's and pandas'), or a text such as "10m".

    Raises
    ------
    SettingError
        If it is no duration, or outside the bounds of a budget.

    >>> parse_seconds("10m"), parse_seconds("1h 30 min"), parse_seconds("1:30:00"), parse_seconds(timedelta(minutes=2))
    (600.0, 5400.0, 5400.0, 120.0)
    """
    try:
        seconds = duration(given)
    except (TypeError, ValueError, OverflowError):
        seconds = None
    if seconds is None:
        raise SettingError(f"budget {shown(given)} is not a duration: {_WRITTEN}, or pass seconds or a timedelta.")
    if not LEAST <= seconds < MOST:
        raise SettingError(f"a budget of {seconds:g} s cannot work: pass at least 5s (and a finite number).")
    return seconds


def duration(given: Any) -> float | None:
    """Return the seconds, or None if the value is no duration."""
    if isinstance(given, timedelta):
        return given.total_seconds()
    if type(given).__name__ == "timedelta64":
        import numpy as np

        return float(given / np.timedelta64(1, "s"))
    if getattr(given, "ndim", None) == 0 and hasattr(given, "item"):  # NumPy's scalars
        given = given.item()
    if isinstance(given, bool):
        return None
    if isinstance(given, Real | Decimal):
        return float(given)
    return _written(given.lower()) if isinstance(given, str) else None


def _written(text: str) -> float | None:
    """Return the seconds of ``"90"``, ``"1h30m"``, ``"10 minutes"``, ``"1 hour and 5 minutes"`` or ``"1:30:00"``."""
    try:
        return float(text)
    except ValueError:
        pass
    if clock := _CLOCK.fullmatch(text):
        return 3600.0 * int(clock[1]) + 60.0 * int(clock[2]) + float(clock[3])
    total, at, units = 0.0, 0, list[float]()
    while part := _PART.match(text, at):
        if part[2] not in _UNITS:
            return None
        total, at = total + float(part[1]) * _UNITS[part[2]], part.end()
        units.append(_UNITS[part[2]])
    # "5m 3m" is a slip, and so is "30m 1h".
    return total if units and at == len(text) and units == sorted(set(units), reverse=True) else None
