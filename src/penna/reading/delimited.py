"""CSV and TSV: read the records. A broken record is left out and noted; nothing is ever shifted."""

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TextIO

import numpy as np

from penna.errors import TableError
from penna.reading.cells import Piece, named
from penna.reading.dialect import LONGEST_CELL, Dialect, Feed, dialect_of
from penna.reading.notes import Notes


def pieces(head: str, file: TextIO, suffix: str, name: str, size: int, notes: Notes) -> Iterator[Piece]:
    """``size`` records at a time; a single empty piece where there is only a header."""
    dialect = dialect_of(head, suffix)
    rows = _records(file, dialect, name, notes)
    first = next(rows, None)
    if first is None:
        raise TableError(f"{name} is empty: give a table with a header and rows.")
    header = named(first[1], notes)
    batch = list(islice(rows, size))
    if not batch:
        yield Piece(np.zeros(0, np.int64), dict.fromkeys(header, ()))
    while batch:
        numbers, cells = zip(*batch, strict=True)
        yield Piece(np.array(numbers, np.int64), dict(zip(header, zip(*cells, strict=True), strict=True)))
        batch = list(islice(rows, size))


def _records(file: TextIO, dialect: Dialect, name: str, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each sound record, the header as number 0; broken ones are counted, and left out."""
    csv.field_size_limit(LONGEST_CELL)
    feed = Feed(file)
    reader = dialect.reader(feed)
    number = width = 0
    while True:
        feed.held.clear()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not width:
                raise TableError(f"the header of {name} cannot be read ({error}): mend its quotes.") from error
            lost = [feed.give_back(), *feed.skip_to(_sound(dialect, width))]
            notes.add("quotes", lost)
            number += len(lost)
            continue
        if not record:
            continue  # a blank line
        if width and len(record) != width:
            notes.add("ragged", [feed.number - len(feed.held) + 1])
        else:
            width = len(record)
            yield number, record
        number += 1


def _sound(dialect: Dialect, width: int) -> Callable[[str], bool]:
    """Whether a line is a whole record on its own; after a broken one, only such a line is trusted again."""

    def sound(line: str) -> bool:
        if line.count('"') % 2:
            return False
        try:
            return len(next(dialect.reader([line]), [])) == width
        except csv.Error:
            return False

    return sound
