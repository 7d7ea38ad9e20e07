"""Find the words of a text. Nothing is learned, so training and serving find the same words.

The rule "spaces" is for texts that came as lists of words, joined by single spaces. A space inside such a word
became a no-break space, so nothing is lost. The rule "found" is for plain texts.
"""

import re
import unicodedata

import numpy as np

from penna.data.arrays import Array

SPACES, FOUND = "spaces", "found"
RULES = (SPACES, FOUND)

# Scripts without spaces: each of their characters is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_JOINER = "\u200d"
_TONES = ("\U0001f3fb", "\U0001f3ff")  # skin tones: they belong to the emoji before them


def words(text: str, rule: str) -> Array:
    """Return the start and end of each word, (k, 2) int64.

    >>> words("Caf\u00e9s, \u6771\u4eac!", FOUND).tolist()
    [[0, 5], [5, 6], [7, 8], [8, 9], [9, 10]]
    >>> words("U.S. troops", SPACES).tolist()
    [[0, 4], [5, 11]]
    """
    spans = _given(text) if rule == SPACES else _found(text)
    return np.array(spans, np.int64).reshape(-1, 2)


def joined(parts: list[str] | tuple[str, ...]) -> str:
    """Join a list of words to one text, in which the rule "spaces" finds the same words."""
    return " ".join(part.replace(" ", "\u00a0") if " " in part else part for part in parts)


def _given(text: str) -> list[tuple[int, int]]:
    """Return the spans between single spaces."""
    out, at = [], 0
    for part in text.split(" ") if text else ():
        out.append((at, at + len(part)))
        at += len(part) + 1
    return out


def _found(text: str) -> list[tuple[int, int]]:
    """Return spans of letters and digits; any other character is a word.

    Combining marks, joiners and skin tones stay with the character before them. No word may begin in the middle of a
    character as readers see it.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        return spans
    out: list[tuple[int, int]] = []
    for start, end in spans:
        if out and out[-1][1] == start and (_clings(text[start]) or _drawn(text, out[-1][0], start)):
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def _clings(character: str) -> bool:
    """Return whether a character always belongs to the one before it."""
    return unicodedata.category(character)[0] == "M" or character == _JOINER or _TONES[0] <= character <= _TONES[1]


def _drawn(text: str, first: int, at: int) -> bool:
    """Return whether the word before ``at`` continues there: after a joiner, or within letters and marks."""
    before = text[at - 1]
    letters = text[first].isalnum() and text[at].isalnum() and not re.match(f"[{_UNSPACED}]", text[at])
    return before == _JOINER or (letters and _clings(before))
