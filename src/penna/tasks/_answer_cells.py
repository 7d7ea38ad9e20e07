"""Target cells that quote a text: answers with their places. Knows one column of pairs."""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from penna.data import python_literals, word_offsets
from penna.data.table import Table
from penna.metrics import quotes

#: Answers as (text, where it begins in characters).
Quoted: TypeAlias = list[tuple[str, int]]

ABSENT = "an answer does not stand in its text, or not at the place that is stated"
EMPTY = "they are empty (write [] where the text does not say)"
FORM = "their cells hold no answers, or not as many places as answers"
_SOME = 500
_STARTS = ("answer_start", "start")


def like(table: Table) -> bool:
    """Whether most cells quote the second text of a pair, or are lists or dicts of such quotes."""
    if table.target is None or table.pair is None:
        return False
    some = table.sample(_SOME)
    assert some.target is not None
    given = [cell for cell in some.target if cell not in (None, "", ())]
    written = [cell for cell in given if isinstance(cell, tuple) or (isinstance(cell, str) and cell[:1] in "[{")]
    if 2 * len(written) < max(len(given), 1) and table.target_name.casefold() not in ("answer", "answers"):
        return False
    filled = [row for row in read(some) if row and row is not EMPTY]
    return 2 * sum(not isinstance(row, str) for row in filled) > len(filled) > 0


def read(table: Table) -> list[Quoted | str]:
    """Return the answers of each row, or why it cannot be used; an empty list if the text has none."""
    assert table.target is not None
    assert table.pair is not None
    return [_read(cell, text) for cell, text in zip(table.target, table.text[table.pair[1]], strict=True)]


def _read(cell: Any, text: str) -> Quoted | str:
    if cell is None or cell == "":
        return EMPTY
    answers = _answers(cell)
    if answers is None:
        return FORM
    found = [_place(answer, start, text) for answer, start in answers if answer.strip()]
    if any(place < 0 for _, place in found):
        return ABSENT
    return found


def _place(answer: str, start: int, text: str) -> tuple[str, int]:
    """Return the answer without spaces around it, and where it begins.

    Where stated, else where it is found, as words of its own if it stands so anywhere.
    """
    bare = answer.strip()
    for at in (start, start + len(answer) - len(answer.lstrip())):
        if start >= 0 and text[at : at + len(bare)] == bare:
            return bare, at
    if start >= 0:
        return bare, -1
    whole = re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", text)
    return bare, whole.start() if whole else text.find(bare)


def _answers(cell: Any) -> list[tuple[str, int]] | None:
    """(text, start) pairs, start -1 where it was not given; None of what holds no answers."""
    cell = _parsed(cell, "[{")
    if not isinstance(cell, list | tuple):
        return _one(cell)
    parts = [_one(_parsed(part, "{")) for part in cell]
    return None if any(part is None for part in parts) else [pair for part in parts for pair in part or ()]


def _parsed(cell: Any, begins: str) -> Any:
    """Return the list or dict that a cell holds, if it begins so; else as it is."""
    if not isinstance(cell, str) or cell.lstrip()[:1] not in tuple(begins):
        return cell
    found = python_literals.parsed(cell)
    return cell if found is None else found


def _one(answer: Any) -> list[tuple[str, int]] | None:
    if answer is None:
        return []
    if isinstance(answer, str):
        return [(answer, -1)]
    return _of_dict(answer) if isinstance(answer, dict) else None


def _of_dict(cell: dict[str, Any]) -> list[tuple[str, int]] | None:
    """{"text": ..., "answer_start": ...}, both of which may be lists."""
    texts = cell.get("text")
    starts = next((cell[name] for name in _STARTS if name in cell), None)
    texts = texts if isinstance(texts, list) else [texts]
    starts = starts if isinstance(starts, list) else [starts] * len(texts)
    if len(starts) != len(texts) or not all(isinstance(text, str) for text in texts):
        return None
    return [(t, s if type(s) is int and s >= 0 else -1) for t, s in zip(texts, starts, strict=True)]


def texts(cell: Any) -> tuple[str, ...]:
    """Return what is written in a cell of answers."""
    return tuple(text for text, _ in _answers(cell) or () if text)


def truth(text: str, answers: Quoted) -> quotes.Truth:
    """Return a row as scores know it; the first answer in whole words."""
    words = word_offsets.words(text, word_offsets.FOUND)
    span = None
    if answers:
        answer, start = answers[0]
        first = int(np.searchsorted(words[:, 1], start, side="right"))
        after = int(np.searchsorted(words[:, 0], start + len(answer), side="left"))
        span = (first, max(after, first + 1)) if first < len(words) else None
    return quotes.Truth(text, words, tuple(dict.fromkeys(answer for answer, _ in answers)), span)


def around(row: quotes.Truth, most: int = 300) -> str:
    """Return what of a text stands around its answer, or at its beginning."""
    begin = 0 if row.span is None else max(0, int(row.places[row.span[0], 0]) - most // 2)
    return ("… " if begin else "") + row.text[begin : begin + most] + (" …" if begin + most < len(row.text) else "")


def as_dict(found: Sequence[Any], text: str) -> dict[str, Any]:
    """Return the likeliest of some quotes in characters, and the others."""
    words = word_offsets.words(text, word_offsets.FOUND)
    made = [_told(span, score, words, text) for span, score in found]
    return {**made[0], "others": made[1:]}


def _told(span: tuple[int, int] | None, score: float, words: Any, text: str) -> dict[str, Any]:
    start, end = (-1, -1) if span is None else (int(words[span[0], 0]), int(words[span[1] - 1, 1]))
    return {"text": "" if span is None else text[start:end], "start": start, "end": end, "score": round(score, 6)}
