"""Name the columns of a delimited file: by its first line, or by position if that is a row."""

import re
from collections.abc import Collection, Sequence

from penna.data.readers.cells import named
from penna.data.readers.column_roles import USUAL_TARGETS, is_number, like_text
from penna.data.readers.header import Verdict, judged
from penna.data.readers.read_notes import Notes
from penna.data.readers.source_options import SourceOptions
from penna.errors import TableError

_BY_PLACE = re.compile(r"column_[1-9][0-9]*")
_SHOWN = 5  # columns in a message
_CELL = 40  # characters of a cell in a message


def names_of(
    records: Sequence[Sequence[str]], width: int, name: str, notes: Notes, options: SourceOptions
) -> list[str] | None:
    """Return the names of ``width`` columns, or None if the first line holds them.

    Raises TableError if the first line is a row and the caller needs columns by name.
    """
    if options.form.header is True or not records:
        return None
    first = named(records[0], Notes())
    if options.form.header is None and any(column in first for column in options.names):
        return None
    verdict = judged(records)
    usual = options.target and not options.roles and any(column.casefold() in USUAL_TARGETS for column in first)
    if options.form.header is None and _is_read(verdict, usual, options):
        if not verdict.sure and not usual:
            notes.say("header", _told(verdict, name))
        return None
    if options.form.header is None and not _by_place(options.names):
        if options.target or (options.served and width > 1):
            raise TableError(_refused(verdict, records, name, options))
        notes.say("header", _told(verdict, name))
    elif options.form.header is None:
        notes.say("header", f"{name} has no header: its columns are named by position.")
    return [options.text[0]] if options.served and width == 1 else [f"column_{place}" for place in range(1, width + 1)]


def _is_read(verdict: Verdict, usual: bool, options: SourceOptions) -> bool:
    """Return whether the first line holds names; ``usual``: one of them is a common name of a target."""
    if _by_place(options.names):  # a table without names
        return verdict.names and verdict.sure
    return verdict.names or (usual and not verdict.sure)


def _by_place(names: Collection[str]) -> bool:
    return bool(names) and all(map(_BY_PLACE.fullmatch, names))


def _told(verdict: Verdict, name: str) -> str:
    what = f"the first line of {name} was read as {'a header' if verdict.names else 'a row'}"
    other = "--no-header if it is a row" if verdict.names else "--header if it names the columns"
    return f"{what} ({short(verdict.cell)!r} {verdict.why}): pass {other}."


def _refused(verdict: Verdict, records: Sequence[Sequence[str]], name: str, options: SourceOptions) -> str:
    even = [record for record in records if len(record) == len(records[0])]
    columns = {f"column_{at}": cells for at, cells in enumerate(zip(*even, strict=True), 1)}
    seeming = [f"{column} ({_kind(cells)} such as {_example(cells)!r})" for column, cells in columns.items()]
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    lacking = f" with {', '.join(map(repr, options.names))}" if options.names else ""
    target = "" if options.roles or not options.target else ", and name the target (--target)"
    return (
        f"the first line of {name} looks like a row, not like a header ({short(verdict.cell)!r} "
        f"{verdict.why}): add a header{lacking}, or pass --no-header, which calls the columns "
        f"{', '.join(seeming[:_SHOWN])}{more}{target}; pass --header if the line does name them."
    )


def _kind(cells: Sequence[str]) -> str:
    """Return what a column seems to hold."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if filled and all(map(is_number, filled)):
        return "numbers"
    if filled and like_text(filled, 2.5, 25):
        return "texts"
    return "labels" if len(set(filled)) < len(filled) else "cells"


def _example(cells: Sequence[str]) -> str:
    return short(next((cell for cell in cells if cell.strip()), "").strip())


def short(cell: str) -> str:
    """Return a cell shortened for messages."""
    return cell if len(cell) <= _CELL else cell[: _CELL - 1] + "…"
