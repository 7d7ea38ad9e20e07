"""Settings: one table of what every option accepts. Constructors only store; a verb reads the table when work begins.

Nothing here knows what an option is for, and nothing is read or written.
"""

import inspect
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from penna import plugins
from penna.durations import parse_seconds
from penna.errors import SettingError, shown
from penna.prepare import check, doubt
from penna.prepare.clean import NONE, Cleaning
from penna.reading.form import Form, parse_bytes

#: What is chosen by what measures best.
AUTO = "auto"
#: More threads than any machine has cores; NumPy's generators take no larger seed.
MOST_THREADS, MOST_SEED = 1024, 2**32 - 1
#: Gives a value as Penna uses it; raises TypeError, ValueError or OverflowError for one that cannot work.
Reader: TypeAlias = Callable[[Any], Any]
#: Options that the command line names otherwise: one at a time.
_OPTIONS = {"encoders": "encoder"}


@dataclass(frozen=True)
class Setting:
    """What one option accepts: in words, and as the function that reads a value. ``optional``: None is accepted."""

    accepts: Callable[[], str]
    read: Reader
    optional: bool = False


def settled(given: Mapping[str, Any], written: Callable[[str, str], str] | None = None) -> dict[str, Any]:
    """The options as Penna uses them: NumPy's scalars as Python's, names as tuples, paths as Path.

    Options without a line in the table stay as they are. ``written`` gives an option and its value as the user wrote
    them. Raises SettingError, naming the option, for the first value that cannot work.

    >>> settled({"threads": np.int64(2), "text": "review"})
    {'threads': 2, 'text': ('review',)}
    """
    return {name: _settled(name, value, written or in_python) for name, value in given.items()}


def in_python(name: str, value: str) -> str:
    """``max_mb=-1``"""
    return f"{name}={value}"


def at_the_command_line(name: str, value: str) -> str:
    """``--max-mb -1``"""
    return f"--{_OPTIONS.get(name, name).replace('_', '-')} {value}"


def _settled(name: str, value: Any, written: Callable[[str, str], str]) -> Any:
    setting = SETTINGS.get(name)
    if setting is None or (value is None and setting.optional):
        return value
    try:
        return setting.read(plain(value))
    except SettingError:  # it says itself what is wrong
        raise
    except (TypeError, ValueError, OverflowError):
        raise SettingError(f"{written(name, shown(value))} cannot work: give {setting.accepts()}.") from None


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's, but for durations."""
    scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if scalar and not isinstance(value, np.timedelta64) and value.dtype.kind != "m" else value


def _number(value: Any) -> float:
    """A finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise TypeError
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def _whole(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if value != int(value) or not least <= value <= most:
            raise ValueError
        return int(value)

    return read


def _share(value: Any) -> float:
    if _number(value) > 0.5:
        raise ValueError
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value:
        raise ValueError
    return str(value)


def _column(value: Any) -> str:
    """A column's name; a DataFrame may count its columns."""
    counted = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return str(value) if counted else _text(value)


def _items(value: Any) -> list[Any]:
    """What a list, a tuple, a set, an array or an Index holds."""
    if isinstance(value, str | bytes | Mapping) or not (isinstance(value, Collection) and hasattr(value, "__iter__")):
        raise TypeError
    return [plain(each) for each in value]


def _columns(value: Any) -> tuple[str, ...]:
    single = isinstance(value, str | int)
    return (_column(value),) if single else tuple(map(_column, _items(value)))


def _tag_names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else _items(value)
    named = tuple(_text(name).strip() for name in names)
    if len(named) < 2 or len(set(named)) < len(named) or not all(named):
        raise ValueError
    return named


def _target(value: Any) -> str | tuple[str, ...]:
    names = _columns(value)
    return names[0] if len(names) == 1 else names


