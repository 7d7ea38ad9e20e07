"""Hints that a target may be several joined labels, or tags of words."""

from penna.data.table import Table
from penna.tasks import _multi_labels
from penna.tasks._tag_schemes import OUTSIDE, Scheme, find, follows

_SOME = 2000
_MOST = 0.95


def hint(table: Table) -> str:
    """Return what the column looks like, and what to do about it; "" where it looks like labels."""
    assert table.target is not None
    given, column = table.target.tolist(), f"column {table.target_name!r}"
    if sign := _multi_labels.hint(given):
        return f"{column} looks like several labels joined by {sign!r}: --separator {_typed(sign)} reads it so."
    return lonely_words(table) if _tags(given) else ""


def lonely_words(table: Table) -> str:
    """Return what is known of tags where each row has one word alone."""
    if any(" " in text.strip() for column in table.text.values() for text in column[:_SOME]):
        return ""
    return (
        f"column {table.target_name!r} holds tags of words, with one word a row: to learn from whole sentences, add a "
        "column that numbers them (sentence_id), or write a sentence with lists of its words and tags in each row."
    )


def _typed(sign: str) -> str:
    """Return a sign as it is typed at the command line."""
    return "'" + sign.replace("\n", "\\n").replace("\t", "\\t") + "'"


def _tags(cells: list[object]) -> bool:
    """Whether nearly all cells are tags with prefixes, or outside, and some are either."""
    some = [cell for cell in cells[:_SOME] if isinstance(cell, str)]
    fitting = [tag for tag in some if follows(tag, bare=False)]
    scheme = find([fitting])
    return OUTSIDE in fitting and len(fitting) >= _MOST * len(some) and scheme != Scheme("bare", "")
