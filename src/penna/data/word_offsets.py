"""Where the words of a text are. Knows one text; learns nothing, so that training and serving find the same words.

Two rules: "spaces", of texts that were given as lists of words and joined by single spaces (a space inside such a word
became a no-break space, so that nothing is lost); and "found", of plain texts.
"""

import re
import unicodedata

import numpy as np

from penna.data.arrays import Array

SPACES, FOUND = "spaces", "found"
RULES = (SPACES, FOUND)

# Scripts without spaces: each of their signs is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_JOINER = "\u200d"
_TONES = ("\U0001f3fb", "\U0001f3ff")  # of skin: they belong to the emoji before them


def words(text: str, rule: str) -> Array:
    """(k, 2) int64: where each word begins, and where it ends.

    >>> words("Caf\u00e9s, \u6771\u4eac!", FOUND).tolist()
    [[0, 5], [5, 6], [7, 8], [8, 9], [9, 10]]
    >>> words("U.S. troops", SPACES).tolist()
    [[0, 4], [5, 11]]
    """
    found = _given(text) if rule == SPACES else _found(text)
    return np.array(found, np.int64).reshape(-1, 2)


def joined(parts: list[str] | tuple[str, ...]) -> str:
    """Return a list of words as one text, from which "spaces" finds the same words."""
    return " ".join(part.replace(" ", "\u00a0") if " " in part else part for part in parts)


def _given(text: str) -> list[tuple[int, int]]:
    out, at = [], 0
    for part in text.split(" ") if text else ():
        out.append((at, at + len(part)))
        at += len(part) + 1
    return out


def _found(text: str) -> list[tuple[int, int]]:
    """Return runs of letters and digits; other signs alone.

    Combining marks, joiners and skin tones stay with what is before them: no word may begin in the middle of what a
    reader sees as one sign.
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


def _clings(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M" or sign == _JOINER or _TONES[0] <= sign <= _TONES[1]


def _drawn(text: str, first: int, at: int) -> bool:
    """Whether what begins at ``at`` goes on with the word before it: after a joiner, or within letters and marks."""
    before = text[at - 1]
    letters = text[first].isalnum() and text[at].isalnum() and not re.match(f"[{_UNSPACED}]", text[at])
    return before == _JOINER or (letters and _clings(before))
