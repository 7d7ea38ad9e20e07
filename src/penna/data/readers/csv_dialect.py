"""Detect the dialect of a delimited file from its first lines. ``csv.Sniffer`` is unreliable on prose."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from penna.data.readers.size_limits import LONGEST_CELL

ALONE = "\ud800"  # the delimiter of a file with one column: no decoder yields a lone high surrogate
_DELIMITERS = ",\t;|"
_SAMPLE = 1000
_MOST_LINES = 300_000  # per record; a quote that is still open after so many lines was never meant as one


@dataclass(frozen=True)
class Dialect:
    """The delimiter, whether quotes have a meaning, and the escape character."""

    delimiter: str = ","
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL  # or QUOTE_NONE
    escape: str | None = None

    def reader(self, lines: Iterable[str]) -> Any:
        # strict: a quote that closes inside a cell is an error, instead of two records silently merged
        """Return a strict csv reader over these lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=self.quoting,
            escapechar=self.escape,
            strict=True,
        )


class Feed:
    """Lines for a csv reader. ``held`` keeps those of the current record, so that a broken one can return them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.held: list[str] = []
        self.number = 0  # of the last line that was read

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.held.append(line)
        self.number += 1
        if len(self.held) > _MOST_LINES:
            raise csv.Error("a quote is never closed")
        return line

    def give_back(self, kept: int = 1) -> int:
        """Put back all lines of this record but the first ``kept``; return the number of the last one that stays."""
        self.number -= len(self.held) - kept
        self._again.extend(reversed(self.held[kept:]))
        del self.held[kept:]
        return self.number

    def skip_to(self, sound: Callable[[str], bool]) -> Iterator[int]:
        """Yield the numbers of lines that are skipped until the next one is ``sound``."""
        while True:
            self.held.clear()
            line = next(self, None)
            if line is None:
                return
            if sound(line):
                self.give_back(0)
                return
            yield self.number


@dataclass(frozen=True)
class _Fit:
    """How well a dialect fits the first lines."""

    dialect: Dialect
    width: int  # cells in the header
    share: float  # of the records that have as many cells
    several: float  # of the records that have more than one cell
    wrapped: float  # of the cells with a quote at the start, those that also end with one


def dialect_of(head: str, suffix: str, alone: bool = False) -> Dialect:
    """Return the dialect under which most records of ``head`` are as wide as its header.

    ``alone`` states that there is one column.

    >>> dialect_of("text;label\\ngood, very good;1\\nbad, so bad;0\\n", ".csv").delimiter
    ';'
    """
    lines = _whole_lines(head)
    wanted = "" if alone else "\t" if suffix in (".tsv", ".tab") else _DELIMITERS
    fits = [fit for delimiter in wanted if (fit := _best_quoting(delimiter, lines)).width > 1]
    fits = [fit for fit in fits if fit.share > 0.1 or fit.several > 0.9]
    if not fits:
        return _best_quoting(ALONE, lines).dialect
    return max(fits, key=lambda fit: (round(fit.share, 2), fit.width)).dialect


def records_of(dialect: Dialect, head: str, most: int = 300) -> list[list[str]]:
    """Return the first sound records of ``head``."""
    return [record for record in islice(_tolerant(dialect, _whole_lines(head)), most) if record is not None]


def _whole_lines(head: str) -> list[str]:
    lines = list(islice(io.StringIO(head, newline=""), 20 * _SAMPLE))
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()  # may be incomplete
    return lines


def _best_quoting(delimiter: str, lines: list[str]) -> _Fit:
    quoted = _fit(Dialect(delimiter), lines)
    if quoted.share == 1:
        return quoted
    escaped = _fit(Dialect(delimiter, escape="\\"), lines)
    plain = _fit(Dialect(delimiter, csv.QUOTE_NONE), lines)
    best = max(quoted, escaped, key=lambda fit: fit.share)
    # If most cells are wrapped in quotes, quotes have a meaning, even if a few of them are broken.
    return plain if plain.share > best.share + 0.002 and plain.wrapped < 0.5 else best


def _fit(dialect: Dialect, lines: list[str]) -> _Fit:
    records = list(islice(_tolerant(dialect, lines), _SAMPLE))
    if not records or records[0] is None:
        return _Fit(dialect, 0, 0.0, 0.0, 0.0)
    width, body = len(records[0]), records[1:]
    share = sum(record is not None and len(record) == width for record in body) / max(len(body), 1)
    ends = Counter(len(cell) > 1 and cell[-1] == '"' for record in body for cell in record or () if cell[:1] == '"')
    several = sum(record is not None and len(record) > 1 for record in body) / max(len(body), 1)
    return _Fit(dialect, width, share if body else 1.0, several, ends[True] / max(ends.total(), 1))


def _tolerant(dialect: Dialect, lines: list[str]) -> Iterator[list[str] | None]:
    """Yield the records that are not blank; None for a broken one."""
    csv.field_size_limit(LONGEST_CELL)
    feed = Feed(iter(lines))
    reader = dialect.reader(feed)
    width = 0
    while True:
        feed.held.clear()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if feed.number == len(lines) and not _look_whole(feed.held[1:], dialect.delimiter, width):
                return  # a long cell that continues after the sample, and no stray quote
            feed.give_back()
            yield None
            continue
        if record:
            width = width or len(record)
            yield record


def _look_whole(lines: list[str], delimiter: str, width: int) -> bool:
    """Return whether most of these lines have the header's number of cells on their own."""
    return sum(line.count(delimiter) + 1 == width for line in lines) >= 0.5 * len(lines)
