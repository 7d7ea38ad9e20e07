"""Cells: what a piece of a table is, and how its cells become clean text or labels. A leaf; knows no file."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from penna.data import python_literals, word_offsets
from penna.data.readers.read_notes import Notes
from penna.data.table import Index, Objects
from penna.errors import TableError

_SURROGATE = re.compile("[\ud800-\udfff]")
T = TypeVar("T")
_MOST_LETTERS = 1 << 26  # in a batch of rows
_LONGEST_NAME = 500  # characters that a column is called by
#: How a list of strings begins.
_LISTED = re.compile(r"\s*\[\s*(['\"]|np\.str_)")


@dataclass(frozen=True)
class Piece:
    """Some rows of a source: their numbers (the first data row is 1) and their cells by column, as they were found."""

    rows: Index
    columns: Mapping[str, Sequence[Any]]


def batches(rows: Iterator[T], size: int, letters: Callable[[T], int]) -> Iterator[list[T]]:
    """``size`` rows at a time, and fewer where they are long: 64 million ``letters`` together at most, or one row.

    >>> [len(batch) for batch in batches(iter(["a" * 50_000_000] * 3 + ["b"] * 3), 2, len)]
    [1, 1, 2, 2]
    """
    held, weight = list[T](), 0
    for row in rows:
        own = letters(row)
        if held and (len(held) == size or weight + own > _MOST_LETTERS):
            yield held
            held, weight = [], 0
        held.append(row)
        weight += own
    if held:
        yield held


def named(header: Sequence[Any], notes: Notes) -> list[str]:
    """Column names that are neither empty nor repeated.

    >>> named(["text", "", "text"], Notes())
    ['text', 'column_2', 'text_2']
    """
    cleaned = [_repaired(str(name)).replace("\0", " ").strip()[:_LONGEST_NAME].strip() for name in header]
    taken, seen, out = set(cleaned), Counter[str](), []
    for place, name in enumerate(cleaned, 1):
        seen[name] += 1
        new = name if name and seen[name] == 1 else f"{name or 'column'}_{seen[name] if name else place}"
        while new != name and new in taken:
            new += "_"
        if new != name:
            taken.add(new)
            notes.add("columns", [new])
        out.append(new)
    return out


def plain(cells: Sequence[Any], rows: Index, notes: Notes) -> Sequence[Any]:
    """Return the cells, with NUL characters and stray bytes repaired in those that are text."""
    try:
        together = "\n".join(cells)
        together.encode()
        if "\0" not in together and not (notes.replacing and "\ufffd" in together):
            return cells
    except (TypeError, UnicodeEncodeError):
        pass  # some cell is not a string, or holds what cannot be encoded: look at each
    return [_plain(cell, row, notes) if isinstance(cell, str) else cell for cell, row in zip(cells, rows, strict=True)]


def _plain(cell: str, row: int, notes: Notes) -> str:
    if "\0" in cell:
        notes.add("nul", [int(row)])
        cell = cell.replace("\0", " ")
    if notes.replacing and "\ufffd" in cell:
        notes.add("replaced", [row])
    if not cell.isascii() and _SURROGATE.search(cell):
        notes.add("bytes", [int(row)])
        cell = _repaired(cell)
    return cell


def _repaired(text: str) -> str:
    """Undecodable bytes (lone surrogates, PEP 383) as Windows-1252; other lone surrogates as U+FFFD."""
    return _SURROGATE.sub(lambda found: _one(ord(found[0])), text)


def _one(code: int) -> str:
    return bytes([code - 0xDC00]).decode("cp1252", "replace") if 0xDC80 <= code <= 0xDCFF else "\ufffd"


def texts(cells: Sequence[Any], rows: Index, notes: Notes) -> Objects:
    """(n,) object array of str: missing cells are "", other values are written out and noted."""
    out = np.empty(len(cells), dtype=object)
    if set(map(type, cells)) <= {str}:
        sentences = _sentences(cells)
        out[:] = cells if sentences is None else sentences
        return out
    listed = all(isinstance(cell, list | tuple) or missing(cell) for cell in cells)  # sentences, cut into words
    for i, cell in enumerate(cells):
        out[i] = "" if missing(cell) else str(cell) if isinstance(cell, str) else _written(cell)
        if not isinstance(cell, str) and not missing(cell) and not listed:
            notes.add("cells", [int(rows[i])])
    return out


def _sentences(cells: Sequence[str]) -> list[str] | None:
    """Cells that are all lists of words, written as JSON or as Python does (``to_csv``), as texts; None of others."""
    first = next((cell for cell in cells if cell), "")
    if not _LISTED.match(first):
        return None
    found = []
    for cell in cells:
        words = listed(cell) if cell else []
        if words is None:
            return None
        found.append(word_offsets.joined(words))
    return found


def listed(cell: str) -> list[str] | None:
    """Return the strings of a list that was written out as JSON or as Python does; None of anything else.

    >>> listed('["Ann", "left"]'), listed("['Ann', 'left']"), listed("[1990]")
    (['Ann', 'left'], ['Ann', 'left'], None)
    """
    if not _LISTED.match(cell):
        return None
    found = python_literals.parsed(cell)
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def missing(cell: Any) -> bool:
    """None, NaN, NaT and pandas' NA."""
    return cell is None or (isinstance(cell, float) and cell != cell) or type(cell).__name__ in ("NAType", "NaTType")


