"""Decide whether the first line of a table is a header or a row, from the first records."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penna.data.readers.column_names import BEFORE, NAMES
from penna.data.readers.column_roles import DATE, UNSPACED, is_number, like_text

_NAMELY = re.compile(r"[^\W_][\w.\-]*(?: [^\W_][\w.\-]*)?")
_ABSENT = ("", "na", "n/a", "nan", "null", "none", "?", "-")
_PART = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SENTENCE_END = re.compile(r"[.!?…。！？؟।]['\"”’)\]]?$")
_IDENTIFIER = re.compile(r"[^\W\d][\w.\-]*")
_FEW, _SHORT = 3, 40  # words and characters of a column name


@dataclass(frozen=True)
class Verdict:
    """The decision about a first line.

    Attributes
    ----------
    names : bool
        Whether the first line names the columns.
    sure : bool
        Whether the decision is certain.
    why : str
        The reason, as part of a sentence about ``cell``.
    """

    names: bool
    sure: bool
    why: str
    cell: str = ""


def judged(records: Sequence[Sequence[str]]) -> Verdict:
    """Decide what the first of these records is.

    >>> judged([["text"], ["Where is my card?"], ["I lost it."]]).names
    True
    >>> judged([["Why was I charged?"], ["Where is my card?"], ["I lost it."]]).names
    False
    """
    first, rest = list(records[0]), [list(record) for record in records[1:] if len(record) == len(records[0])]
    if len(first) > 1:  # a table may repeat rows, and concatenated files keep their headers
        rest = [record for record in rest if record != first]
    if not rest:
        return _alone(first)
    if len(first) > 1 and [cell.strip() for cell in first] in (
        [str(i) for i in range(s, s + len(first))] for s in (0, 1)
    ):
        return Verdict(True, len(first) > 2, _COUNTS, first[0])
    columns = [[record[at].strip() for record in rest] for at in range(len(first))]
    prose = [like_text(column, 3, 20) for column in columns]
    if sum(prose) > 1 and all(_IDENTIFIER.fullmatch(cell) for cell, long in zip(first, prose, strict=True) if long):
        return Verdict(True, True, _NAME, first[prose.index(True)])
    signs = [replace(_sign(cell.strip(), rest), cell=cell) for cell, rest in zip(first, columns, strict=True)]
    return max(signs, key=lambda sign: (sign.sure, _WEIGHTS[sign.why]))


_AGAIN, _TYPE, _NUMBER, _PROSE, _CALLED, _NAME, _WORD, _LONG, _LIKE, _COUNTS, _LONE = (
    "comes again in its column",
    "is no number, unlike the rest of its column",
    "is a number like the rest of its column",
    "is a sentence like the rest of its column",
    "is what such columns are called",
    "is a name, unlike the rest of its column",
    "is a word of the texts below it",
    "is as long as the rest of its column",
    "looks like the rest of its column",
    "counts the columns",
    "is the only line",
)
#: The stronger evidence if columns disagree.
_WEIGHTS = {_TYPE: 9, _NUMBER: 8, _AGAIN: 7, _PROSE: 6, _CALLED: 5, _NAME: 4, _WORD: 4, _LONG: 3, _LIKE: 1}


def _alone(first: Sequence[str]) -> Verdict:
    """Decide on a line without others."""
    prose = any(_wordy(cell.strip()) for cell in first)
    named = any(_called(cell.strip()) for cell in first)
    if len(first) == 1:  # names alone would be no table
        prose = not named
    return Verdict(named or not prose, False, _CALLED if named else _LONE, max(first, key=len))


def _sign(cell: str, rest: Sequence[str]) -> Verdict:
    """Return the evidence of one column."""
    filled = [other for other in rest if other]
    if not filled or cell.casefold() in _ABSENT:
        return Verdict(bool(cell), False, _LIKE)
    if sum(map(_dull, filled)) >= 0.9 * len(filled):
        return Verdict(False, True, _NUMBER) if _dull(cell) else Verdict(True, len(filled) > 1, _TYPE)
    called = _called(cell) and sum(map(_called, filled)) < 0.5 * len(filled)
    if cell in filled:
        return Verdict(called, not called, _CALLED if called else _AGAIN)
    return Verdict(True, True, _CALLED) if called else _by_form(cell, filled)


def _by_form(cell: str, filled: Sequence[str]) -> Verdict:
    """Judge by the length of the cell and its spelling."""
    length, identifier = statistics.median(map(len, filled)), _IDENTIFIER.fullmatch(cell) is not None
    if not like_text(list(filled), 3, 20):
        odd = identifier and _written_together(cell) and not any(map(_written_together, filled))
        odd = odd or len(set(filled)) < 0.5 * len(filled)  # the other cells repeat
        return Verdict(odd, False, _NAME if odd else _LIKE)
    unspaced = UNSPACED.search(cell) is not None
    long = len(cell) > 10 and len(cell) > 0.4 * length
    if _wordy(cell) or len(cell) > _SHORT or _SENTENCE_END.search(cell):
        return Verdict(False, _wordy(cell) or (unspaced and long), _PROSE)
    if _NAMELY.fullmatch(cell) and not unspaced:  # a word or two: a name, unless texts have them
        words, texts = set(_PART.findall(cell.casefold())), map(str.casefold, filled)
        spoken = any(not words.isdisjoint(_PART.findall(text)) for text in texts)
        return Verdict(not spoken, False, _WORD if spoken else _NAME)
    short = unspaced and len(cell) < 0.3 * length
    return Verdict(short, False, _NAME if short else _LONG if unspaced else _PROSE)


def _dull(cell: str) -> bool:
    return is_number(cell) or DATE.fullmatch(cell) is not None


def _written_together(cell: str) -> bool:
    """Return whether a word is composed of several, as names in programs are."""
    return "_" in cell or _CAMEL.search(cell) is not None


def _called(cell: str) -> bool:
    """Return whether a cell consists of common column names."""
    words = [word.casefold() for word in _PART.findall(_CAMEL.sub(" ", cell))]
    if not 0 < len(words) <= _FEW or len(cell) > _SHORT or _SENTENCE_END.search(cell):
        return False
    return (words[-1] in NAMES and all(word in NAMES or word in BEFORE for word in words)) or _composed(words[-1])


def _composed(word: str) -> bool:
    """Return whether a word of a script without blanks consists of common names."""
    if word.isascii():
        return False
    for name in sorted(NAMES, key=len, reverse=True):
        word = word if name.isascii() else word.replace(name, "")
    return not word


def _wordy(cell: str) -> bool:
    """Return whether a cell has more words than a name."""
    return len(cell.split()) > _FEW + 1 or (len(cell.split()) > 2 and _SENTENCE_END.search(cell) is not None)
