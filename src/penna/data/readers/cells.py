"""Clean the cells of a table: text, labels and column names. Knows no file."""

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
_MOST_LETTERS = 1 << 26  # per batch of rows
_LONGEST_NAME = 500  # characters of a column name
#: The beginning of a list of strings.
_LISTED = re.compile(r"\s*\[\s*(['\"]|np\.str_)")


@dataclass(frozen=True)
class Piece:
    """Some rows of a source.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Row numbers; the first data row is 1.
    columns : mapping of str to sequence
        Column name -> cells as they were read.
    """

    rows: Index
    columns: Mapping[str, Sequence[Any]]


def batches(rows: Iterator[T], size: int, letters: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield ``size`` rows at a time, fewer if they are long: at most 64 million ``letters`` together, or one row.

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
    """Return column names that are neither empty nor repeated.

    >>> named(["text", "", "text"], Notes())
    ['text', 'column_2', 'text_2']
    """
    cleaned = [_repaired(str(name)).replace("\0", " ").strip()[:_LONGEST_NAME].strip() for name in header]
    reserved, seen, out = set(cleaned), Counter[str](), []
    for place, name in enumerate(cleaned, 1):
        seen[name] += 1
        new = name if name and seen[name] == 1 else f"{name or 'column'}_{seen[name] if name else place}"
        while new != name and new in reserved:
            new += "_"
        if new != name:
            reserved.add(new)
            notes.add("columns", [new])
        out.append(new)
    return out


def plain(cells: Sequence[Any], rows: Index, notes: Notes) -> Sequence[Any]:
    """Repair NUL characters and stray bytes in cells that are text."""
    try:
        together = "\n".join(cells)
        together.encode()
        if "\0" not in together and not (notes.replacing and "\ufffd" in together):
            return cells
    except (TypeError, UnicodeEncodeError):
        pass  # some cell is not a string, or cannot be encoded: look at each
    return [_plain(cell, row, notes) if isinstance(cell, str) else cell for cell, row in zip(cells, rows, strict=True)]


def _plain(cell: str, row: int, notes: Notes) -> str:
    """Repair one text cell and note the repair."""
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
    """Decode stray bytes (lone surrogates, PEP 383) as Windows-1252; replace other lone surrogates by U+FFFD."""
    return _SURROGATE.sub(lambda found: _one(ord(found[0])), text)


def _one(code: int) -> str:
    return bytes([code - 0xDC00]).decode("cp1252", "replace") if 0xDC80 <= code <= 0xDCFF else "\ufffd"


def texts(cells: Sequence[Any], rows: Index, notes: Notes) -> Objects:
    """Return the cells as strings, (n,) object. Missing cells are "", other values are written out and noted."""
    out = np.empty(len(cells), dtype=object)
    if set(map(type, cells)) <= {str}:
        sentences = _sentences(cells)
        out[:] = cells if sentences is None else sentences
        return out
    listed = all(isinstance(cell, list | tuple) or missing(cell) for cell in cells)  # sentences as lists of words
    for i, cell in enumerate(cells):
        out[i] = "" if missing(cell) else str(cell) if isinstance(cell, str) else _written(cell)
        if not isinstance(cell, str) and not missing(cell) and not listed:
            notes.add("cells", [int(rows[i])])
    return out


def _sentences(cells: Sequence[str]) -> list[str] | None:
    """Return the texts if all cells are written lists of words (JSON, or Python's ``to_csv``), else None."""
    first = next((cell for cell in cells if cell), "")
    if not _LISTED.match(first):
        return None
    sentences = []
    for cell in cells:
        words = listed(cell) if cell else []
        if words is None:
            return None
        sentences.append(word_offsets.joined(words))
    return sentences


def listed(cell: str) -> list[str] | None:
    """Return the strings of a list that is written as JSON or Python, or None.

    >>> listed('["Ann", "left"]'), listed("['Ann', 'left']"), listed("[1990]")
    (['Ann', 'left'], ['Ann', 'left'], None)
    """
    if not _LISTED.match(cell):
        return None
    value = python_literals.parsed(cell)
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None


def missing(cell: Any) -> bool:
    """Return whether a cell is None, NaN, NaT or pandas' NA."""
    return cell is None or (isinstance(cell, float) and cell != cell) or type(cell).__name__ in ("NAType", "NaTType")


def _written(cell: Any) -> str:
    """Write out a cell that is not a string."""
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
    """Convert a value that JSON lacks: arrays to lists, anything else to text."""
    return cell.tolist() if isinstance(cell, np.ndarray | np.generic) else str(cell)


def labels(cells: Sequence[Any], rows: Index, typed: bool, column: str) -> Objects:
    """Return the labels, (n,) object: str, bool, int, float, or tuples of those; None if missing.

    If not ``typed`` (files), labels are stripped strings.
    """
    cache: dict[Any, Any] = {}  # one object for equal labels: a million of them cost pointers only
    out = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        if type(cell) is str and cell in cache:
            out[i] = cache[cell]
            continue
        named = _named_labels(cell)
        label = None if missing(cell) else _label(cell if named is None else named, int(rows[i]), column)
        if not typed and label is not None:
            label = tuple(map(_stripped, label)) if isinstance(label, tuple) else _stripped(label) or None
        out[i] = label
        if type(cell) is str:
            cache[cell] = label
    return out


def _named_labels(cell: Any) -> Any:
    """Return the labels of a cell that is a dict of them, as spaCy (``cats``) and Label Studio write it.

    Return None for any other cell.
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
    """Convert one cell to a label, or to a tuple of labels."""
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
        raise TableError(f"column {column!r} holds a dict in row {row}: pass labels, or lists of labels.")
    if isinstance(cell, str):
        return str(cell)
    return cell if isinstance(cell, bool | int | float) else str(cell)


def _part(part: Any, row: int, column: str) -> Any:
    """Convert one of several labels in a cell. A dict, such as the ends of a span, is written as JSON."""
    return (
        json.dumps(part, ensure_ascii=False, default=_simpler) if isinstance(part, dict) else _label(part, row, column)
    )
