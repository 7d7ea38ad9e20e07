"""Infer which columns are text, target and group, from names and a sample of cells. Changes nothing."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penna.data import python_literals
from penna.data.readers.cells import missing
from penna.errors import TableError, shown

USUAL_TARGETS = (
    "label", "labels", "target", "class", "category", "y", "sentiment", "intent",
    "tags", "ner_tags", "tag", "ner_tag", "spans", "entities", "cats", "answers",
)  # fmt: skip
#: Names of columns that are text even if their cells are short.
USUAL_TEXTS = ("text", "sentence", "review", "comment", "message", "tweet", "utterance", "query", "word", "token")
_DIGITS = re.compile(r"\d+")
#: Names of columns that hold lists of words.
_WORDS = ("tokens", "words", "token", "word")
_SAMPLE = 5000
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ,].{0,30})?")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")  # scripts without spaces


def infer_roles(
    columns: Mapping[str, Sequence[Any]],
    *,
    text: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    group: str | None = None,
    need_target: bool = True,
    name: str = "the table",
    apart: Sequence[str] = (),
    need_text: bool = True,
) -> dict[str, str]:
    """Return the role of every column: "text", "target", "group" or "other".

    Several columns can form the target together. Columns in ``apart`` are never taken for text.

    >>> infer_roles({"id": ["1", "2"], "review": ["I like it a lot", "Not for me"], "label": ["yes", "no"]})
    {'id': 'other', 'review': 'text', 'label': 'target'}
    """
    if target is None and need_target:
        target = _usual_target(columns, (*(text or ()), *apart), group, name)
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    requested = dict.fromkeys(targets, "target") | ({} if group is None else {group: "group"})
    for column in (*(text or ()), *targets, *requested, *apart):
        demand(column, columns, name)
    for column in apart:
        if column in (group, *(text or ())):
            raise TableError(f"column {column!r} is named twice, for different roles: give it one role.")
    for column in targets:
        if column in (group, *(text or ()), *apart):
            raise TableError(f"column {column!r} is named as the target and as something else: give it one role.")
    rest = {k: v for k, v in columns.items() if k not in requested and k not in apart}
    if text is None and len(targets) == 1:
        text = _words_beside(rest, columns[targets[0]])
    chosen = tuple(text) if text is not None else _texts(rest, name, need_text or not (rest or apart))
    roles = dict.fromkeys(columns, "other") | dict.fromkeys(chosen, "text")
    return roles | requested


def demand(column: str, columns: Mapping[str, Any], name: str) -> None:
    """Raise a TableError that suggests the nearest name, unless ``column`` exists."""
    if column in columns:
        return
    folded = {c.casefold(): c for c in reversed(list(columns))}
    near = difflib.get_close_matches(column.casefold(), list(folded), 1, 0.5)
    hint = f"did you mean {shown(folded[near[0]])}? " if near else ""
    raise TableError(f"there is no column {shown(column)} in {name}: {hint}Its columns are {_listed(columns)}.")


def _listed(columns: Mapping[str, Any]) -> str:
    names = [shown(column) for column in columns]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _usual_target(columns: Mapping[str, Any], text: Sequence[str] | None, group: str | None, name: str) -> str:
    folded = {c.casefold(): c for c in reversed(list(columns)) if c != group and c not in (text or ())}
    for usual in USUAL_TARGETS:
        if usual in folded:
            return folded[usual]
    raise TableError(f"the target column of {name} is unknown: name one of {_listed(columns)} with --target.")


def _words_beside(columns: Mapping[str, Sequence[Any]], target: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the column of word lists if the target has a tag for each word, as lists of the same lengths."""
    tags = _lists(target)
    if len(tags) < 0.5 * min(len(target), _SAMPLE) or len(set(map(len, tags.values()))) < 2:
        return None
    for name in sorted(columns, key=lambda column: column.casefold() not in _WORDS):
        words = _lists(columns[name])
        equal = sum(len(words.get(at, ())) == len(row) for at, row in tags.items())
        if equal >= 0.9 * len(tags) and all(isinstance(word, str) for row in words.values() for word in row):
            return (name,)
    return None


