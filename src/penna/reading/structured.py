"""JSON lines and a JSON array (also SQuAD's, which is nested): records that name their cells. A bad line is
left out and noted."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

import numpy as np

from penna.errors import TableError
from penna.reading import squad
from penna.reading.cells import Piece
from penna.reading.notes import Notes

_STEP = 1 << 20
_BLANK = " \t\r\n\ufeff"
_FILLING = re.compile(r"[\s,]*")
_END = re.compile(r"\s*\]")


def json_pieces(head: str, file: TextIO, name: str, size: int, notes: Notes) -> Iterator[Piece]:
    """JSON lines, or one array of objects; the first piece settles which columns there are."""
    if squad.looks(head):
        records = squad.rows(_array(file, name), name)
    else:
        records = _array(file, name) if head.lstrip(_BLANK).startswith("[") else _lines(file, notes)
    columns: list[str] | None = None
    while batch := list(islice(records, size)):
        numbers, objects = zip(*batch, strict=True)
        seen = list(dict.fromkeys(key for record in objects for key in record))
        columns = seen if columns is None else columns
        if late := set(seen) - set(columns):
            notes.once("late", sorted(late))
        cells = {column: [record.get(column) for record in objects] for column in columns}
        yield Piece(np.array(numbers, np.int64), cells)
    if columns is None:
        bad = f" (lines that are no JSON object: {notes.count('json')})" if notes.count("json") else ""
        raise TableError(
            f'{name} holds no rows{bad}: write each row as one line like {{"text": "...", "label": "..."}}.'
        )


def _lines(file: TextIO, notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if not line.strip(_BLANK):
            continue
        try:
            record = json.loads(line.strip(_BLANK))
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, str):
            record = {"text": record}
        if isinstance(record, dict):
            yield number, record
        else:
            notes.add("json", [number])


def _array(file: TextIO, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects of one array, decoded one at a time, so that the file need not fit in memory."""
    decode = json.JSONDecoder().raw_decode
    text, number, step = file.read(_STEP), 0, _STEP
    at = text.index("[") + 1
    while True:
        try:
            record, end = decode(text, _FILLING.match(text, at).end())  # type: ignore[union-attr]
            whole = end < len(text)  # a number could go on
        except (ValueError, RecursionError):
            if _END.match(text, at):
                return
            whole = False
        if not whole:
            more = file.read(step)
            if not more:
                raise TableError(f"{name} is damaged or cut short after element {number}: get a fresh copy of it.")
            text, at, step = text[at:] + more, 0, step * 2  # doubled: a very long element is not decoded too often
            continue
        at, step, number = end, _STEP, number + 1
        record = {"text": record} if isinstance(record, str) else record
        if not isinstance(record, dict):
            raise TableError(f"element {number} of {name} is no object: write each as {{column: cell}}.")
        yield number, record
