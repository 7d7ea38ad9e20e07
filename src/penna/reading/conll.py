"""CoNLL columns: a word with its tag on each line, an empty line between sentences. Each sentence becomes one row.

The first column is the word and the last its tag, whatever stands between; a file of one column holds words alone.
Broken sentences are left out and noted.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TextIO

import numpy as np

from penna.errors import TableError
from penna.reading.cells import Piece
from penna.reading.notes import Notes

SUFFIXES = (".conll", ".iob", ".iob2", ".bio")
WORDS, TAGS = "tokens", "tags"
_TAG = re.compile(r"O|[BIESLUMW][-_]\S+")
_START = "-DOCSTART-"


def looks(head: str) -> bool:
    """Whether the first lines are such columns: tags at the end of nearly all, and sentences of several lines.

    >>> looks("EU B-ORG\\nrejects O\\n\\nPeter B-PER\\n"), looks("text\\tlabel\\nit is good\\tO\\n")
    (True, False)
    """
    lines = head.splitlines()[:-1][:2000]
    full = [_cells(line) for line in lines if line.strip() and not line.startswith((_START, "#"))]
    if len(full) < 2 or not any(not line.strip() for line in lines):
        return False
    width = _width(head)
    tagged = sum(len(cells) == width and _TAG.fullmatch(cells[-1]) is not None for cells in full)
    return width >= 2 and tagged >= 0.95 * len(full)


def pieces(head: str, file: TextIO, name: str, size: int, notes: Notes) -> Iterator[Piece]:
    """``size`` sentences at a time, numbered from 1; columns "tokens" and, where there are such, "tags"."""
    sentences = _sentences(file, _width(head), notes)
    first = True
    while batch := list(islice(sentences, size)):
        numbers, rows = zip(*batch, strict=True)
        cells = {WORDS: [[line[0] for line in row] for row in rows]}
        if len(rows[0][0]) > 1:
            cells[TAGS] = [[line[-1] for line in row] for row in rows]
        yield Piece(np.array(numbers, np.int64), cells)
        first = False
    if first:
        raise TableError(f"{name} holds no sentences: write a word and its tag on each line, and empty lines between.")


def _cells(line: str) -> list[str]:
    bare = line.strip()
    return bare.split("\t") if "\t" in bare else bare.split()


def _width(head: str) -> int:
    """How many cells most lines have."""
    counts = Counter(len(_cells(line)) for line in head.splitlines()[:2000] if line.strip() and line[:1] != "#")
    return counts.most_common(1)[0][0] if counts else 1


def _comment(bare: str, width: int) -> bool:
    """Whether a line before a sentence is none of its words: "#" is a word, too, where a tag says so."""
    cells = _cells(bare)
    return bare[:1] == "#" and not _TAG.fullmatch(cells[-1]) and (bare[1:2].isspace() or len(cells) != width)


def _sentences(file: TextIO, width: int, notes: Notes) -> Iterator[tuple[int, list[list[str]]]]:
    """(number, the cells of its lines) of each sentence whose lines have ``width`` cells."""
    number = 0
    held: list[list[str]] = []
    for line in _ended(file):
        bare = line.strip()
        if not held and _comment(bare, width):
            continue
        if bare and not bare.startswith(_START):
            held.append(_cells(bare))
            continue
        if held:
            number += 1
            if all(len(cells) == width and cells[0] for cells in held):
                yield number, held
            else:
                notes.add("sentences", [number])
            held = []


def _ended(file: TextIO) -> Iterator[str]:
    yield from file
    yield ""  # the last sentence may end with the file
