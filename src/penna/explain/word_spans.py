"""Words of a text as the user wrote it: where they stand, and which of them became which after cleaning. Knows strings.

A word is what the linear models take for one: a Chinese character, a sign or an emoji is a word of its own.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

import numpy as np

from penna.features.ngrams import Grams, places

Span: TypeAlias = tuple[int, int]  # first character, and the one behind the last

_WORDS = Grams(words=1, lower=False)
#: Words that are compared at once: beyond, a comparison of all with all takes too long.
_BLOCK = 2_000


def spans(text: str) -> list[Span]:
    """Return the span of every word, in order.

    >>> spans("so, good")
    [(0, 2), (2, 3), (4, 8)]
    """
    _, starts, ends = places(text, _WORDS)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def grouped(found: Sequence[Span], most: int) -> list[Span]:
    """At most so many spans: neighbours are taken together where there are more.

    >>> grouped([(0, 2), (2, 3), (4, 8)], 2)
    [(0, 3), (4, 8)]
    """
    parts = np.array_split(np.arange(len(found)), min(most, len(found)) or 1)
    return [(found[part[0]][0], found[part[-1]][1]) for part in parts if len(part)]


def origins(raw: str, cleaned: str) -> tuple[list[Span], list[Span], list[int]]:
    """Return the words of a text, those of what became of it, and for each of these the place of the first.

    -1 for none.

    Words that became other words are taken together, where they are not as many.

    >>> origins("<b>Fine</b> by me", "Fine by me")[1:]
    ([(0, 4), (5, 7), (8, 10)], [3, 8, 9])
    """
    before, after = spans(raw), spans(cleaned)
    if raw == cleaned:
        return before, after, list(range(len(after)))
    old, new = ([text[i:j].casefold() for i, j in found] for text, found in ((raw, before), (cleaned, after)))
    units: list[Span] = []
    origin = [-1] * len(after)
    for same, i, j, k, m in _steps(old, new):
        if same or j - i == m - k or k == m:
            origin[k:m] = range(len(units), len(units) + m - k)
            units += before[i:j]
        else:
            units += [(before[i][0], before[j - 1][1])] if i < j else []
            origin[k:m] = [len(units) - 1] * (m - k)
    return units, after, origin


def _steps(old: list[str], new: list[str]) -> list[tuple[bool, int, int, int, int]]:
    """Whether words i to j are words k to m, one step after the other."""
    made: list[tuple[bool, int, int, int, int]] = []
    i = k = 0
    while i < len(old) or k < len(new):
        found = SequenceMatcher(None, old[i : i + _BLOCK], new[k : k + _BLOCK], autojunk=False).get_opcodes()
        whole = i + _BLOCK >= len(old) and k + _BLOCK >= len(new)
        # What follows the last words in common is looked at again with what comes behind the block.
        if not whole and len(found) > 1 and found[-1][0] != "equal":
            found.pop()
        made += [(tag == "equal", i + a, i + b, k + c, k + d) for tag, a, b, c, d in found]
        i, k = made[-1][2], made[-1][4]
    return made
