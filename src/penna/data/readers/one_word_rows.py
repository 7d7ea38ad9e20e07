"""Tables with one word per row and a column that numbers sentences: each sentence becomes one row of lists."""

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
#: The share of cells that must be of a kind, and the mean number of words that a sentence must have.
_MOST, _LEAST_WORDS = 0.95, 2.0
_SOME, _MOST_TAGS = 20_000, 200


@dataclass(frozen=True)
class Layout:
    """The columns that hold a word, and the number of its sentence."""

    word: str
    sentence: str


def together(pieces: Iterator[Piece], notes: Notes, options: SourceOptions) -> Iterator[Piece]:
    """Yield the same pieces or, if each row holds one word, pieces of sentences; that is reported."""
    first = next(pieces)
    layout = _layout(first.columns, options)
    return chain([first], pieces) if layout is None else _joined(chain([first], pieces), layout, notes)


def _layout(columns: Mapping[str, Sequence[Any]], options: SourceOptions) -> Layout | None:
    """Return the columns of words and sentences; None if rows are not single words of sentences."""
    samples = {name: [_plain(cell) for cell in cells[:_SOME]] for name, cells in columns.items()}
    words = [name for name in samples if name in options.text or _WORD.fullmatch(name.casefold())]
    word = next((name for name in words if _of_words(samples[name])), None)
    if word is None or (options.text and word not in options.text):
        return None
    tags = [name for name in samples if name != word and (name in options.roles or _TAG.fullmatch(name.casefold()))]
    marked = any(_mostly(_MARK.fullmatch(cell) for cell in samples[name]) for name in tags)
    if not marked and tags and not any(_few(samples[name]) for name in tags):
        return None
    named = [name for name in samples if _SENTENCE.fullmatch(name.strip().casefold())]
    others = [name for name in samples if name not in (word, *tags)] if marked else []
    sentence = next(
        (name for name in dict.fromkeys((*named, *others)) if name != word and _numbers(samples[name])), None
    )
    return None if sentence is None else Layout(word, sentence)


def _plain(cell: Any) -> str:
    return "" if missing(cell) else str(cell).strip(" \t\r\n")


def _mostly(values: Iterator[Any]) -> bool:
    fits = [bool(one) for one in values]
    return sum(fits) >= _MOST * len(fits) > 0


def _of_words(cells: Sequence[str]) -> bool:
    return _mostly(cell and not re.search(r"[ \t\n]", cell) for cell in cells)


def _few(cells: Sequence[str]) -> bool:
    """Return whether cells may be tags: few distinct ones, and none with a fraction."""
    distinct = set(cells)
    return len(distinct) <= min(_MOST_TAGS, 0.5 * len(cells)) and not any(
        re.fullmatch(r"\d+\.\d*[1-9]\d*", c) for c in distinct
    )


def _numbers(cells: Sequence[str]) -> bool:
    """Return whether cells number runs of rows; perhaps only the first row of a run has the number."""
    filled = [cell for cell in cells if cell]
    if not filled or not cells[0] or not _mostly(_NUMBER.fullmatch(cell) for cell in filled):
        return False
    runs = sum(_begins(cell, before) for before, cell in zip(_carried(cells), cells, strict=True))
    return runs * _LEAST_WORDS <= len(cells) and (runs > 1 or len(cells) < _SOME)


def _carried(cells: Sequence[str]) -> Iterator[str]:
    """Yield, for each cell, the last non-empty cell before it."""
    held = ""
    for cell in cells:
        yield held
        held = cell or held


def _begins(cell: str, before: str) -> bool:
    return bool(cell) and cell != before


def _joined(pieces: Iterator[Piece], layout: Layout, notes: Notes) -> Iterator[Piece]:
    """Yield sentences, numbered by the row of their first word. The last one of a piece may continue in the next."""
    words = sentences = 0
    held: dict[str, list[Any]] = {}
    rows: list[int] = []
    last = ""
    for piece in pieces:
        words += len(piece.rows)
        complete: dict[str, list[Any]] = {name: [] for name in piece.columns}
        first_rows: list[int] = []
        for at, cell in enumerate(map(_plain, piece.columns[layout.sentence])):
            if _begins(cell, last) and held:
                first_rows += _close(held, rows, complete, layout)
            if not held:
                held, rows = {name: [] for name in piece.columns}, [int(piece.rows[at])]
            last = cell or last
            for name, cells in piece.columns.items():
                held[name].append(cells[at])
        sentences += len(first_rows)
        if first_rows:
            yield Piece(np.array(first_rows, np.int64), complete)
    complete = {name: [] for name in held}
    first_rows = _close(held, rows, complete, layout) if held else []
    notes.say(
        "sentences of words",
        f"column {layout.word!r} holds one word per row: {words:,} rows were joined to "
        f"{sentences + len(first_rows):,} sentences, numbered by column {layout.sentence!r}.",
    )
    yield Piece(np.array(first_rows, np.int64), complete)


def _close(held: dict[str, list[Any]], rows: list[int], sentences: dict[str, list[Any]], layout: Layout) -> list[int]:
    """Append the held sentence to the finished ones."""
    for name, cells in held.items():
        if name == layout.sentence:
            sentences[name].append(cells[0])
        else:
            sentences[name].append([_plain(cell) if name == layout.word or missing(cell) else cell for cell in cells])
    held.clear()
    return rows
