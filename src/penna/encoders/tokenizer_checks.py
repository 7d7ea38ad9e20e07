"""Values in a tokenizer.json: what one may be. Each function raises ValueError for what may not be there."""

from collections.abc import Callable
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], None]

MOST_TOKENS = 1 << 20
LONGEST_TOKEN = 512  # characters; the longest of gpt2's are 128 blanks
SHORT = 16  # characters of a prefix, or of what is replaced
#: Regular expressions that converters of transformers write for the architectures here.
_PATTERNS = frozenset({" {2,}", r"\s+", r"\s"})


def flag(value: Any) -> None:
    if type(value) is not bool:
        raise ValueError(f"{value!r:.40} is not true or false")


def flag_or_none(value: Any) -> None:
    if value is not None:
        flag(value)


def none(value: Any) -> None:
    if value is not None:
        raise ValueError(f"{value!r:.40} stands where nothing may")


def nothing(value: Any) -> None:
    """Zero or none: what is left out by chance would make an answer another each time."""
    if value not in (None, 0) or value is False:
        raise ValueError(f"{value!r:.40} stands where nothing may")


def text(value: Any, longest: int = LONGEST_TOKEN, least: int = 0) -> None:
    if not isinstance(value, str) or not least <= len(value) <= longest:
        raise ValueError(f"{value!r:.40} is no text of {least} to {longest} characters")


def short(value: Any) -> None:
    text(value, SHORT)


def short_or_none(value: Any) -> None:
    if value is not None:
        short(value)


def token(value: Any) -> None:
    text(value, least=1)


def token_or_none(value: Any) -> None:
    if value is not None:
        token(value)


def letter(value: Any) -> None:
    text(value, 1, 1)


def whole(low: int, high: int) -> Check:
    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{value!r:.40} is no whole number from {low} to {high}")

    return check


def one_of(*known: str) -> Check:
    def check(value: Any) -> None:
        if value not in known:
            raise ValueError(f"{value!r:.40} is none of {', '.join(known)}")

    return check


def pattern(value: Any) -> None:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("a pattern is no pattern")
    ((kind, what),) = value.items()
    if kind == "Regex":
        if what not in _PATTERNS:
            raise ValueError(f"the regular expression {what!r:.40} is none of a known tokenizer's")
    elif kind == "String":
        text(what, SHORT, 1)
    else:
        raise ValueError(f"a pattern of kind {kind!r:.40} is unknown")


def token_id(value: Any) -> None:
    whole(0, MOST_TOKENS)(value)


def unknown_id(value: Any) -> None:
    if value is not None:
        token_id(value)