def _lists(cells: Sequence[Any]) -> dict[int, Any]:
    """Return position -> list for a sample of cells that are lists, or lists written as text."""
    lists = dict[int, Any]()
    for at in range(0, len(cells), max(1, len(cells) // _SAMPLE)):
        cell = python_literals.parsed(cells[at]) if isinstance(cells[at], str) and cells[at][:1] == "[" else cells[at]
        if isinstance(cell, list | tuple | np.ndarray) and len(cell):
            lists[at] = cell
    return lists


def _texts(columns: Mapping[str, Sequence[Any]], name: str, need: bool) -> tuple[str, ...]:
    """Return the columns that read like prose; without any, like phrases; without any, the only column of strings.

    If a table needs no text, a column of few names is not taken for text.
    """
    spoken = {column: cells for column, all_ in columns.items() if (cells := strings(all_))}
    telling = {column: cells for column, cells in spoken.items() if not _counter(cells)}
    spoken = telling or spoken
    for words, length in ((2.5, 25), (1.5, 12)):
        chosen = tuple(column for column, cells in spoken.items() if like_text(cells, words, length))
        if chosen:
            return chosen
    if called := tuple(column for column in spoken if column.casefold() in USUAL_TEXTS):
        return called[:1]
    names = [column for column, cells in spoken.items() if not need and len(columns) > 1 and _like_names(cells)]
    if len(spoken) == 1 and not names:
        return tuple(spoken)
    if len(columns) == 1 and not any(not missing(c) and str(c).strip() for cells in columns.values() for c in cells):
        return tuple(columns)  # nothing in it: the check will report that
    least = {column: 1.0 if column.casefold() in _WORDS else 2.5 for column in columns}
    columns = dict(sorted(columns.items(), key=lambda column: least[column[0]]))
    listed = [c for c, cells in columns.items() if (need or least[c] == 1) and _lists_of_words(cells, least[c])]
    if listed:
        return tuple(listed[:1])
    if not need:
        return ()
    raise TableError(f"no column of {name} looks like text: name one or more of {_listed(columns)} with --text.")


def prose(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the columns that read like text; without any, the columns of strings."""
    candidates = {column: cells for column, all_ in columns.items() if (cells := strings(all_))}
    return [column for column, cells in candidates.items() if like_text(cells, 1.5, 12)] or list(candidates)


def strings(cells: Sequence[Any]) -> list[str]:
    """Return up to 5000 non-empty cells from all over the column; none if they are numbers, dates or no strings."""
    spread = cells[:: max(1, len(cells) // _SAMPLE)]
    sample = [c.strip() for c in spread if isinstance(c, str) and c.strip()]
    if len(sample) < 0.5 * sum(not missing(c) and c != "" for c in spread):
        return []
    if _all_numbers(sample):
        return []
    dull = sum(is_number(c) or DATE.fullmatch(c) is not None for c in sample)
    return [] if dull > 0.9 * len(sample) else sample


def _lists_of_words(cells: Sequence[Any], least: float) -> bool:
    """Return whether cells are lists of strings, with at least ``least`` words on average."""
    sample = [cell for cell in cells[:: max(1, len(cells) // _SAMPLE)] if isinstance(cell, list | tuple) and len(cell)]
    if 2 * len(sample) < len(cells[:: max(1, len(cells) // _SAMPLE)]):
        return False
    whole = all(isinstance(word, str) for cell in sample for word in cell)
    return whole and sum(map(len, sample)) >= least * len(sample)


def _all_numbers(cells: list[str]) -> bool:
    """Return whether all cells are numbers, in one pass: five times as fast for tables of thousands of columns."""
    try:
        np.array(cells, object).astype(np.float64)
    except ValueError:
        return False
    return True


def is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _counter(cells: list[str]) -> bool:
    """Return whether cells are a counter behind one word, such as "Sentence: 12"."""
    bare = {_DIGITS.sub("", cell) for cell in cells}
    return (
        len(cells) > 1
        and len(bare) == 1
        and re.fullmatch(r"[\w#]{1,12}[\W_]{0,3}", next(iter(bare)), re.ASCII) is not None
    )


def _like_names(cells: list[str]) -> bool:
    """Return whether most cells are about one word and repeat."""
    return len(set(cells)) <= 0.5 * len(cells)


def like_text(cells: list[str], words: float, length: float) -> bool:
    """Return whether there are many distinct cells of several words (several characters in scripts without spaces)."""
    if len(set(cells)) <= 0.1 * len(cells):
        return False
    if sum(UNSPACED.search(cell) is not None for cell in cells) > 0.5 * len(cells):
        return sum(map(len, cells)) >= 0.25 * length * len(cells)
    return sum(len(cell.split()) for cell in cells) >= words * len(cells)
