"""Texts as a few counts: length, words, signs, case. Learns nothing."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from penna.table import Table

Array = np.ndarray[Any, Any]

_WORD = re.compile(r"\w+")
NAMES = (
    "characters", "words", "characters a word", "distinct words", "capitals", "digits", "signs", "exclamations",
    "questions", "lines",
)  # fmt: skip
_LONGEST = 20_000  # characters that are looked at


def width(columns: int) -> int:
    """Columns of ``matrix`` for a table of so many text columns."""
    return columns * len(NAMES)


def matrix(table: Table) -> Array:
    """(n, columns x len(NAMES)) float32; all zero where a cell is empty.

    >>> matrix(Table({"text": np.array(["So good!"], dtype=object)}))[0, :4].tolist()
    [8.0, 2.0, 3.0, 1.0]
    """
    counted = [[_counts(text) for text in cells] for cells in table.text.values()]
    parts = [np.array(rows, np.float32).reshape(-1, len(NAMES)) for rows in counted]
    return np.concatenate([np.zeros((len(table), 0), np.float32), *parts], axis=1)


def _counts(text: str) -> list[float]:
    if not text:
        return [0.0] * len(NAMES)
    seen = text[:_LONGEST]
    words, n = _WORD.findall(seen), len(seen)
    letters = sum(map(len, words))

    def share(kind: Callable[[str], bool]) -> float:
        return sum(map(kind, seen)) / n

    return [
        len(text), len(words), letters / max(len(words), 1), len({w.lower() for w in words}) / max(len(words), 1),
        share(str.isupper), share(str.isdigit), 1 - share(str.isalnum) - share(str.isspace),
        seen.count("!"), seen.count("?"), seen.count("\n"),
    ]  # fmt: skip
