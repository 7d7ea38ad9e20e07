"""Read Parquet. Sizes that the file states are checked before anything is read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from penna import extras
from penna.data.readers.cells import Piece, named
from penna.data.readers.format_options import INFERRED, Form
from penna.data.readers.open_file import in_memory
from penna.data.readers.read_notes import Notes
from penna.data.readers.size_limits import MOST_COLUMNS, as_size, too_wide
from penna.errors import TableError

if TYPE_CHECKING:
    import pyarrow

_PIECE_BYTES = 1 << 26  # per batch, by the sizes that the file states


def pieces(file: BinaryIO, name: str, size: int, notes: Notes, form: Form = INFERRED) -> Iterator[Piece]:
    """Yield row groups in batches; a source without seek is read whole into memory."""
    extras.require("tables", "reading Parquet files")
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(
            file if file.seekable() else in_memory(file, name), page_checksum_verification=True
        )
        header, start = named(_names(table, name, form), notes), 1
        for batch in table.iter_batches(batch_size=_rows(table, size)):
            batch.validate()
            numbers = np.arange(start, start + batch.num_rows, dtype=np.int64)
            columns = zip(header, batch.columns, strict=True)
            yield Piece(numbers, {column: _cells(cells, column, name) for column, cells in columns})
            start += batch.num_rows
        if start == 1:
            yield Piece(np.zeros(0, np.int64), {column: [] for column in header})
    except TableError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).split("\n")[0][:120]
        raise TableError(f"{name} is damaged or truncated ({reason}): get a fresh copy of it.") from error


def _names(table: Any, name: str, form: Form) -> list[str]:
    """Return the columns. Raises TableError for too many, or if the file would expand beyond its limit."""
    facts = table.metadata
    if facts.num_columns > MOST_COLUMNS:
        raise too_wide(name)
    whole = sum(facts.row_group(at).total_byte_size for at in range(facts.num_row_groups))
    if whole > form.max_expanded:
        raise TableError(
            f"{name} expands to more than {as_size(form.max_expanded)}: take a part of it, or raise --max-expanded."
        )
    return list(table.schema_arrow.names)


def _rows(table: Any, size: int) -> int:
    """Return how many rows to read at once, so that a batch of long cells fits in memory."""
    groups = [table.metadata.row_group(at) for at in range(table.metadata.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return int(max(1, min(size, _PIECE_BYTES // max(widest, 1))))


def _cells(column: "pyarrow.Array", header: str, name: str) -> list[Any]:
    """Convert cells to Python objects. Raises TableError for text that is not UTF-8; writers of Parquet leave none."""
    import pyarrow

    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        raise TableError(
            f"{name} is damaged: column {header!r} holds text that is not UTF-8; get a fresh copy of it."
        ) from None
    except (ValueError, OverflowError):  # times that Python's own types cannot hold
        values = column.cast(pyarrow.string()).to_pylist()
    return values
