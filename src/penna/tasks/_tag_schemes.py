"""How tags of words spell entities: schemes, recognized by the tags, and spans from tags and back.

Knows one row at a time.

A span is (first word, word after the last, type). Reading is lenient, as seqeval is by default: an inside tag that
follows nothing begins an entity. So one reader does for every scheme, and only writing asks which.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int, str]

OUTSIDE = "O"
_TAG = re.compile(r"([BIESLUMW])([-_])(.+)", re.DOTALL)
#: Of the tags other than O, so many must have a prefix where any has; of the rows with such, so many must be of one
#: scheme.
_PREFIXED, _FITTING = 0.9, 0.9
#: Letters of a scheme for the first word, those within, the last, and an only one.
_LETTERS = {"BIO": "BIIB", "IO": "IIII", "IOBES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEW": "BMEW"}
_ALIKE = {"M": "I", "L": "E", "U": "S", "W": "S"}


@dataclass(frozen=True)
class Scheme:
    """``name``: BIO (IOB2), IOB1, IO, IOBES, BILOU, BMES or BMEW, or "bare" for types without prefixes.

    ``sign`` stands between prefix and type.
    """

    name: str = "BIO"
    sign: str = "-"


NAMES = (*_LETTERS, "IOB1", "bare")


def find(rows: Iterable[Sequence[str]]) -> Scheme | str:
    """Return the scheme of many rows of tags, or two tags that together follow none.

    >>> find([["B-LOC", "I-LOC", "O"]]), find([["U-LOC", "O", "B-PER", "L-PER"]]).name, find([["LOC", "O"]]).name
    (Scheme(name='BIO', sign='-'), 'BILOU', 'bare')
    """
    listed = list(rows)
    tags = Counter(tag for row in listed for tag in row if tag != OUTSIDE)
    parts = {tag: found.groups() for tag in tags if (found := _TAG.fullmatch(tag))}
    prefixed = sum(tags[tag] for tag in parts)
    if not prefixed:
        return Scheme("bare", "")
    if prefixed < _PREFIXED * tags.total():
        return f"{max(parts, key=lambda t: tags[t])!r} and {next(tag for tag in tags if tag not in parts)!r}"
    used = [letters for row in listed if (letters := {parts[tag][0] for tag in row if tag in parts})]
    sign = Counter(sign for _, sign, _ in parts.values()).most_common(1)[0][0]
    for name, spelt in _LETTERS.items():
        fits = [letters for letters in used if letters <= set(spelt)]
        if len(fits) >= _FITTING * len(used) and (name != "BIO" or any("B" in letters for letters in fits)):
            return Scheme("IOB1" if name == "BIO" and _seldom(listed) else name, sign)
    odd = sorted(set.union(*used))
    return " and ".join(repr(next(tag for tag, p in parts.items() if p[0] == letter)) for letter in odd)


def foreign(tags: Iterable[str], scheme: Scheme) -> bool:
    """Whether a row has a prefix that its scheme has not: it is read all the same.

    >>> foreign(["S-LOC", "O"], Scheme("BIO")), foreign(["S-LOC", "O"], Scheme("IOBES"))
    (True, False)
    """
    known = set(_LETTERS.get(scheme.name, "BI" if scheme.name == "IOB1" else "BIESLUMW"))
    return any(found[1] not in known for tag in tags if (found := _TAG.fullmatch(tag)))


def _seldom(rows: Sequence[Sequence[str]]) -> bool:
    """Whether B only parts an entity from one of its type right before it, as in the first IOB scheme."""
    opened = parted = 0
    for row in rows:
        for i, tag in enumerate(row):
            found = _TAG.fullmatch(tag)
            if found is None:
                continue
            follows = i > 0 and row[i - 1] != OUTSIDE and row[i - 1][1:] == tag[1:]
            if found[1] == "B" and not follows:
                return False
            opened += found[1] == "I" and not follows
            parted += found[1] == "B"
    return bool(opened and parted)


def spans(tags: Sequence[str], bare: bool = False) -> list[Span]:
    """Return the entities that a row of tags spells.

    >>> spans(["B-PER", "I-PER", "B-PER", "O", "I-LOC", "E-LOC", "I-LOC"])
    [(0, 2, 'PER'), (2, 3, 'PER'), (4, 6, 'LOC'), (6, 7, 'LOC')]
    """
    out: list[Span] = []
    start, kind, open_ = 0, "", False
    for i, tag in enumerate([*tags, OUTSIDE]):
        letter, type_ = _taken(tag, bare)
        goes_on = open_ and letter in ("I", "E") and type_ == kind
        if kind and not goes_on:
            out.append((start, i, kind))
        if not goes_on:
            start, kind = i, type_
        open_ = bool(type_) and letter not in ("E", "S")
    return out


def _taken(tag: str, bare: bool) -> tuple[str, str]:
    """(one of B, I, E and S, type), both empty outside."""
    if tag == OUTSIDE:
        return "", ""
    found = None if bare else _TAG.fullmatch(tag)
    if found is None:
        return "I", tag
    return _ALIKE.get(found[1], found[1]), found[3]


def follows(tag: str, bare: bool) -> bool:
    """Whether a tag is of a scheme with prefixes, or of the bare one."""
    return bool(tag) and (bare or tag == OUTSIDE or _TAG.fullmatch(tag) is not None)


def tags(found: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Return the row of tags that spells these entities; the opposite of ``spans``.

    >>> tags([(1, 3, "LOC"), (4, 5, "PER")], 5, Scheme("BILOU"))
    ['O', 'B-LOC', 'L-LOC', 'O', 'U-PER']
    """
    out = [OUTSIDE] * length
    before = (-1, "")  # where the last entity ended, and its type
    for start, end, kind in found:
        if scheme.name == "bare":
            out[start:end] = [kind] * (end - start)
            continue
        spelt = _LETTERS.get(scheme.name, "IIII")
        first, inside, last, only = (spelt[i] for i in range(4))
        if scheme.name == "IOB1" and before == (start, kind):
            first = only = "B"
        letters = only if end - start == 1 else first + inside * (end - start - 2) + last
        out[start:end] = [f"{letter}{scheme.sign}{kind}" for letter in letters]
        before = end, kind
    return out
