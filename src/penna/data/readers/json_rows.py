"""Read rows from JSON: objects in sequence (JSON lines), arrays of objects, or one object that holds such an array.

Anything that is no row is named with its line, or refused.
"""

import json
from collections.abc import Iterator
from typing import Any, TextIO

import numpy as np

from penna.data.readers import json_formats, json_tables
from penna.data.readers.cells import Piece, batches
from penna.data.readers.json_formats import spacy
from penna.data.readers.json_values import WHOLE, Broken, Scanner, TooLong
from penna.data.readers.read_notes import Notes
from penna.data.readers.size_limits import MOST_COLUMNS, too_wide
from penna.errors import TableError

Row = dict[str, Any]
#: Suffixes of files with one row per line.
_LINES = (".jsonl", ".ndjson")


def pieces(file: TextIO, suffix: str, name: str, size: int, notes: Notes) -> Iterator[Piece]:
    """Yield ``size`` rows at a time; the first piece settles the columns."""
    rows = _rows(file, suffix, name, notes)
    columns: list[str] | None = None
    for batch in batches(rows, size, _letters):
        numbers, objects = zip(*batch, strict=True)
        json_formats.settled(objects)
        seen = list(dict.fromkeys(key for row in objects for key in row))
        columns = seen if columns is None else columns
        if len(seen) > MOST_COLUMNS:
            raise too_wide(name)
        for late in (key for key in seen if key not in columns):
            notes.once("late", [f"{late!r}, first in row {next(n for n, row in batch if late in row)}"], late)
        cells = {column: [row.get(column) for row in objects] for column in columns}
        yield Piece(np.array(numbers, np.int64), cells)
    if columns is None:
        bad = f" (lines that are no JSON object: {notes.count('json')})" if notes.count("json") else ""
        raise TableError(
            f'{name} holds no rows{bad}: write each row as one line like {{"text": "...", "label": "..."}}.'
        )


def _letters(numbered: tuple[int, Row]) -> int:
    return sum(len(cell) for cell in numbered[1].values() if isinstance(cell, str))


def _rows(file: TextIO, suffix: str, name: str, notes: Notes) -> Iterator[tuple[int, Row]]:
    """Yield numbered rows: by the line they begin on if objects follow one another, else counted."""
    last = 0
    for count, (line, record) in enumerate(_Records(file, suffix, name, notes).all(), 1):
        converted = json_formats.rows(record, count, name, notes)
        for row in [record] if converted is None else converted:
            last = max(last + 1, line)
            yield last, row


