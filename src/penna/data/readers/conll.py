"""CoNLL columns: a word and its tag on each line, an empty line between sentences. Each sentence becomes one row.

The first column is the word and the last its tag; a file of one column holds words only. Leading columns of
numbers are dropped and named. Broken sentences are dropped and noted.
"""

from collections.abc import Iterator
from itertools import islice
from typing import TextIO

import numpy as np

from penna.data.readers.cells import Piece
from penna.data.readers.conll_layout import BLANK, Layout, cells_of, comment, layout_of, looks, starts_document
from penna.data.readers.read_notes import Notes
from penna.errors import TableError

__all__ = ["SUFFIXES", "looks", "pieces"]

_LONGEST = 100_000  # words of a sentence
SUFFIXES = (".conll", ".conllu", ".conllup", ".iob", ".iob2", ".bio")


def pieces(head: str, file: TextIO, name: str, size: int, notes: Notes) -> Iterator[Piece]:
    """Yield ``size`` sentences at a time, numbered from 1, with columns "tokens" and, if present, "tags"."""
    layout = layout_of(head)
    if layout.dropped:
        notes.say("number column", _dropped(layout, name))
    sentences = _sentences(_lines(file, "\n" in head), layout, name, notes)
    first = True
    while batch := list(islice(sentences, size)):
        numbers, rows = zip(*batch, strict=True)
        cells = {column: [[line[at] for line in row] for row in rows] for column, at in layout.columns.items()}
        yield Piece(np.array(numbers, np.int64), cells)
        first = False
    if first:
        raise TableError(f"{name} holds no sentences: write one word and its tag per line, with empty lines between.")


def _dropped(layout: Layout, name: str) -> str:
    """Return the message about dropped leading columns."""
    which = ", ".join(str(at + 1) for at in layout.dropped)
    columns, hold = ("columns", "hold") if len(layout.dropped) > 1 else ("column", "holds")
    what = "numbers of words" if layout.counted else "the same cell in all lines of a sentence"
    rest = "; lines such as 1-2 and 1.1 are no words" if layout.counted else ""
    return (
        f"{columns} {which} of {name} {hold} {what} or sentences, and no words: left out; the words are those of "
        f"column {layout.columns['tokens'] + 1}{rest}."
    )


def _lines(file: TextIO, line_feeds: bool) -> Iterator[str]:
    """Yield the lines and a final empty one. If there are line feeds, a carriage return alone ends no line."""
    held: list[str] = []
    for part in file:
        held.append(part)
        if not line_feeds or part.endswith("\n"):
            yield "".join(held)
            held = []
    yield "".join(held)
    yield ""  # the last sentence may end with the file


def _sentences(lines: Iterator[str], layout: Layout, name: str, notes: Notes) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield (number, cells of its lines) of each sentence whose lines all have the layout's number of cells."""
    number = 0
    held: list[list[str]] = []
    for line in lines:
        bare = line.strip(BLANK)
        if not held and comment(bare, layout.width):
            continue
        if bare and not starts_document(bare):
            held.append(cells_of(line))
            if len(held) > _LONGEST:
                raise TableError(
                    f"sentence {number + 1} of {name} has more than {_LONGEST:,} words: put empty lines between."
                )
            continue
        if held:
            number += 1
            if all(len(cells) == layout.width and cells[layout.columns["tokens"]] for cells in held):
                if words := [cells for cells in held if layout.is_word(cells)]:
                    yield number, words
            else:
                notes.add("sentences", [number])
            held = []
