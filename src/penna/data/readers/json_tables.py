"""Find the table in one JSON object: a list of rows under a key, lists or objects by column, or rows by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from penna.data.readers import json_formats
from penna.data.readers.json_formats import spacy
from penna.data.readers.read_notes import Notes
from penna.errors import TableError

#: Keys that give an object a text of its own: it is then a row.
_TEXTS = {
    "text", "tokens", "words", "sentence", "context", "question", "content", "body", "document", "review", "comment",
    "message", "utterance", "query", "premise",
}  # fmt: skip
_WORDS = {"tokens", "words"}
#: Keys that hold the list of rows if each of several objects has such a list.
_PAGES = {"data", "rows", "records", "items", "examples", "instances", "results"}
#: Keys that mark a part of a text, which is no row.
_MARKS = {"start", "start_offset", "answer_start", "begin"}


def unpacked(value: dict[str, Any], name: str, notes: Notes, by_column: bool = True) -> list[Any]:
    """Return the records of an object that is the whole file; the object itself if it is one row.

    ``by_column``: whether lists of equal length may be columns. Raises TableError if several lists could be the rows.

    >>> unpacked({"version": "1.0", "data": [{"text": "a"}, {"text": "b"}]}, "a.json", Notes())
    [{'text': 'a'}, {'text': 'b'}]
    >>> unpacked({"text": ["a", "b"], "label": ["x", "y"]}, "a.json", Notes())
    [{'text': 'a', 'label': 'x'}, {'text': 'b', 'label': 'y'}]
    """
    if json_formats.rows(value, 1, name, Notes()) is not None or _is_row(value):
        return [value]
    if (split := _split(value)) is not None:
        return split
    held = [key for key, cell in value.items() if of_records(cell)]
    if held:
        refuse_several(held, name)
        notes.around(held[0], [key for key in value if key != held[0]])
        return list(value[held[0]])
    inner = [key for key, cell in value.items() if _holds(cell)]
    if len(inner) == 1:
        if len(value) > 1:
            notes.around(inner[0], [key for key in value if key != inner[0]])
        return unpacked(value[inner[0]], f"{inner[0]!r} of {name}", notes, by_column)
    if value and all(isinstance(cell, dict) and cell for cell in value.values()):
        return _by_name(value)
    if by_column and len(value) > 1 and all(isinstance(cell, list) for cell in value.values()):
        return _by_column(value, name)
    return [value]


def refuse_several(keys: Sequence[str], name: str) -> None:
    """Raise TableError for more than one list of rows."""
    if len(keys) > 1:
        listed = ", ".join(map(repr, keys[:10]))
        raise TableError(
            f"{name} holds several lists of rows ({listed}): write the one to read into a file of its own."
        )


def page(value: dict[str, Any]) -> str | None:
    """Return the key of the list of rows that each of several objects has next to plain cells, or None."""
    keys = [key for key, cell in value.items() if isinstance(cell, list) and of_records(cell)]
    if not keys:
        return None
    plain = all(not isinstance(cell, list | dict) for key, cell in value.items() if key not in keys)
    return keys[0] if len(keys) == 1 and keys[0] in _PAGES and plain and not _has_text(value) else None


def of_records(cell: Any) -> bool:
    """Return whether a value is a list of rows, and not of annotations in a text."""
    if not isinstance(cell, list) or not cell:
        return False
    return all(isinstance(one, dict) and _MARKS.isdisjoint(one) for one in cell) or all(map(spacy.pair, cell))


def _holds(cell: Any, depth: int = 8) -> bool:
    """Return whether an object holds a list of rows at any depth."""
    if not isinstance(cell, dict) or not depth:
        return False
    return any(of_records(one) or _holds(one, depth - 1) for one in cell.values())


def of_lists(cell: Any) -> bool:
    """Return whether a list holds rows, or lists of them, and is not one row itself."""
    if not isinstance(cell, list) or not cell or spacy.pair(cell):
        return False
    return all(isinstance(one, dict) or spacy.pair(one) or of_lists(one) for one in cell)


def _is_row(value: Mapping[str, Any]) -> bool:
    """Return whether an object has a text of its own. Lists of texts are columns; lists of words are not."""
    if not _WORDS.isdisjoint(value):
        return True
    return _has_text(value) and not all(isinstance(cell, list | dict) for cell in value.values())


def _has_text(value: Mapping[str, Any]) -> bool:
    """Return whether an object names a text, or words, of its own."""
    return any(key.casefold() in _TEXTS and isinstance(cell, str | list) for key, cell in value.items())


def _split(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Read column names and lists of cells, as in pandas' orient "split"."""
    columns, data = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(data, list):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        return None
    return [dict(zip(map(str, columns), row, strict=True)) for row in data]


def _by_name(value: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read rows by name, or columns of cells by row name. Row names are numbers, or outnumber the columns."""
    outer, inner = list(value), list(dict.fromkeys(key for cell in value.values() for key in cell))
    numbered, numbers = (all(key.isdecimal() for key in keys) for keys in (outer, inner))
    if (numbers and not numbered) or (numbers == numbered and len(inner) > len(outer)):
        return [_named(row, {key: value[key].get(row) for key in outer}, numbers) for row in inner]
    return [_named(row, dict(value[row]), numbered) for row in outer]


def _named(name: str, row: dict[str, Any], number: bool) -> dict[str, Any]:
    """Return the row, with its name if that is informative."""
    return row if number else {"id" if "id" not in row else "name": name, **row}


def _by_column(value: Mapping[str, list[Any]], name: str) -> list[Any]:
    lengths = {key: len(cells) for key, cells in value.items()}
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{key!r} {length:,}" for key, length in list(lengths.items())[:10])
        raise TableError(f"the columns of {name} differ in length ({counted}): every row needs a cell in every column.")
    return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
