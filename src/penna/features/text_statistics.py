"""Text statistics: length, words, punctuation, case, readability, emphasis.

Nothing is learned, and no language is assumed.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Field, Table

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[.!?…。！？]+(?:\s|$)|\n+")
_STRETCHED = re.compile(r"([^\W\d_])\1\1")  # sooo
_EMOTICON = re.compile(r"(?<!\w)[:;=8xX][-o*']?[)\](\[dDpP/\\|@3]|<3|[\U0001F300-\U0001FAFF\u2600-\u27BF]")
NAMES = (
    "characters", "words", "characters a word", "distinct words", "capitals", "digits", "signs", "exclamations",
    "questions", "lines", "readability", "stretched letters", "emoticons", "shouted words",
)  # fmt: skip
#: The form of a field that was computed from text.
FORM = "counted"
_LONGEST = 20_000  # characters to read
_HARDEST = 100.0


def width(columns: int) -> int:
    """Return the number of columns of ``matrix`` for this number of text columns."""
    return columns * len(NAMES)


def matrix(table: Table) -> Array:
    """Return the statistics, (n, columns x len(NAMES)) float32; all zero if a cell is empty.

    >>> matrix(Table({"text": np.array(["So good!"], dtype=object)}))[0, :4].tolist()
    [8.0, 2.0, 3.0, 1.0]
    """
    counted = [[_counts(text) for text in cells] for cells in table.text.values()]
    parts = [np.array(rows, np.float32).reshape(-1, len(NAMES)) for rows in counted]
    return np.concatenate([np.zeros((len(table), 0), np.float32), *parts], axis=1)


def with_statistics(table: Table) -> Table:
    """Return the table with its statistics as numeric columns after its own.

    >>> list(with_statistics(Table({"text": np.array(["So good!"], dtype=object)})).fields)[:2]
    ['text: characters', 'text: words']
    """
    columns, fields = dict(table.columns), dict(table.fields)
    counts = matrix(table).astype(np.float64)
    for j, name in enumerate(f"{column}: {statistic}" for column in table.text for statistic in NAMES):
        while name in columns or name in fields:  # a column may have one of these names
            name += "_"
        columns[name], fields[name] = counts[:, j], Field("numeric", FORM)
    return replace(table, columns=columns, fields=fields)


def _counts(text: str) -> list[float]:
    if not text:
        return [0.0] * len(NAMES)
    seen = text[:_LONGEST]
    words, n = _WORD.findall(seen), len(seen)
    letters, many = sum(map(len, words)), max(len(words), 1)

    def share(kind: Callable[[str], bool]) -> float:
        return sum(map(kind, seen)) / n

    return [
        len(text), len(words), letters / many, len({w.lower() for w in words}) / many,
        share(str.isupper), share(str.isdigit), 1 - share(str.isalnum) - share(str.isspace),
        seen.count("!"), seen.count("?"), seen.count("\n"), _hardness(letters, len(words), seen),
        len(_STRETCHED.findall(seen)), len(_EMOTICON.findall(seen)),
        sum(len(word) > 1 and word.isupper() for word in words) / many,
    ]  # fmt: skip


def _hardness(letters: int, words: int, text: str) -> float:
    """Return the automated readability index (Senter and Smith 1967), which needs no syllables.

    It is about the school year that can read the text.
    """
    if not words:
        return 0.0
    sentences = max(len(_SENTENCE.findall(text)), 1)
    return min(4.71 * letters / words + 0.5 * words / sentences - 21.43, _HARDEST)
