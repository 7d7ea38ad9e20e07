"""Readers of option values: each returns the value as Penna uses it. They know no option.

A reader raises TypeError, ValueError or OverflowError for a value that it does not accept.
"""

import inspect
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

#: Returns a value as Penna uses it.
Reader: TypeAlias = Callable[[Any], Any]


class Unfit(ValueError):
    """A rejected value; the message says what to pass instead."""


def plain(value: Any) -> Any:
    """Return NumPy's scalars as Python's, except durations."""
    import numpy as np

    scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if scalar and not isinstance(value, np.timedelta64) and value.dtype.kind != "m" else value


def number(value: Any) -> float:
    """Return a finite number above zero."""
    from decimal import Decimal

    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise TypeError
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def whole(least: int, most: int) -> Reader:
    """Return a reader of whole numbers from ``least`` to ``most``."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if value != int(value) or not least <= value <= most:
            raise ValueError
        return int(value)

    return read


def share(value: Any) -> float:
    """Return a number above 0 and up to 0.5."""
    if number(value) > 0.5:
        raise ValueError
    return float(value)


def flag(value: Any) -> bool:
    """Return a bool."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def text(value: Any) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise TypeError
    if not value:
        raise ValueError
    return str(value)


def column(value: Any) -> str:
    """Return the name of a column; columns of a DataFrame may have numbers as names."""
    counted = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return str(value) if counted else text(value)


def items(value: Any) -> list[Any]:
    """Return the items of a list, tuple, set, array or Index."""
    if isinstance(value, str | bytes | Mapping) or not (isinstance(value, Collection) and hasattr(value, "__iter__")):
        raise TypeError
    return [plain(each) for each in value]


def columns(value: Any) -> tuple[str, ...]:
    """Return names of columns as a tuple."""
    single = isinstance(value, str | int)
    return (column(value),) if single else tuple(map(column, items(value)))


def tag_names(value: Any) -> tuple[str, ...]:
    """Return names of tags as a tuple."""
    names = value.split(",") if isinstance(value, str) else items(value)
    named = tuple(text(name).strip() for name in names)
    if len(named) < 2 or len(set(named)) < len(named) or not all(named):
        raise ValueError
    return named


def target(value: Any) -> str | tuple[str, ...]:
    """Return the name of the target column, or several names as a tuple."""
    names = columns(value)
    return names[0] if len(names) == 1 else names


def label(value: Any) -> Any:
    """Return a label as a plain value."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    if isinstance(value, int):
        str(value)  # raises ValueError for an integer of too many digits to be written
    return value if isinstance(value, bool | int | float) else text(value)


def path(value: Any) -> str:
    """Return the path of a file or folder, or the name of an encoder, as the user wrote it."""
    path = text(os.fspath(value))
    if "\0" in path:
        raise ValueError
    return path


def paths(value: Any) -> tuple[str, ...]:
    """Return paths as a tuple."""
    return (path(value),) if isinstance(value, str | os.PathLike) else tuple(map(path, items(value)))


def listed(name: str, each: Reader) -> Reader:
    """Return a reader of a list of names. It refuses a single string, and the message shows how to split it."""

    def read(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise Unfit(f"give a list, {name}={value.split(',')}")
        return tuple(map(each, items(value)))

    return read


def listener(value: Any) -> Any:
    """Return bools, objects with ``event(kind, **data)`` and functions of ``(kind, **data)`` or ``(kind, data)``."""
    if isinstance(value, bool):
        return value
    event = getattr(value, "event", value)
    if isinstance(value, type) or not callable(event) or not any(calls(event, *way) for way in (KEYWORDS, PLACES)):
        raise TypeError
    return value


#: Two ways to call a function with an event, each as the arguments of ``calls``.
KEYWORDS: tuple[tuple[Any, ...], dict[str, Any]] = (("table",), {"rows": 1})
PLACES: tuple[tuple[Any, ...], dict[str, Any]] = (("table", {}), {})


def calls(function: Callable[..., Any], places: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    """Whether a function can be called with these arguments. True for a built-in function without a signature."""
    try:
        inspect.signature(function).bind(*places, **keywords)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
