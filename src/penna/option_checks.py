"""Checks of option values: what each option accepts, in words and as the function that reads a value.

A leaf that ``penna --help`` loads: every library, and every module that loads one, is imported when a value is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penna import option_parsing
from penna.errors import SettingError, shown
from penna.option_parsing import Reader, Unfit

#: Penna chooses by measuring, and the value that switches a step off.
AUTO, NONE = "auto", "none"
#: Families of the default search.
FAMILIES = ("linear", "trees", "frozen", "contrastive", "finetune")
#: More threads than any machine has cores; NumPy's generators take no larger seed.
MOST_THREADS, MOST_SEED = 1024, 2**32 - 1
#: Short names of tasks.
TASK_ALIASES = {"ner": "token_classification", "qa": "question_answering"}


def in_python(name: str, value: Any) -> str:
    """``max_size_mb=-1``."""
    return f"{name}={shown(value)}"


@dataclass(frozen=True)
class Check:
    """A check of the values of one option.

    Parameters
    ----------
    accepts : callable
        Returns what is accepted, in words, as a message continues after "give".
    read : callable
        Returns the value as Penna uses it. Raises SettingError, TypeError, ValueError or OverflowError.
    optional : bool
        Whether None is accepted.
    """

    accepts: Callable[[], str]
    read: Reader
    optional: bool = False

    def value(self, name: str, value: Any, written: Callable[[str, Any], str] = in_python) -> Any:
        """Return a value as Penna uses it.

        Parameters
        ----------
        name : str
            Name of the option.
        value : object
            Its value, as the user gave it.
        written : callable
            Returns the option and its value as the user wrote them, for the message.

        Raises
        ------
        SettingError
            If the value is not accepted.

        Examples
        --------
        >>> CV.value("cv", 5.0)
        5
        """
        if value is None and self.optional:
            return None
        try:
            return self.read(option_parsing.plain(value))
        except SettingError:  # the message is complete
            raise
        except Unfit as error:
            raise SettingError(f"{written(name, value)} cannot work: {error}.") from None
        except (TypeError, ValueError, OverflowError):
            raise SettingError(f"{written(name, value)} cannot work: give {self.accepts()}.") from None


def check(accepts: str, read: Reader, optional: bool = False) -> Check:
    """Return a check whose words are known."""
    return Check(lambda: accepts, read, optional)


def one_of(names: Callable[[], Sequence[str]], optional: str = "", aliases: Mapping[str, str] | None = None) -> Check:
    """Return a check for one of these names, or an alias of one. The names are listed when they are needed."""

    def read(value: Any) -> str:
        import difflib

        value = (aliases or {}).get(value, value) if isinstance(value, str) else value
        known = names()
        if option_parsing.text(value) not in known:
            close = difflib.get_close_matches(value, known, 1)
            raise Unfit(f"did you mean {close[0]!r}? Give {accepts()}") if close else ValueError
        return str(value)

    def accepts() -> str:
        return f"one of {', '.join(names())}{optional}"

    return Check(accepts, read, bool(optional))


def _seconds(value: Any) -> float:
    from penna.durations import parse_seconds

    return parse_seconds(value)


def _families(value: Any) -> tuple[str, ...]:
    families: tuple[str, ...] = option_parsing.listed("families", option_parsing.text)(value)
    for family in families:
        if family not in FAMILIES and family not in _known_families():
            raise Unfit(f"there is no family {shown(family)}, choose from {', '.join(_known_families())}")
    if not families:
        raise Unfit(f"no family was given, choose from {', '.join(_known_families())}")
    return families


def _known_families() -> Sequence[str]:
    from penna import plugins

    return plugins.offering("models", "fit")


def _cleaning(value: Any) -> str:
    from penna.preprocessing.cleaning.base import Cleaning

    steps = option_parsing.text(value)
    try:
        if steps not in (AUTO, NONE):
            Cleaning.of(steps)
    except SettingError as error:
        raise Unfit(str(error).rstrip(".")) from None
    return steps


def _encoding(value: Any) -> str | None:
    from penna.data.readers.format_options import Form

    return Form.of(encoding=option_parsing.text(value)).encoding


def _bytes(value: Any) -> int:
    from penna.data.readers.format_options import parse_bytes

    try:
        return parse_bytes(value)
    except SettingError:  # its words are for Python only
        raise ValueError from None


def _plugins(folder: str) -> Sequence[str]:
    from penna import plugins

    return plugins.names(folder)


def _metrics() -> Sequence[str]:
    from penna import plugins

    names = plugins.names("tasks")
    return sorted({metric for name in names for metric in plugins.find("tasks", name).METRICS})


def _rare_classes() -> Sequence[str]:
    from penna.preprocessing import validate

    return validate.RARE


def _label_noise() -> Sequence[str]:
    from penna.preprocessing import label_noise

    return (AUTO, *label_noise.WAYS)


_NAMES = "the name of a column, or a list of names"
BUDGET = check("seconds, a text like 30s, 10m or 1h30m, or a timedelta", _seconds)
CEILING = check("a number above zero, or leave it out for no ceiling", option_parsing.number, True)
FAMILY_NAMES = check("a list of families", _families)
ENCODERS = check("a list of folders or names", option_parsing.listed("encoders", option_parsing.path), True)
METRIC = one_of(_metrics, ", or leave it out to have it chosen")
CV = check("a whole number from 2 to 20, or leave it out to have it chosen", option_parsing.whole(2, 20), True)
SHARE = check("a share above 0 and up to 0.5, or leave it out to have it chosen", option_parsing.share, True)
STRATEGY = one_of(lambda: _plugins("search.strategies"))
RUNNER = one_of(lambda: _plugins("search.runners"))
PRECISION = one_of(lambda: ["auto", "fp32", "int8"])
TOLERANCE = check("a number above zero", option_parsing.number)
EXPORTER = one_of(lambda: _plugins("export"))
SEED = check(f"a whole number from 0 to {MOST_SEED}", option_parsing.whole(0, MOST_SEED))
THREADS = check(
    f"a whole number from 1 to {MOST_THREADS}, or leave it out for all cores",
    option_parsing.whole(1, MOST_THREADS),
    True,
)
RUN_FOLDER = check("the path of a folder", lambda value: Path(option_parsing.path(value)), True)
COLUMN = check("the name of a column", option_parsing.column, True)
COLUMNS = check(_NAMES, option_parsing.columns, True)
IGNORED_COLUMNS = check(f'{_NAMES}, or "*" for all that are not text', option_parsing.columns, True)
TASK = one_of(lambda: (AUTO, *_plugins("tasks")), aliases=TASK_ALIASES)
SEPARATOR = check(
    "the text between labels, such as ; or |, or leave it out to have it inferred", option_parsing.text, True
)
TAG_NAMES = check("names of tags, that of 0 first, such as O,B-PER,I-PER", option_parsing.tag_names, True)
ENCODING = check("the name of an encoding", _encoding, True)
HEADER = check("True or False, or leave it out to have it inferred", option_parsing.flag, True)
SIZE = check("a size such as 500MB or 20GB", _bytes)
RARE_CLASSES = one_of(_rare_classes)
CLEANING = check("auto, none, or steps joined by + such as unicode+spaces", _cleaning)
NEW_LABEL = check("a label: a text that is not empty, or a number", option_parsing.label, True)
LABEL_NOISE = one_of(_label_noise)
POSTPROCESS = one_of(lambda: (AUTO, NONE))
FLAG = check("True or False", option_parsing.flag)
LISTENER = check(
    "True, False, an object with event(kind, **data), or a function (kind, **data)", option_parsing.listener, True
)
FOLDER = check("the path of a run folder", option_parsing.path)
FILE = check("the path of a file", option_parsing.path)
CORPUS = check("the path of a file or folder, or a list of paths", option_parsing.paths)
TARGET = check(_NAMES, option_parsing.target, True)
LABEL = check("one of the labels", option_parsing.label, True)
