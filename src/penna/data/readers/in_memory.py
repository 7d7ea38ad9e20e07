"""Tables in memory: DataFrame, Series, lists and arrays, as pieces like those of a file."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from penna.data import word_offsets
from penna.data.readers import json_formats, multi_targets
from penna.data.readers.cells import Piece, named
from penna.data.readers.read_notes import Notes
from penna.errors import TableError


def in_memory(source: Any) -> bool:
    """Return whether this is rows, and not a path or a stream."""
    return not isinstance(source, str | bytes) and not hasattr(source, "read") and not hasattr(source, "__fspath__")


def sentences(source: Any, y: Any = None) -> Any:
    """Join lists of words to texts, if ``y`` has a list of as many tags for each; return anything else unchanged."""
    if not isinstance(source, list | tuple) or not isinstance(y, list | tuple) or len(source) != len(y) or not y:
        return source
    if not all(map(words_of, source)) or not all(isinstance(row, list | tuple) for row in y):
        return source
    equal = sum(len(a) == len(b) for a, b in zip(source, y, strict=True))
    # Rows of a table have equal lengths. Among sentences of different lengths, a few may lack a tag.
    tagged = equal == len(y) or (2 * equal >= len(y) and len(set(map(len, source))) > 1)
    return [word_offsets.joined(list(row)) for row in source] if tagged else source


def words_of(row: Any) -> bool:
    """Return whether a row is a list of words."""
    return isinstance(row, list | tuple) and all(isinstance(word, str) for word in row)


def pieces(source: Any, size: int, notes: Notes) -> Iterator[Piece]:
    """Yield ``size`` rows at a time; one empty piece if there are none."""
    columns = _columns(source, notes)
    total = len(next(iter(columns.values()), ()))
    for start in range(0, total, size) if total else [0]:
        stop = min(start + size, total)
        cells = {name: _cut(column, start, stop) for name, column in columns.items()}
        yield Piece(np.arange(start + 1, stop + 1, dtype=np.int64), cells)


def _cut(cells: Any, start: int, stop: int) -> Sequence[Any]:
    part = cells.iloc[start:stop] if hasattr(cells, "iloc") else cells[start:stop]
    out: Sequence[Any] = part.tolist() if hasattr(part, "tolist") else list(part)
    return out


def _columns(source: Any, notes: Notes) -> Mapping[str, Any]:
    """Return column name -> cells that can be sliced."""
    pandas = sys.modules.get("pandas")  # whoever passes a DataFrame has imported pandas
    if pandas is not None and isinstance(source, pandas.DataFrame):
        names = ["_".join(map(str, name)) if isinstance(name, tuple) else name for name in source.columns]
        return {name: source.iloc[:, i] for i, name in enumerate(named(names, notes))}
    if pandas is not None and isinstance(source, pandas.Series):
        return {"text" if source.name is None else str(source.name): source}
    if hasattr(source, "toarray"):
        raise TableError("a sparse matrix holds numbers, not texts: pass the texts themselves.")
    if isinstance(source, np.ndarray):
        return _array(source, notes)
    if isinstance(source, Sequence):
        return _rows(source, notes)
    raise TableError(f"a {type(source).__name__} is no table: pass a path, a DataFrame, or a list of texts.")


def _array(source: "np.ndarray[Any, Any]", notes: Notes) -> Mapping[str, Any]:
    if source.ndim == 1 and source.dtype == object:
        return _rows(source.tolist(), notes)
    if source.ndim not in (1, 2):
        raise TableError(f"an array of {source.ndim} dimensions is no table: pass one text for each row.")
    if source.dtype.kind not in "OUST":
        raise TableError(f"an array of {source.dtype} holds no texts: pass strings, or name columns of a DataFrame.")
    return {"text": source} if source.ndim == 1 else _by_place(list(source.T))


def _rows(source: Sequence[Any], notes: Notes) -> Mapping[str, Any]:
    """Return the columns of a list of texts, of lists of cells, of dicts, or of records as tools export them."""
    source = _of_form(source, notes)
    first = next((row for row in source if row is not None), None)
    if isinstance(first, dict):
        if not all(isinstance(row, dict) for row in source):
            raise TableError("some rows are dicts and some are not: pass rows of one kind.")
        return {key: [row.get(key) for row in source] for key in dict.fromkeys(key for row in source for key in row)}
    if not isinstance(first, list | tuple | np.ndarray):
        return {"text": source}
    width = len(first)
    for number, row in enumerate(source, 1):
        if not isinstance(row, list | tuple | np.ndarray) or len(row) != width:
            raise TableError(f"row {number} does not have {width} cells like the rows before it: correct or drop it.")
    return _by_place([list(cells) for cells in zip(*source, strict=True)])


def _of_form(source: Sequence[Any], notes: Notes) -> Sequence[Any]:
    """Return the rows of records in a known JSON format (``json_formats``); anything else unchanged."""
    if not len(source) or json_formats.rows(source[0], 1, "the table", Notes()) is None:
        return source
    rows = list[Any]()
    for number, record in enumerate(source, 1):
        converted = json_formats.rows(record, number, "the table", notes)
        rows += [record] if converted is None else converted
    json_formats.settled([row for row in rows if isinstance(row, dict)])
    return rows


def _by_place(columns: Sequence[Any]) -> Mapping[str, Any]:
    if not columns:
        raise TableError("the table has no columns: pass at least one text for each row.")
    return {"text": columns[0]} if len(columns) == 1 else {f"text_{i}": cells for i, cells in enumerate(columns, 1)}


def as_labels(y: Any, rows: int) -> tuple[str, list[Any]]:
    """Return (name, labels) from labels passed next to the texts. A matrix of 0 and 1 becomes tuples of labels.

    Raises TableError unless there are ``rows`` of them.
    """
    name = getattr(y, "name", None)
    y = y.toarray() if hasattr(y, "toarray") else y
    if (several := multi_targets.of_matrix(y)) is not None:
        y = several
    cells = y if isinstance(y, list | tuple) else np.asarray(y, dtype=object if hasattr(y, "iloc") else None)
    if isinstance(cells, np.ndarray):
        if cells.ndim == 2 and cells.shape[1] == 1:
            cells = cells[:, 0]
        if cells.ndim != 1:
            raise TableError(f"the labels have {cells.ndim} dimensions: pass one label for each row.")
        cells = cells.tolist()
    if len(cells) != rows:
        raise TableError(f"there are {rows} rows, but {len(cells)} labels: pass one label for each row.")
    return (name if isinstance(name, str) and name else "target"), list(cells)