def _label(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    if isinstance(value, int):
        str(value)  # of too many digits it cannot be written, let alone be a label
    return value if isinstance(value, bool | int | float) else _text(value)


def _path(value: Any) -> str:
    """The path of a file or folder, or the name of an encoder: as it was written."""
    path = _text(os.fspath(value))
    if "\0" in path:
        raise ValueError
    return path


def _paths(value: Any) -> tuple[str, ...]:
    return (_path(value),) if isinstance(value, str | os.PathLike) else tuple(map(_path, _items(value)))


def _listed(name: str, each: Reader) -> Reader:
    """A tuple of names; one string is not taken apart, but the message says how."""

    def read(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise SettingError(f"{name}={shown(value)} cannot work: give a list, {name}={value.split(',')}.")
        return tuple(map(each, _items(value)))

    return read


def _families(value: Any) -> tuple[str, ...]:
    families: tuple[str, ...] = _listed("families", _text)(value)
    for family in families:
        if family not in _known_families():
            raise SettingError(f"there is no family {family!r}: choose from {', '.join(_known_families())}.")
    if not families:
        raise SettingError(f"no family was given: choose from {', '.join(_known_families())}.")
    return families


def _known_families() -> Sequence[str]:
    return [name for name in plugins.names("models") if hasattr(plugins.find("models", name), "fit")]


def _cleaning(value: Any) -> str:
    steps = _text(value)
    if steps not in (AUTO, NONE):
        Cleaning.of(steps)
    return steps


def _listener(value: Any) -> Any:
    """False, True, what has ``event(kind, **data)``, or a function that is called so, or with ``(kind, data)``."""
    if isinstance(value, bool):
        return value
    told = getattr(value, "event", value)
    if isinstance(value, type) or not callable(told) or not any(calls(told, *way) for way in (KEYWORDS, PLACES)):
        raise TypeError
    return value


#: Two ways in which a function may take an event, each as the arguments of ``calls``.
KEYWORDS: tuple[tuple[Any, ...], dict[str, Any]] = (("table",), {"rows": 1})
PLACES: tuple[tuple[Any, ...], dict[str, Any]] = (("table", {}), {})


def calls(function: Callable[..., Any], places: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    """Whether a function can be called so; of a built-in one that does not say, it is assumed."""
    try:
        inspect.signature(function).bind(*places, **keywords)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _metrics() -> Sequence[str]:
    names = plugins.names("tasks")
    return sorted({metric for name in names for metric in plugins.find("tasks", name).METRICS})


def _one_of(names: Callable[[], Sequence[str]], optional: str = "") -> Setting:
    """One of these names, which are looked up when they are needed."""

    def read(value: Any) -> str:
        if _text(value) not in names():
            raise ValueError
        return str(value)

    return Setting(lambda: f"one of {', '.join(names())}{optional}", read, bool(optional))


def _line(accepts: str, read: Reader, optional: bool = False) -> Setting:
    return Setting(lambda: accepts, read, optional)


_NAMES = "the name of a column, or a list of names"
_CEILING = _line("a number above zero, or leave it out for no ceiling", _number, True)
_BESIDE = _line(_NAMES, _columns, True)

#: Option -> what it accepts. Every argument of a public function that is no data has a line here.
SETTINGS: Mapping[str, Setting] = {
    "budget": _line("seconds, a text like 30s, 10m or 1h30m, or a timedelta", parse_seconds),
    "max_mb": _CEILING,
    "max_ms": _CEILING,
    "families": _line("a list of families", _families),
    "encoders": _line("a list of folders or names", _listed("encoders", _path), True),
    "metric": _one_of(_metrics, ", or leave it out to have it chosen"),
    "folds": _line("a whole number from 2 to 20, or leave it out to have it chosen", _whole(2, 20), True),
    "exam": _line("a share above 0 and up to 0.5, or leave it out to have it chosen", _share, True),
    "search": _one_of(lambda: plugins.names("search")),
    "seed": _line(f"a whole number from 0 to {MOST_SEED}", _whole(0, MOST_SEED)),
    "threads": _line(
        f"a whole number from 1 to {MOST_THREADS}, or leave it out for all cores", _whole(1, MOST_THREADS), True
    ),
    "out": _line("the path of a folder", lambda value: Path(_path(value)), True),
    "text": _BESIDE,
    "text_pair": _line("the name of a column", _column, True),
    "numeric": _BESIDE,
    "categorical": _BESIDE,
    "date": _BESIDE,
    "list": _BESIDE,
    "ignore": _line(f'{_NAMES}, or "*" for all that are not text', _columns, True),
    "group": _line("the name of a column", _column, True),
    "task": _one_of(lambda: (AUTO, *plugins.names("tasks"))),
    "separator": _line("the sign between labels, such as ; or |, or leave it out to have it found", _text, True),
    "tag_names": _line("names of tags, that of 0 first, such as O,B-PER,I-PER", _tag_names, True),
    "encoding": _line("the name of an encoding", lambda value: Form.of(encoding=_text(value)).encoding, True),
    "header": _line("True or False, or leave it out to have it inferred", _flag, True),
    "max_expanded": _line("a size such as 500MB or 20GB", parse_bytes),
    "rare": _one_of(lambda: check.RARE),
    "clean": _line("auto, none, or steps joined by + such as unicode+spaces", _cleaning),
    "out_of_scope": _line("a label: a text that is not empty, or a number", _label, True),
    "label_noise": _one_of(lambda: (AUTO, *doubt.WAYS)),
    "adjust": _one_of(lambda: (AUTO, NONE)),
    "resume": _line("True or False", _flag),
    "folder": _line("the path of a run folder", _path),
    "path": _line("the path of a file", _path),
    "corpus": _line("the path of a file or folder, or a list of paths", _paths),
    "target": _line(_NAMES, _target, True),
    "label": _line("one of the labels", _label, True),
    "progress": _line("True, False, an object with event(kind, **data), or a function (kind, **data)", _listener, True),
}
