"""Settings: one table of what every option accepts. Constructors only store; a verb reads the table when work begins.

Nothing here knows what an option is for, and nothing is read or written.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penna import option_parsing, plugins
from penna.data.readers.format_options import Form, parse_bytes
from penna.durations import parse_seconds
from penna.errors import SettingError, shown
from penna.option_parsing import Reader, Unfit
from penna.preprocessing import label_noise, validate
from penna.preprocessing.cleaning.base import NONE, Cleaning

#: What is chosen by what measures best.
AUTO = "auto"
#: More threads than any machine has cores; NumPy's generators take no larger seed.
MOST_THREADS, MOST_SEED = 1024, 2**32 - 1
#: Options that the command line names otherwise: one at a time.
_OPTIONS = {"encoders": "encoder"}


@dataclass(frozen=True)
class Setting:
    """What one option accepts: in words, and as the function that reads a value. ``optional``: None is accepted."""

    accepts: Callable[[], str]
    read: Reader
    optional: bool = False


def settled(given: Mapping[str, Any], written: Callable[[str, Any], str] | None = None) -> dict[str, Any]:
    """Return the options as Penna uses them: NumPy's scalars as Python's, names as tuples, paths as Path.

    Options without a line in the table stay as they are. ``written`` gives an option and its value as the user wrote
    them. Raises SettingError, naming the option, for the first value that cannot work.

    >>> import numpy as np
    >>> settled({"n_jobs": np.int64(2), "text": "review"})
    {'n_jobs': 2, 'text': ('review',)}
    """
    return {name: _settled(name, value, written or in_python) for name, value in given.items()}


def in_python(name: str, value: Any) -> str:
    """``max_mb=-1``."""
    return f"{name}={shown(value)}"


def at_the_command_line(name: str, value: Any) -> str:
    """``--max-size-mb -1``, ``--families 'linear,forest'``."""
    typed = ",".join(value) if isinstance(value, tuple) else value
    return f"--{_OPTIONS.get(name, name).replace('_', '-')} {shown(typed)}"


def _settled(name: str, value: Any, written: Callable[[str, Any], str]) -> Any:
    setting = SETTINGS.get(name)
    if setting is None or (value is None and setting.optional):
        return value
    try:
        return setting.read(option_parsing.plain(value))
    except SettingError:  # it says itself what is wrong
        raise
    except Unfit as error:
        raise SettingError(f"{written(name, value)} cannot work: {error}.") from None
    except (TypeError, ValueError, OverflowError):
        raise SettingError(f"{written(name, value)} cannot work: give {setting.accepts()}.") from None


def _families(value: Any) -> tuple[str, ...]:
    families: tuple[str, ...] = option_parsing.listed("families", option_parsing.text)(value)
    for family in families:
        if family not in _known_families():
            raise Unfit(f"there is no family {shown(family)}, choose from {', '.join(_known_families())}")
    if not families:
        raise Unfit(f"no family was given, choose from {', '.join(_known_families())}")
    return families


def _known_families() -> Sequence[str]:
    return plugins.offering("models", "fit")


def _cleaning(value: Any) -> str:
    steps = option_parsing.text(value)
    try:
        if steps not in (AUTO, NONE):
            Cleaning.of(steps)
    except SettingError as error:
        raise Unfit(str(error).rstrip(".")) from None
    return steps


def _metrics() -> Sequence[str]:
    names = plugins.names("tasks")
    return sorted({metric for name in names for metric in plugins.find("tasks", name).METRICS})


#: Short names of tasks.
TASK_ALIASES = {"ner": "token_classification", "qa": "question_answering"}


def _one_of(
    names: Callable[[], Sequence[str]], optional: str = "", aliases: Mapping[str, str] | None = None
) -> Setting:
    """One of these names, which are looked up when they are needed, or an alias of one."""

    def read(value: Any) -> str:
        value = (aliases or {}).get(value, value) if isinstance(value, str) else value
        there = names()
        if option_parsing.text(value) not in there:
            near = difflib.get_close_matches(value, there, 1)
            raise Unfit(f"did you mean {near[0]!r}? Give {accepts()}") if near else ValueError
        return str(value)

    def accepts() -> str:
        return f"one of {', '.join(names())}{optional}"

    return Setting(accepts, read, bool(optional))


def _line(accepts: str, read: Reader, optional: bool = False) -> Setting:
    return Setting(lambda: accepts, read, optional)


_NAMES = "the name of a column, or a list of names"
_CEILING = _line("a number above zero, or leave it out for no ceiling", option_parsing.number, True)
_BESIDE = _line(_NAMES, option_parsing.columns, True)

#: Option -> what it accepts. Every argument of a public function that is no data has a line here.
SETTINGS: Mapping[str, Setting] = {
    "budget": _line("seconds, a text like 30s, 10m or 1h30m, or a timedelta", parse_seconds),
    "max_size_mb": _CEILING,
    "max_latency_ms": _CEILING,
    "families": _line("a list of families", _families),
    "encoders": _line("a list of folders or names", option_parsing.listed("encoders", option_parsing.path), True),
    "metric": _one_of(_metrics, ", or leave it out to have it chosen"),
    "cv": _line("a whole number from 2 to 20, or leave it out to have it chosen", option_parsing.whole(2, 20), True),
    "test_size": _line("a share above 0 and up to 0.5, or leave it out to have it chosen", option_parsing.share, True),
    "search_strategy": _one_of(lambda: plugins.names("search.strategies")),
    "runner": _one_of(lambda: plugins.names("search.runners")),
    "random_state": _line(f"a whole number from 0 to {MOST_SEED}", option_parsing.whole(0, MOST_SEED)),
    "n_jobs": _line(
        f"a whole number from 1 to {MOST_THREADS}, or leave it out for all cores",
        option_parsing.whole(1, MOST_THREADS),
        True,
    ),
    "out": _line("the path of a folder", lambda value: Path(option_parsing.path(value)), True),
    "text": _BESIDE,
    "text_pair": _line("the name of a column", option_parsing.column, True),
    "numeric_columns": _BESIDE,
    "categorical_columns": _BESIDE,
    "date_columns": _BESIDE,
    "multi_value_columns": _BESIDE,
    "ignore_columns": _line(f'{_NAMES}, or "*" for all that are not text', option_parsing.columns, True),
    "group_column": _line("the name of a column", option_parsing.column, True),
    "weight_column": _line("the name of a column", option_parsing.column, True),
    "task": _one_of(lambda: (AUTO, *plugins.names("tasks")), aliases=TASK_ALIASES),
    "separator": _line(
        "the sign between labels, such as ; or |, or leave it out to have it found", option_parsing.text, True
    ),
    "tag_names": _line("names of tags, that of 0 first, such as O,B-PER,I-PER", option_parsing.tag_names, True),
    "encoding": _line(
        "the name of an encoding", lambda value: Form.of(encoding=option_parsing.text(value)).encoding, True
    ),
    "header": _line("True or False, or leave it out to have it inferred", option_parsing.flag, True),
    "max_expanded": _line("a size such as 500MB or 20GB", parse_bytes),
    "rare_classes": _one_of(lambda: validate.RARE),
    "text_cleaning": _line("auto, none, or steps joined by + such as unicode+spaces", _cleaning),
    "oos_label": _line("a label: a text that is not empty, or a number", option_parsing.label, True),
    "label_noise": _one_of(lambda: (AUTO, *label_noise.WAYS)),
    "postprocess": _one_of(lambda: (AUTO, NONE)),
    "resume": _line("True or False", option_parsing.flag),
    "folder": _line("the path of a run folder", option_parsing.path),
    "path": _line("the path of a file", option_parsing.path),
    "corpus": _line("the path of a file or folder, or a list of paths", option_parsing.paths),
    "target": _line(_NAMES, option_parsing.target, True),
    "label": _line("one of the labels", option_parsing.label, True),
    "progress": _line(
        "True, False, an object with event(kind, **data), or a function (kind, **data)", option_parsing.listener, True
    ),
}
