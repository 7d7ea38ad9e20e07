"""Tags that are whole numbers, as data sets have them whose names stand elsewhere: what they stand for. Knows cells."""

from collections.abc import Iterable, Sequence
from typing import Any

from penna.tasks._tag_schemes import OUTSIDE

_MOST = 10_000


def numbered(cell: Any) -> bool:
    """Whether a cell is a row of whole numbers.

    >>> numbered((0, 3)), numbered(("0", "3")), numbered(("O", "3")), numbered((True,)), numbered(())
    (True, True, False, False, False)
    """
    return isinstance(cell, tuple) and bool(cell) and all(_number(tag) is not None for tag in cell)


def unnamed(cells: Iterable[Any]) -> tuple[str, ...]:
    """Names for the numbers of these cells: 0 is outside, and each other one a type of its own."""
    most = max((_number(tag) or 0 for cell in cells if numbered(cell) for tag in cell), default=0)
    return (OUTSIDE, *map(str, range(1, min(most, _MOST) + 1)))


def words(cell: Any, names: Sequence[str]) -> Any:
    """Return the names of a row of numbers; a number without one stays. Any other cell is as it was.

    >>> words((0, 1, 7), ("O", "B-PER")), words(("O",), ("O", "B-PER"))
    (('O', 'B-PER', '7'), ('O',))
    """
    if not numbered(cell):
        return cell
    numbers = [_number(tag) or 0 for tag in cell]
    return tuple(names[number] if number < len(names) else str(number) for number in numbers)


def as_given(tags: Sequence[str], names: Sequence[str]) -> list[str]:
    """Tags in the user's own words: numbers that nobody named."""
    bare = names[:1] == (OUTSIDE,) and all(name.isdecimal() for name in names[1:])
    return ["0" if tag == OUTSIDE else tag for tag in tags] if bare else list(tags)


def _number(tag: Any) -> int | None:
    if isinstance(tag, str):
        tag = tag.removesuffix(".0")
        return int(tag) if tag.isdecimal() and tag.isascii() and len(tag) < 9 else None
    whole = type(tag) is int or (type(tag) is float and tag.is_integer())
    return int(tag) if whole and 0 <= tag < 1e9 else None
