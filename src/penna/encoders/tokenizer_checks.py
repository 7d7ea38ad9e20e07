"""Checks of values in a tokenizer.json. Each function raises ValueError for a value that is not allowed."""

from collections.abc import Callable
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], None]

MOST_TOKENS = 1 << 20
LONGEST_TOKEN = 512  # characters; the longest token of gpt2 is 128 blanks
SHORT = 16  # characters of a prefix, or of a replaced text
#: Regular expressions that the converters of transformers write for the supported architectures.
_PATTERNS = frozenset({" {2,}", r"\s+", r"\s"})


def flag(value: Any) -> None:
    """Require a bool."""
    if type(value) is not bool:
        raise ValueError(f"{value!r:.40} is not true or false")


def flag_or_none(value: Any) -> None:
    """Require a bool or None."""
    if value is not None:
        flag(value)


def none(value: Any) -> None:
    """Require None."""
    if value is not None:
        raise ValueError(f"{value!r:.40} is not allowed here")


def nothing(value: Any) -> None:
    """Require zero or None: random dropout of merges would change predictions from call to call."""
    if value not in (None, 0) or value is False:
        raise ValueError(f"{value!r:.40} is not allowed here")


def text(value: Any, longest: int = LONGEST_TOKEN, least: int = 0) -> None:
    """Require a string of ``least`` to ``longest`` characters."""
    if not isinstance(value, str) or not least <= len(value) <= longest:
        raise ValueError(f"{value!r:.40} is not a text of {least} to {longest} characters")


def short(value: Any) -> None:
    """Require a short string."""
    text(value, SHORT)


def short_or_none(value: Any) -> None:
    """Require a short string or None."""
    if value is not None:
        short(value)


def token(value: Any) -> None:
    """Require a token: a string that is not empty."""
    text(value, least=1)


def token_or_none(value: Any) -> None:
    """Require a token or None."""
    if value is not None:
        token(value)


def letter(value: Any) -> None:
    """Require a single character."""
    text(value, 1, 1)


def whole(low: int, high: int) -> Check:
    """Return a check for whole numbers from ``low`` to ``high``."""

    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{value!r:.40} is not a whole number from {low} to {high}")

    return check


def one_of(*choices: str) -> Check:
    """Return a check for one of these strings."""

    def check(value: Any) -> None:
        if value not in choices:
            raise ValueError(f"{value!r:.40} is not one of {', '.join(choices)}")

    return check


def pattern(value: Any) -> None:
    """Require a pattern: a short string or a known regular expression."""
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("it is not a pattern")
    ((kind, what),) = value.items()
    if kind == "Regex":
        if what not in _PATTERNS:
            raise ValueError(f"the regular expression {what!r:.40} is not one of a known tokenizer")
    elif kind == "String":
        text(what, SHORT, 1)
    else:
        raise ValueError(f"a pattern of kind {kind!r:.40} is unknown")


def token_id(value: Any) -> None:
    """Require a token id."""
    whole(0, MOST_TOKENS)(value)


def unknown_id(value: Any) -> None:
    """Require a token id or None."""
    if value is not None:
        token_id(value)
