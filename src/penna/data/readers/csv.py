"""Read the records of CSV and TSV files. A broken record is dropped and noted; cells are never shifted."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from penna.data.readers.cells import Piece, batches, named
from penna.data.readers.charset import Text
from penna.data.readers.csv_columns import names_of
from penna.data.readers.csv_dialect import ALONE, Dialect, Feed, dialect_of, records_of
from penna.data.readers.read_notes import Notes
from penna.data.readers.size_limits import LONGEST_CELL, MOST_COLUMNS, too_long, too_wide
from penna.data.readers.source_options import SourceOptions
from penna.errors import TableError

_LINES = (".txt", "")  # files that may be lines of text instead of tables
_MOST_LOST = 100_000  # lines after a broken quote, before a sound one
_MOST_CELLS = 4_000_000  # per piece


def pieces(
    head: str, file: Text, suffix: str, name: str, size: int, notes: Notes, options: SourceOptions | None = None
) -> Iterator[Piece]:
    """Yield ``size`` records at a time; a single empty piece if there is only a header."""
    options = options or SourceOptions()
    dialect, sample = _dialect(head, suffix, options)
    if max(map(len, sample), default=0) > MOST_COLUMNS:
        raise too_wide(name)
    width = Counter(map(len, sample)).most_common(1)[0][0] if sample else 1
    columns = names_of(sample, width, name, notes, options)
    if columns is not None and dialect.delimiter == ALONE and suffix in _LINES and not _wrapped(head):
        dialect = Dialect(ALONE, csv.QUOTE_NONE)  # each line is a text, whatever quotes it contains
    rows = _records(file.by_lines(), dialect, name, notes, 0 if columns is None else width)
    if columns is None:
        first = next(rows, None)
        if first is None:
            raise TableError(f"{name} is empty: give a table with a header and rows.")
        columns = named(first[1], notes)
    if len(columns) > MOST_COLUMNS:
        raise too_wide(name)
    size = min(size, max(1, _MOST_CELLS // len(columns)))
    batch = None
    for batch in batches(rows, size, _letters):
        numbers, cells = zip(*batch, strict=True)
        yield Piece(np.array(numbers, np.int64), dict(zip(columns, zip(*cells, strict=True), strict=True)))
    if batch is None:
        yield Piece(np.zeros(0, np.int64), dict.fromkeys(columns, ()))


def _letters(row: tuple[int, list[str]]) -> int:
    return sum(map(len, row[1]))


def _dialect(head: str, suffix: str, options: SourceOptions) -> tuple[Dialect, list[list[str]]]:
    """Return the dialect and the first records."""
    dialect = dialect_of(head, suffix)
    sample = records_of(dialect, head)
    if options.served and len(options.names) == 1 and _prose(dialect, sample, options.names[0]):
        dialect = dialect_of(head, suffix, alone=True)
        sample = records_of(dialect, head)
    return dialect, sample


def _prose(dialect: Dialect, sample: Sequence[Sequence[str]], column: str) -> bool:
    """Return whether lines are texts with commas: a blank follows nearly every comma."""
    if dialect.delimiter == "\t" or not sample or column in named(sample[0], Notes()):
        return False
    after = [cell[:1] == " " for record in sample for cell in record[1:]]
    return bool(after) and sum(after) >= 0.9 * len(after)


def _wrapped(head: str) -> bool:
    """Return whether most lines that begin with a quote also end with one."""
    quoted = [line for line in head.replace("\r", "\n").split("\n") if line[:1] == '"']
    return 2 * sum(len(line) > 1 and line[-1] == '"' for line in quoted) > len(quoted)


def _records(
    file: Iterator[str], dialect: Dialect, name: str, notes: Notes, width: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield (number, cells) of each sound record; broken ones are counted and dropped.

    Without a ``width``, the first record is a header. It gets number 0 and sets the width of all others.
    """
    csv.field_size_limit(LONGEST_CELL)
    feed = Feed(file)
    reader = dialect.reader(feed)
    number, header = (1 if width else 0), not width
    empty, names = list[int](), list[str]()
    while True:
        feed.held.clear()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if header or ("field limit" in str(error) and len(feed.held) == 1):
                raise _unreadable(error, feed, name) from error
            number += _passed_over(feed, dialect, width, name, notes)
            continue
        if not record:
            empty.append(feed.number)
            continue
        if dialect.delimiter == ALONE and not header:  # an empty line is also a text, if rows follow it
            yield from ((number + at, [""]) for at in range(len(empty)))
            number += len(empty)
        elif not header:
            notes.add("empty", empty)
        empty.clear()
        if header:
            width, header, names = len(record), False, record
            yield number, record
        elif record == names and width > 1:  # concatenated files
            notes.add("header again", [feed.number])
        elif len(record) == width:
            yield number, record
        else:
            notes.add("ragged", [feed.number - len(feed.held) + 1])
        number += 1


def _unreadable(error: csv.Error, feed: Feed, name: str) -> TableError:
    """Return the error for a record that cannot be skipped."""
    if "field limit" in str(error) and len(feed.held) == 1:
        return too_long(name, feed.number)
    return TableError(f"the header of {name} cannot be read ({error}): correct its quotes.")


def _passed_over(feed: Feed, dialect: Dialect, width: int, name: str, notes: Notes) -> int:
    """Skip lines after a broken quote up to the next sound one; return how many. Raises TableError if there is none."""
    lost = [feed.give_back(), *islice(feed.skip_to(_sound(dialect, width)), _MOST_LOST)]
    if len(lost) > _MOST_LOST:
        raise TableError(
            f"the quotes of {name} are broken from line {lost[0]:,} on, and no sound row follows in {_MOST_LOST:,} "
            "lines: correct them."
        )
    notes.add("quotes", lost)
    return len(lost)


def _sound(dialect: Dialect, width: int) -> Callable[[str], bool]:
    """Return a test for lines that are whole records; after a broken one, only such a line is trusted again."""

    def sound(line: str) -> bool:
        if line.count('"') % 2:
            return False
        try:
            return len(next(dialect.reader([line]), [])) == width
        except csv.Error:
            return False

    return sound
