"""Choose the two columns of a pair of texts: named by the user, or detected by common names."""

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from penna.data.readers.column_roles import demand, prose, strings
from penna.errors import TableError

#: First and second text, without case and punctuation. Lists of two have the names text_1 and text_2.
USUAL = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"),
    ("texta", "textb"), ("sentencea", "sentenceb"), ("query", "passage"), ("query", "document"), ("question", "answer"),
    ("question", "sentence"), ("claim", "evidence"), ("source", "hypothesis"),
)  # fmt: skip
#: A column of such a name next to a question contains its answer.
_CONTEXTS = ("context", "contexts")
_SIGNS = re.compile(r"[\W_]+")


def settled(
    columns: Mapping[str, Sequence[Any]],
    text: Sequence[str] | None,
    text_pair: str | None,
    taken: Container[str | None],
    name: str,
) -> tuple[tuple[str, str] | None, str]:
    """Return the pair, or None if a row is none, and the message about how it was detected.

    Parameters
    ----------
    columns : mapping of str to sequence
        The columns of the source.
    text, text_pair : optional
        Columns that the user named as text, and as the second text.
    taken : container of str
        Columns with another role.
    name : str
        The name of the source in messages.

    Raises
    ------
    TableError
        If a requested pair is impossible.
    """
    if text_pair is not None:
        return _named(columns, text, text_pair, taken, name), ""
    if text is not None:
        return None, ""
    pair = _usual({column: cells for column, cells in columns.items() if column not in taken})
    if pair is None:
        return None, ""
    return pair, (
        f"columns {pair[0]!r} and {pair[1]!r} are read as a pair of texts, in this order: name both with --text to "
        "read them as one text."
    )


def _named(
    columns: Mapping[str, Sequence[Any]],
    text: Sequence[str] | None,
    second: str,
    used: Container[str | None],
    name: str,
) -> tuple[str, str]:
    demand(second, columns, name)
    if second in used:
        raise TableError(f"column {second!r} is named as the second text and as something else: give it one role.")
    rest = {column: cells for column, cells in columns.items() if column != second and column not in used}
    first = [column for column in text if column != second] if text is not None else _first(rest, columns, second)
    if len(first) != 1:
        raise TableError(
            f"the first text of the pair in {name} is unknown: name one with --text, as well as --text-pair {second}."
        )
    return first[0], second


def _first(rest: Mapping[str, Sequence[Any]], columns: Mapping[str, Sequence[Any]], second: str) -> list[str]:
    usual = _usual({**rest, second: columns[second]})
    return [usual[0]] if usual is not None and usual[1] == second else prose(rest)


def _usual(columns: Mapping[str, Sequence[Any]]) -> tuple[str, str] | None:
    """Return the first two columns of common names, if both hold strings."""
    folded = {_SIGNS.sub("", column.casefold()): column for column in reversed(list(columns))}
    for context in _CONTEXTS:
        if context in folded and "question" in folded:
            return folded["question"], folded[context]
    for first, second in USUAL:
        if first in folded and second in folded and all(strings(columns[folded[one]]) for one in (first, second)):
            return folded[first], folded[second]
    return None