class _Records:
    """The records of a file, in order.

    ``all`` yields each with the line it begins on, or 0 after an array, whose elements are counted.
    """

    def __init__(self, file: TextIO, suffix: str, name: str, notes: Notes) -> None:
        self._scan = Scanner(file)
        self._by_line = suffix in _LINES
        self._name, self._notes = name, notes
        self._counted = False
        self._count = self._width = 0

    def all(self) -> Iterator[tuple[int, Any]]:
        """Yield (line, record) for each record."""
        scan, first = self._scan, True
        while sign := scan.peek(commas=not first):
            line = scan.line
            try:
                value = scan.value(WHOLE if first or sign == "[" else None)
            except (Broken, TooLong) as error:
                long = isinstance(error, TooLong)
                if sign == "[" and (long or first or self._counted):
                    yield from self._listed(self._array())
                elif long:
                    yield from self._object()
                else:
                    self._leave_out(line)
            else:
                self._say_twice(line)
                alone = first and not isinstance(value, str) and not scan.peek()
                yield from self._one(value, line, first, alone)
            first = False

    def _one(self, value: Any, line: int, first: bool, alone: bool) -> Iterator[tuple[int, Any]]:
        """Yield the records of one value. ``alone``: the file holds nothing else."""
        if isinstance(value, dict) and alone:
            records = json_tables.unpacked(value, self._name, self._notes, not self._by_line)
            yield from [(line, value)] if records and records[0] is value else self._listed(iter(records))
        elif isinstance(value, dict) and (key := json_tables.page(value)) is not None:
            self._notes.around(key, [other for other in value if other != key])
            yield from self._listed(iter(value[key]))
        elif isinstance(value, dict) or spacy.pair(value):
            yield (0 if self._counted else line), value
        elif isinstance(value, list) and (alone or json_tables.of_lists(value)):
            yield from self._listed(iter(value))
        elif isinstance(value, list) and first:
            raise TableError(
                f"line {line} of {self._name} holds a list of plain values, and more follows: write each row as an "
                'object, {"text": "...", "label": "..."}.'
            )
        elif isinstance(value, str) and not self._scan.rest_of_line().strip(" \t\r,"):
            yield (0 if self._counted else line), {"text": value}
        else:
            self._notes.add("json", [line])

    def _listed(self, elements: Iterator[Any]) -> Iterator[tuple[int, Any]]:
        """Yield the elements of an array, and of arrays in it."""
        self._counted = True
        for element in elements:
            if json_tables.of_lists(element):
                yield from self._listed(iter(element))
            else:
                self._count += 1
                yield 0, self._element(element)

    def _array(self) -> Iterator[Any]:
        """Yield the elements of the array that begins here, decoded one at a time: the file need not fit in memory."""
        self._scan.step()
        while self._scan.peek(commas=True) != "]":
            line = self._scan.line
            try:
                element = self._scan.value()
            except Broken:
                raise TableError(
                    f"{self._name} is damaged or truncated after element {self._count} (line {line}): get a fresh copy "
                    "of it."
                ) from None
            self._say_twice(line)
            yield element
        self._scan.step()

    def _object(self) -> Iterator[tuple[int, Any]]:
        """Yield the rows of a long object that holds one list of them, read incrementally."""
        scan, held, lists = self._scan, dict[str, Any](), list[str]()
        scan.step()
        while scan.peek(commas=True) != "}":
            key = self._key()
            if scan.peek() == "[" and scan.peek_inside() == "{":
                lists.append(key)
                json_tables.refuse_several(lists, self._name)
                yield from self._listed(self._array())
            else:
                held[key] = self._part()
        scan.step()
        if lists:
            self._notes.around(lists[0], list(held))
        else:
            yield from self._listed(iter(json_tables.unpacked(held, self._name, self._notes)))

    def _key(self) -> str:
        key = self._part()
        if not isinstance(key, str) or self._scan.peek() != ":":
            raise TableError(f"{self._name} is damaged in line {self._scan.line}: get a fresh copy of it.")
        self._scan.step()
        return key

    def _part(self) -> Any:
        """Return one value of a long object."""
        line = self._scan.line
        try:
            return self._scan.value()
        except Broken:
            raise TableError(f"{self._name} is damaged or truncated in line {line}: get a fresh copy of it.") from None

    def _element(self, element: Any) -> Any:
        """Convert an element of an array to a record. Raises TableError if it is none."""
        if isinstance(element, dict) or spacy.pair(element):
            return element
        if isinstance(element, str):
            return {"text": element}
        if not isinstance(element, list) or any(isinstance(cell, dict) for cell in element):
            raise TableError(f"element {self._count} of {self._name} is no object: write each as {{column: cell}}.")
        self._width = self._width or len(element)
        if len(element) != self._width:
            raise TableError(
                f"element {self._count} of {self._name} does not have {self._width} cells like those before it: "
                "correct or drop it."
            )
        return {f"text_{place}" if len(element) > 1 else "text": cell for place, cell in enumerate(element, 1)}

    def _leave_out(self, line: int) -> None:
        """Note a line that is no JSON, and skip the lines that belong to it: indented ones, or closing brackets."""
        self._notes.add("json", [line])
        self._scan.rest_of_line()
        while (ahead := self._scan.next_line()) and not _begins_row(ahead):
            if ahead.strip() and ahead[0] not in " \t}],":
                self._notes.add("json", [self._scan.line])
            self._scan.rest_of_line()

    def _say_twice(self, line: int) -> None:
        if self._scan.twice:
            self._notes.add("twice", [line])
        self._scan.twice = False


def _begins_row(line: str) -> bool:
    """Return whether a value may begin here. Inside a broken object of several lines, only a whole row does."""
    if line[0] not in " \t":
        return line[0] in '{["'
    try:
        return isinstance(json.loads(line.strip(" \t\r\n,")), dict)
    except (ValueError, RecursionError):
        return False