def _written(cell: Any) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, list | tuple) and all(isinstance(part, str) for part in cell):
        return word_offsets.joined(cell)
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, ensure_ascii=False, default=_simpler)
    return str(cell)


def _simpler(cell: Any) -> Any:
    """Return what JSON has no word for: arrays as lists, all else as text."""
    return cell.tolist() if isinstance(cell, np.ndarray | np.generic) else str(cell)


def labels(cells: Sequence[Any], rows: Index, typed: bool, column: str) -> Objects:
    """(n,) object array of str, bool, int or float, or tuples of those; None where missing.

    Not ``typed`` (files): all str, stripped.
    """
    kept: dict[Any, Any] = {}  # one object for equal labels: a million of them cost pointers only
    out = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        if type(cell) is str and cell in kept:
            out[i] = kept[cell]
            continue
        named = _named_labels(cell)
        label = None if missing(cell) else _label(cell if named is None else named, int(rows[i]), column)
        if not typed and label is not None:
            label = tuple(map(_stripped, label)) if isinstance(label, tuple) else _stripped(label) or None
        out[i] = label
        if type(cell) is str:
            kept[cell] = label
    return out


def _named_labels(cell: Any) -> Any:
    """Return the labels of a cell that is a dict of them, as spaCy (``cats``) and Label Studio write it.

    None of others.
    """
    if type(cell) is str and cell[:1] == "{":
        cell = python_literals.parsed(cell)
    if not isinstance(cell, dict) or not cell:
        return None
    if cell.keys() == {"choices"} and isinstance(cell["choices"], list | tuple | np.ndarray):
        chosen = list(cell["choices"])
    elif all(isinstance(share, bool | int | float) and 0 <= share <= 1 for share in cell.values()):
        chosen = [name for name, share in cell.items() if share >= 0.5]
    else:
        return None
    return chosen[0] if len(chosen) == 1 else chosen


def _stripped(label: Any) -> Any:
    return label if label is None or isinstance(label, tuple) else str(label).strip()


def _label(cell: Any, row: int, column: str) -> Any:
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, set | frozenset):  # a set has no order
        cell = sorted(cell, key=str)
    if isinstance(cell, list | tuple | np.ndarray):
        return tuple(None if missing(part) else _part(part, row, column) for part in cell)
    if isinstance(cell, dict) and "text" in cell:  # answers to a question, as one dict
        return _part(cell, row, column)
    if isinstance(cell, dict):
        raise TableError(f"column {column!r} holds a dict in row {row}: give labels, or lists of them.")
    if isinstance(cell, str):
        return str(cell)
    return cell if isinstance(cell, bool | int | float) else str(cell)


def _part(part: Any, row: int, column: str) -> Any:
    """One of several in a cell; what has names of its own, such as the ends of a span, stays written down."""
    return (
        json.dumps(part, ensure_ascii=False, default=_simpler) if isinstance(part, dict) else _label(part, row, column)
    )
