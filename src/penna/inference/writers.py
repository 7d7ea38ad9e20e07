"""Write columns as CSV, TSV, JSON lines or Parquet, chunk by chunk. Knows bytes and columns; never a model."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from penna import extras
from penna.errors import RunError, SettingError

Columns = Mapping[str, Sequence[Any]]
_FORMS = {
    "": "csv",
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
# What spreadsheets take for the beginning of a formula (OWASP, CSV Injection), in full width too.
_FORMULA = re.compile("[\ufeff\u200b\"'\u2018-\u201d \u00a0\u3000]*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20\u2212|%]")
_NUMBER = re.compile(r"\s*[+-]?(\d[\d.,]*|\.\d+)(e[+-]?\d+)?\s*%?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_PACKERS: dict[str, Any] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}


class Writer(Protocol):
    """Takes chunks of columns, all chunks with the same names."""

    def write(self, columns: Columns) -> None:
        """Write rows, given as columns."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def form_of(name: str) -> tuple[str, str]:
    """(form, suffix of the compression or "") of a file's name.

    >>> form_of("predictions.jsonl.gz")
    ('jsonl', '.gz')
    """
    path = Path(name)
    packing = path.suffix.lower() if path.suffix.lower() in _PACKERS else ""
    suffix = (Path(path.stem) if packing else path).suffix.lower()
    if suffix not in _FORMS or (packing and suffix == ".parquet"):
        raise SettingError(f"cannot write {path.name!r}: end its name in .csv, .tsv, .jsonl or .parquet.")
    return _FORMS[suffix], packing


def packed(file: BinaryIO, packing: str) -> BinaryIO:
    """Return the file, or one that compresses into it."""
    if packing == ".gz":
        return cast(BinaryIO, gzip.GzipFile("", "wb", 6, file, 0))
    return cast(BinaryIO, _PACKERS[packing](file, "wb")) if packing else file


def writer(file: BinaryIO, form: str, safe: bool = False) -> Writer:
    """Return a writer of this form; ``close`` ends the form, and leaves the file open. ``safe`` is for spreadsheets."""
    if form == "parquet":
        return _Parquet(file)
    return _Lines(file) if form == "jsonl" else _Delimited(file, "\t" if form == "tsv" else ",", safe)


class _Delimited:
    def __init__(self, file: BinaryIO, delimiter: str, safe: bool) -> None:
        self._file = file
        self._safe = safe
        self._delimiter = delimiter
        self._headed = False

    def write(self, columns: Columns) -> None:
        if self._safe:
            columns = _harmless(columns)
        text = io.StringIO(newline="")
        # Python 3.11 leaves a lone carriage return unquoted, and nothing could read that back.
        odd = any("\r" in cell for cells in columns.values() for cell in cells if isinstance(cell, str))
        rows = csv.writer(
            text,
            delimiter=self._delimiter,
            lineterminator="\n",
            quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL,
        )
        if not self._headed:
            rows.writerow(columns)
            self._headed = True
        rows.writerows(zip(*map(_flat, columns.values()), strict=True))
        self._file.write(text.getvalue().encode("utf-8", "replace"))

    def close(self) -> None:
        pass


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs: text that begins like a formula gets an apostrophe before it.

    A number does not.

    Quotes, blanks and a byte order mark before the beginning do not count, since spreadsheets drop them.

    >>> [harmless(cell) for cell in ("=1+1", " @SUM(A1)", "-2.5", "fine", -1.5)]
    ["'=1+1", "' @SUM(A1)", '-2.5', 'fine', -1.5]
    """
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def _harmless(columns: Columns) -> Columns:
    return {harmless(name): [*map(harmless, _flat(cells))] for name, cells in columns.items()}


def _flat(cells: Sequence[Any]) -> Sequence[Any]:
    """Cells without lists: those are written as JSON."""
    if not any(isinstance(cell, list | tuple | dict) for cell in cells):
        return cells
    return [json.dumps(c, ensure_ascii=False) if isinstance(c, list | tuple | dict) else c for c in cells]


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, columns: Columns) -> None:
        names = list(columns)
        lines = [_line(dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        lines.append("")
        self._file.write("\n".join(lines).encode("utf-8", "replace"))

    def close(self) -> None:
        pass


def _line(record: dict[str, Any]) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:  # JSON knows no NaN
        kept = {name: None if isinstance(cell, float) and cell - cell != 0 else cell for name, cell in record.items()}
        return json.dumps(kept, ensure_ascii=False, default=str)


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        extras.require("tables", "writing Parquet files")
        self._file = file
        self._writer: Any = None

    def write(self, columns: Columns) -> None:
        import pyarrow
        import pyarrow.parquet

        try:
            if self._writer is None:
                table = pyarrow.table({name: _arrow(cells) for name, cells in columns.items()})
                self._writer = pyarrow.parquet.ParquetWriter(self._file, table.schema)
            else:
                table = pyarrow.table(dict(columns), schema=self._writer.schema)
        except (pyarrow.ArrowException, TypeError, OverflowError) as error:
            raise RunError(f"a column changes its type, which Parquet cannot hold ({error}): write .jsonl.") from error
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _arrow(cells: Sequence[Any]) -> Any:
    """Return a column whose type is settled by these cells: text where they are empty, or of several types."""
    import pyarrow

    try:
        array = pyarrow.array(cells, from_pandas=True)
    except (pyarrow.ArrowException, TypeError, OverflowError):
        return pyarrow.array([None if cell is None else str(cell) for cell in cells], pyarrow.string())
    return array.cast(pyarrow.string()) if pyarrow.types.is_null(array.type) else array
