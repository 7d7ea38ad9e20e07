"""Attributes of words for a linear tagger: the word, its parts, its shape, and its neighbors.

These are the usual attributes of entity taggers (Ratinov and Roth 2009, "Design Challenges and Misconceptions in Named
Entity Recognition", without its word lists). An attribute is a short string; all digits in words become one.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_DIGITS = re.compile(r"\d")
_LONGEST = 40  # characters of a word to use


def of(words: Sequence[str], affixes: int = 4, window: int = 2) -> list[list[str]]:
    """Return the attributes of each word, with those of ``window`` words on either side.

    Prefixes and suffixes have up to ``affixes`` characters.

    >>> "w=paris" in of(["In", "Paris"])[1], "-1:w=in" in of(["In", "Paris"])[1]
    (True, True)
    """
    cut = [word[:_LONGEST] for word in words]
    near = [_near(word) for word in cut]
    return [[*_own(word, affixes), *near[i], *_around(near, i, window)] for i, word in enumerate(cut)]


def _near(word: str) -> tuple[str, ...]:
    """Return the attributes of a word that its neighbors get."""
    plain = _DIGITS.sub("0", word.lower())
    return (f"w={plain}", f"s={_short(word)}", f"e={plain[-3:]}")


def _own(word: str, affixes: int) -> list[str]:
    plain = _DIGITS.sub("0", word.lower())
    out = ["bias", f"W={word}", f"S={shape(word)[:12]}", f"n={min(len(word), 10)}"]
    for size in range(1, min(affixes, len(plain) - 1) + 1):
        out += [f"p={plain[:size]}", f"x={plain[-size:]}"]
    flags = (word.isupper(), word.istitle(), word[1:] != word[1:].lower(), not word.isalnum(), not word.isascii())
    return out + [f"f{i}" for i, flag in enumerate(flags) if flag]


def _around(near: Sequence[tuple[str, ...]], i: int, window: int) -> list[str]:
    out = []
    for step in (*range(-window, 0), *range(1, window + 1)):
        at = i + step
        if not 0 <= at < len(near):
            out.append(f"{step}:edge")
        else:
            out += [f"{step}:{seen}" for seen in near[at][: 3 if abs(step) == 1 else 1]]
    # Bigrams of words and of shapes: "New York", "at Word".
    out += [f"-1|{near[i - 1][0]}|{near[i][0]}", f"-1|{near[i - 1][1]}|{near[i][1]}"] if i else []
    if i + 1 < len(near):
        out.append(f"+1|{near[i][0]}|{near[i + 1][0]}")
    return out


def shape(word: str) -> str:
    """Return the shape: capitals as X, other letters as x, digits as 0, other characters unchanged.

    >>> shape("B2B-Shop"), _short("B2B-Shop")
    ('X0X-Xxxx', 'X0X-Xx')
    """
    return "".join("X" if c.isupper() else "x" if c.isalpha() else "0" if c.isdigit() else c for c in word)


def _short(word: str) -> str:
    """Return the shape with each run cut to one."""
    long = shape(word)
    return "".join(c for i, c in enumerate(long) if not i or c != long[i - 1])


#: Number of columns of ``cues``.
CUES = 12


def cues(words: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Return 0/1 cues, (w, CUES): properties of each word that an uncased encoder cannot see.

    >>> cues(["in", "Rome"])[1].tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    out = np.zeros((len(words), CUES), np.float32)
    first = [word[:1].isupper() for word in words]
    for i, word in enumerate(words):
        inner = word[1:] != word[1:].lower()
        digit = any(sign.isdigit() for sign in word[:_LONGEST])
        near = i > 0 and first[i - 1], i + 1 < len(words) and first[i + 1]
        alone = len(word) == 1, word[:1] in "@#", "://" in word or "www." in word
        out[i, :10] = first[i], word.isupper(), inner, digit, not word[:1].isalnum(), *alone, *near
        out[i, 10], out[i, 11] = first[i] and i > 0, first[i] and any(near)
    return out
