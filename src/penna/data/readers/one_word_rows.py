"""Tables with a word a row and a column that numbers sentences: put together, a sentence becomes one row of lists."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from penna.data.readers.cells import Piece, missing
from penna.data.readers.read_notes import Notes
from penna.data.readers.source_options import SourceOptions

_SENTENCE = re.compile(r"(sentence|sent|sequence|seq|utterance)s?[\W_]*(#|ids?|idx|index|no|nr|num|number)?[\W_]*")
_WORD = re.compile(r"(word|token|form)s?")
_TAG = re.compile(r"(ner|entity|bio|iob|pos)?[\W_]*(tag|label|ner|entity)s?")
_MARK = re.compile(r"O|[BIESLUMW][-_]\S+")
_NUMBER = re.compile(r"\D{0,30}\d[\w.:-]*")
#: So many cells must be of a kind, and a sentence must have so many words on the mean.
_MOST, _LEAST_WORDS = 0.95, 2.0
_SOME, _MOST_TAGS = 20_000, 200


@dataclass(frozen=True)
class Layout:
    """The columns that hold a word, and the number of its sentence."""

    word: str
    sentence: str


def together(pieces: Iterator[Piece], notes: Notes, options: SourceOptions) -> Iterator[Piece]:
    """Yield the same pieces, or, where their rows hold a word each, pieces of sentences, which is reported."""
    first = next(pieces)
    layout = _layout(first.columns, options)
    return chain([first], pieces) if layout is None else _joined(chain([first], pieces), layout, notes)


def _layout(columns: Mapping[str, Sequence[Any]], options: SourceOptions) -> Layout | None:
    """Where the words and sentences are; None where rows hold no single words of sentences."""
    some = {name: [_plain(cell) for cell in cells[:_SOME]] for name, cells in columns.items()}
    words = [name for name in some if name in options.text or _WORD.fullmatch(name.casefold())]
    word = next((name for name in words if _of_words(some[name])), None)
    if word is None or (options.text and word not in options.text):
        return None
    tags = [name for name in some if name != word and (name in options.roles or _TAG.fullmatch(name.casefold()))]
    marked = any(_mostly(_MARK.fullmatch(cell) for cell in some[name]) for name in tags)
    if not marked and tags and not any(_few(some[name]) for name in tags):
        return None
    named = [name for name in some if _SENTENCE.fullmatch(name.strip().casefold())]
    others = [name for name in some if name not in (word, *tags)] if marked else []
    sentence = next((name for name in dict.fromkeys((*named, *others)) if name != word and _numbers(some[name])), None)
    return None if sentence is None else Layout(word, sentence)


def _plain(cell: Any) -> str:
    return "" if missing(cell) else str(cell).strip(" \t\r\n")


def _mostly(found: Iterator[Any]) -> bool:
    fits = [bool(one) for one in found]
    return sum(fits) >= _MOST * len(fits) > 0


def _of_words(cells: Sequence[str]) -> bool:
    return _mostly(cell and not re.search(r"[ \t\n]", cell) for cell in cells)


def _few(cells: Sequence[str]) -> bool:
    """Whether these may be tags: few, and none with a fraction."""
    distinct = set(cells)
    return len(distinct) <= min(_MOST_TAGS, 0.5 * len(cells)) and not any(
        re.fullmatch(r"\d+\.\d*[1-9]\d*", c) for c in distinct
    )


def _numbers(cells: Sequence[str]) -> bool:
    """Whether cells number runs of rows; of a run, perhaps the first alone."""
    filled = [cell for cell in cells if cell]
    if not filled or not cells[0] or not _mostly(_NUMBER.fullmatch(cell) for cell in filled):
        return False
    begun = sum(_begins(cell, before) for before, cell in zip(_carried(cells), cells, strict=True))
    return begun * _LEAST_WORDS <= len(cells) and (begun > 1 or len(cells) < _SOME)


def _carried(cells: Sequence[str]) -> Iterator[str]:
    """Before each cell, the last one that was not empty."""
    held = ""
    for cell in cells:
        yield held
        held = cell or held


def _begins(cell: str, before: str) -> bool:
    return bool(cell) and cell != before


def _joined(pieces: Iterator[Piece], layout: Layout, notes: Notes) -> Iterator[Piece]:
    """Sentences, numbered by the row of their first word; the last of a piece may go on in the next."""
    words = sentences = 0
    held: dict[str, list[Any]] = {}
    rows: list[int] = []
    last = ""
    for piece in pieces:
        words += len(piece.rows)
        made: dict[str, list[Any]] = {name: [] for name in piece.columns}
        begun: list[int] = []
        for at, cell in enumerate(map(_plain, piece.columns[layout.sentence])):
            if _begins(cell, last) and held:
                begun += _close(held, rows, made, layout)
            if not held:
                held, rows = {name: [] for name in piece.columns}, [int(piece.rows[at])]
            last = cell or last
            for name, cells in piece.columns.items():
                held[name].append(cells[at])
        sentences += len(begun)
        if begun:
            yield Piece(np.array(begun, np.int64), made)
    made = {name: [] for name in held}
    begun = _close(held, rows, made, layout) if held else []
    notes.say(
        "sentences of words",
        f"rows hold a word each (column {layout.word!r}): {words:,} of them were put together into "
        f"{sentences + len(begun):,} sentences, as column {layout.sentence!r} numbers them.",
    )
    yield Piece(np.array(begun, np.int64), made)


def _close(held: dict[str, list[Any]], rows: list[int], made: dict[str, list[Any]], layout: Layout) -> list[int]:
    """Put the sentence that is held among those that are made."""
    for name, cells in held.items():
        if name == layout.sentence:
            made[name].append(cells[0])
        else:
            made[name].append([_plain(cell) if name == layout.word or missing(cell) else cell for cell in cells])
    held.clear()
    return rows
