"""Parallel text files: one file per column, named by its suffix (news.en next to news.de). Line n of each is row n.

Only the end of a line ends a cell, so quotes and commas are text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from penna.data.readers import conll
from penna.data.readers.cells import Piece
from penna.data.readers.charset import decoded
from penna.data.readers.format_options import INFERRED, Form
from penna.data.readers.open_file import opened
from penna.data.readers.read_notes import Notes
from penna.environment import expanded
from penna.errors import TableError

#: Column -> its file.
Files = Mapping[str, Path]
_PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
#: Suffixes of files that hold a whole table.
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", *conll.SUFFIXES)


def found(source: Any, text: Sequence[str], others: Sequence[str] = ()) -> Files | None:
    """Return the files of these columns, or None if ``source`` names no such files.

    ``source`` is their common prefix, or the whole name of the first text's file. Raises TableError if only some of
    them exist.
    """
    if not isinstance(source, str | Path) or not text or str(source) in ("", "-") or "\0" in str(source):
        return None
    try:
        path = expanded(source)
        start = _without(path, text[0]) if path.is_file() else path
        if start is None:
            return None
        files = {name: file for name in (*text, *others) if (file := _beside(start, name)) is not None}
    except (OSError, RuntimeError, ValueError):  # too long for a path; no such home; no name at all
        return None
    if len(files) == len(text) + len(others):
        return files
    if not files:
        return None
    lacking = next(name for name in (*text, *others) if name not in files)
    raise TableError(
        f"there is {next(iter(files.values()))}, but no {start.name}.{lacking} next to it: pass a file for "
        "each column, with one text per line, or one table with named columns."
    )


def _without(path: Path, name: str) -> Path | None:
    """Return the common prefix of the files, if this is the file of column ``name``."""
    for packing in _PACKED:
        ending = f".{name}{packing}"
        if path.name.endswith(ending) and f".{name}" not in _TABLES:
            return path.with_name(path.name.removesuffix(ending))
    return None


def _beside(start: Path, name: str) -> Path | None:
    tried = (start.with_name(f"{start.name}.{name}{packing}") for packing in _PACKED)
    return next((file for file in tried if f".{name}" not in _TABLES and file.is_file()), None)


def pieces(files: Files, size: int, notes: Notes, form: Form = INFERRED) -> Iterator[Piece]:
    """Yield ``size`` rows at a time. Raises TableError if files differ in length."""
    sides = {name: _texts(file, notes, form) for name, file in files.items()}
    done = 0
    while True:
        columns = {name: list(islice(side, size)) for name, side in sides.items()}
        rows = {name: len(cells) for name, cells in columns.items()}
        if len(set(rows.values())) > 1:
            raise TableError(_unequal(files, {name: done + rows[name] + sum(1 for _ in sides[name]) for name in files}))
        count = next(iter(rows.values()))
        if count or not done:
            yield Piece(np.arange(done + 1, done + count + 1, dtype=np.int64), columns)
        if count < size:
            return
        done += count


def _unequal(files: Files, counts: Mapping[str, int]) -> str:
    counted = " and ".join(f"{files[name]} has {count:,}" for name, count in counts.items())
    return f"{counted} lines, but line n of each must belong together: add missing lines, or drop their counterparts."


def _texts(path: Path, notes: Notes, form: Form) -> Iterator[str]:
    with opened(path, form.max_expanded) as file:
        yield from ended(decoded(file, notes, form.encoding)[1].by_lines())


def ended(file: Iterable[str]) -> Iterator[str]:
    """Yield each line without its end; a carriage return alone ends none."""
    held: list[str] = []
    for part in file:
        held.append(part)
        if part.endswith("\n"):
            yield "".join(held).removesuffix("\n").removesuffix("\r")
            held = []
    if held:
        yield "".join(held)
