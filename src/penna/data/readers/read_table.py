"""Read files, streams and tables in memory into a Table, with findings on oddities. The only door for rows."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from penna.data.readers import (
    conll,
    csv,
    fasttext,
    in_memory,
    json_rows,
    multi_targets,
    one_word_rows,
    pair_columns,
    parallel_lines,
    parquet,
)
from penna.data.readers.cells import Piece, labels, plain, texts
from penna.data.readers.charset import decoded
from penna.data.readers.column_roles import demand, infer_roles
from penna.data.readers.format_options import INFERRED, Form
from penna.data.readers.open_file import OpenedFile, name_of, opened
from penna.data.readers.read_notes import Notes
from penna.data.readers.source_options import SourceOptions
from penna.data.table import Finding, Index, Objects, Table
from penna.errors import TableError

__all__ = ["INFERRED", "Chunk", "Form", "infer_roles", "listed_pairs", "named", "read", "stream"]

_PIECE = 20_000
#: An object, arrays of objects, or lists that begin with a string.
_JSON = re.compile(r'[\s\ufeff]*((\[\s*)*\{\s*["}]|(\[\s*)+"([^"\\\n]|\\.)*"\s*[,\]])')


@dataclass(frozen=True)
class Chunk:
    """Some rows for prediction: the table for the model, and the cells of all columns for the output."""

    table: Table
    columns: tuple[str, ...]
    cells: Mapping[str, Sequence[Any]]


def read(
    source: Any,
    *,
    text: Sequence[str] | None = None,
    text_pair: str | None = None,
    target: str | Sequence[str] | None = None,
    group: str | None = None,
    y: Any = None,
    need_target: bool = True,
    apart: Sequence[str] = (),
    others: Sequence[str] | None = (),
    separator: str | None = None,
    form: Form = INFERRED,
    tag_names: Sequence[str] | None = None,
) -> tuple[Table, list[Finding]]:
    """Read a whole source into a Table.

    Parameters
    ----------
    source : path, "-", binary stream, DataFrame, Series, list or array
        Files are CSV, TSV, JSON lines, JSON, Parquet, fastText or CoNLL columns, also compressed. A prefix of parallel
        text files (``parallel_lines``) works too. Lists hold strings, or lists of cells; arrays have up to two
        dimensions. Lists of words that each have a list of tags in ``y`` are texts.
    text, text_pair : optional
        Text columns, and the second text of a pair. If no text is named, pairs are detected by common names.
    target, group : optional
        The target column, or several columns of 0 and 1 that give tuples of their names; the group column.
    y : str or sequence, optional
        A column's name, or one label per row.
    need_target : bool
        Whether the source must have a target. Missing labels stay None.
    apart : sequence of str
        Columns that are no text.
    others : sequence of str, optional
        Columns without a role that are kept unchanged, if they exist. None keeps all; the table then needs no text.
    separator : str, optional
        The separator of several labels in a cell, if known.
    form : Form
        How to read the bytes of a file.
    tag_names : sequence of str, optional
        The names of tags that are whole numbers.

    Returns
    -------
    table : Table
    findings : list of Finding
        Oddities of the source.

    Raises
    ------
    TableError
        If the source cannot be read, or lacks a named column.

    >>> table, findings = read(["what a film", "never again"], y=["good", "bad"])
    >>> len(table), table.target.tolist(), findings
    (2, ['good', 'bad'], [])
    """
    notes = Notes()
    source = in_memory.sentences(source, y)
    target, labels = (y, None) if isinstance(y, str) else (target, y)
    demanded = need_target and labels is None
    name, typed = name_of(source), in_memory.in_memory(source)
    served = not need_target and y is None and text is not None
    options = SourceOptions(_asked(text, text_pair), _asked(target, group), tuple(apart), demanded, form, served)
    with _pieces(source, _PIECE, notes, options) as pieces:
        first = next(pieces)
        if labels is not None and multi_targets.named(labels, tuple(first.columns)):
            target, labels, demanded = tuple(labels), None, need_target
        if not len(first.rows):
            raise TableError(_no_rows(name, notes))
        if text is None and typed and not hasattr(source, "columns"):
            text = _plain_list(first, demanded and target is None)
        text = (text,) if isinstance(text, str) else text
        reserved = (*((target,) if isinstance(target, str) else target or ()), group, *apart)
        pair, pair_findings = pair_columns.settled(first.columns, text, text_pair, reserved, name)
        text = pair or text
        roles = infer_roles(
            first.columns, text=text, target=target, group=group, need_target=demanded, name=name, apart=apart,
            need_text=others is not None,
        )  # fmt: skip
        table = _gathered(chain([first], pieces), roles, typed, notes, others)
    table = table if labels is None else _labeled(table, labels)
    if pair is not None:
        table = replace(table, text={column: table.text[column] for column in pair}, pair=pair)
    if pair_findings:
        notes.say("pair", pair_findings)
    form_of_target = multi_targets.sign(separator) or table.target_form
    return replace(table, target_form=form_of_target, tag_names=tuple(tag_names or ())), notes.findings()


def named(source: Any) -> bool:
    """Return whether the columns of the source have names."""
    if not in_memory.in_memory(source) or hasattr(source, "columns"):
        return True
    return isinstance(next(iter(source), None), Mapping)


def listed_pairs(source: Any, names: tuple[str, str]) -> Table:
    """Return rows of two texts without names as a table of pairs. Raises TableError for anything else."""
    if not all(isinstance(row, list | tuple | np.ndarray) and len(row) == 2 for row in source):
        raise TableError("this model reads pairs of texts: write predict([(first, second)]).")
    if not len(source):
        nothing = np.empty(0, dtype=object)
        return Table(dict.fromkeys(names, nothing), pair=names)
    table, _ = read([list(row) for row in source], text=("text_1",), text_pair="text_2", need_target=False)
    return replace(table, text=dict(zip(names, table.text.values(), strict=True)), pair=names)


def _plain_list(first: Piece, demanded: bool) -> tuple[str, ...] | None:
    """Treat a list with one cell per row as a list of texts, whatever its cells look like; None for other tables."""
    if len(first.columns) > 1:
        return None
    if demanded:
        raise TableError("the texts have no labels: pass one for each row as y.")
    return tuple(first.columns)


def _labeled(table: Table, y: Any) -> Table:
    name, cells = in_memory.as_labels(y, len(table))
    form = multi_targets.MATRIX if multi_targets.of_matrix(y) is not None else ""
    return replace(table, target=labels(cells, table.rows, True, name), target_name=name, target_form=form)


def _no_rows(name: str, notes: Notes) -> str:
    why = "; ".join(finding.message.rstrip(".") for finding in notes.findings())
    return f"{name} has no rows that can be used{f' ({why})' if why else ''}: pass at least one."


def _gathered(
    pieces: Iterable[Piece], roles: Mapping[str, str], typed: bool, notes: Notes, others: Sequence[str] | None
) -> Table:
    """Concatenate all pieces to one table that holds only the used columns."""
    rows: list[Index] = []
    used = [column for column, role in roles.items() if role != "other" or others is None or column in others]
    parts: dict[str, list[Objects]] = {column: [] for column in used}
    for piece in pieces:
        rows.append(piece.rows)
        for column, cells in parts.items():
            cells.append(_cells(column, roles[column], piece, typed, notes))
    columns = {column: np.concatenate(cells) for column, cells in parts.items()}
    text = {column: cells for column, cells in columns.items() if roles[column] == "text"}
    target, group = ([c for c in columns if roles[c] == role] for role in ("target", "group"))
    table = Table(
        text,
        columns[target[0]] if target else None,
        columns[group[0]] if group else None,
        np.concatenate(rows),
        roles,
        target[0] if target else "target",
        {column: cells for column, cells in columns.items() if roles[column] == "other"},
    )
    if len(target) < 2:
        return table
    several = multi_targets.together({column: columns[column] for column in target}, table.rows)
    return replace(table, target=several, target_name=", ".join(target), targets=tuple(target))


def _cells(column: str, role: str, piece: Piece, typed: bool, notes: Notes) -> Objects:
    cells = plain(piece.columns[column], piece.rows, notes)
    if role == "text":
        return texts(cells, piece.rows, notes)
    if role == "other":
        return _found(cells)
    values = labels(cells, piece.rows, typed, column)
    if role == "group":  # a row without a group is a group of its own
        alone = [i for i, value in enumerate(values) if value is None]
        values[alone] = [f"(row {piece.rows[i]})" for i in alone]
    return values


def _found(cells: Sequence[Any]) -> Objects:
    """Return the cells unchanged; one by one, since NumPy takes lists in cells for rows."""
    return np.fromiter(cells, dtype=object, count=len(cells))


def stream(
    source: Any,
    *,
    text: Sequence[str],
    pair: bool = False,
    others: Sequence[str] = (),
    chunk: int = 10_000,
    keep_columns: bool = True,
    findings: list[Finding] | None = None,
    form: Form = INFERRED,
) -> Iterator[Chunk]:
    """Yield the source in chunks and constant memory, for prediction.

    Parameters
    ----------
    source
        As for ``read``.
    text : sequence of str
        The model's text columns. The name does not matter if model and source have one column each.
    pair : bool
        Whether the two text columns are a pair.
    others : sequence of str
        Columns that the table keeps unchanged, if they exist.
    chunk : int
        Rows per chunk.
    keep_columns : bool
        Whether chunks hold the cells of all columns.
    findings : list, optional
        Filled with the findings after the last chunk.
    form : Form
        How to read the bytes of a file.

    Raises
    ------
    TableError
        If the source cannot be read, or lacks a column of the model.
    """
    notes, total = Notes(), 0
    with _pieces(
        source, chunk, notes, SourceOptions(tuple(text), apart=tuple(others), served=True, form=form)
    ) as pieces:
        for piece in pieces:
            columns = {column: plain(cells, piece.rows, notes) for column, cells in piece.columns.items()}
            used = _used(columns, text, name_of(source))
            inputs = {name: texts(columns[column], piece.rows, notes) for name, column in zip(text, used, strict=True)}
            if not others:  # a row with columns needs no text
                notes.add("blank", piece.rows[_blank(inputs)].tolist())
            if pair:
                notes.add("half", piece.rows[_half(inputs)].tolist())
            raw = {column: _found(columns[column]) for column in others if column in columns}
            outgoing = columns if keep_columns else {column: columns[column] for column in used}
            roles = {column: "text" if column in used else "other" for column in columns}
            total += len(piece.rows)
            if len(piece.rows):
                both = (text[0], text[1]) if pair else None
                table = Table(inputs, rows=piece.rows, roles=roles, columns=raw, pair=both)
                yield Chunk(table, tuple(outgoing), outgoing)
    if not total:
        raise TableError(_no_rows(name_of(source), notes))
    if findings is not None:
        findings.extend(notes.findings())


def _used(columns: Mapping[str, Any], wanted: Sequence[str], name: str) -> Sequence[str]:
    """Return the source's columns that correspond to the model's text columns."""
    if len(wanted) == len(columns) == 1:
        return tuple(columns)
    for column in wanted:
        demand(column, columns, name)
    return wanted


def _blank(inputs: Mapping[str, Objects]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    return np.array([not any(map(str.strip, row)) for row in zip(*inputs.values(), strict=True)], dtype=bool)


def _half(inputs: Mapping[str, Objects]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return a mask of pairs with one empty text, (n,)."""
    return np.array([bool(a.strip()) != bool(b.strip()) for a, b in zip(*inputs.values(), strict=True)], dtype=bool)


def _asked(*names: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return the names of columns, passed one or several at a time, as one tuple."""
    return tuple(chain.from_iterable((name,) if isinstance(name, str) else name or () for name in names))


@contextmanager
def _pieces(source: Any, size: int, notes: Notes, options: SourceOptions) -> Iterator[Iterator[Piece]]:
    """Yield the pieces of any source, at least one, which may be empty. Named columns can be files of their own."""
    files = None if in_memory.in_memory(source) else parallel_lines.found(source, options.text, options.roles)
    if files is not None:
        yield parallel_lines.pieces(files, size, notes, options.form)
    elif in_memory.in_memory(source):
        yield one_word_rows.together(in_memory.pieces(source, size, notes), notes, options)
    else:
        with opened(source, options.form.max_expanded) as file:
            yield one_word_rows.together(_from_bytes(file, size, notes, options), notes, options)


def _from_bytes(source: OpenedFile, size: int, notes: Notes, options: SourceOptions) -> Iterator[Piece]:
    """Yield the pieces of an open file. Its bytes decide the format before its name does."""
    if source.head.startswith(b"PAR1"):
        return parquet.pieces(source.seekable or source.file, source.name, size, notes, options.form)
    if source.suffix in (".parquet", ".pq"):
        raise TableError(f"{source.name} is no Parquet file, or is damaged: get a fresh copy of it.")
    head, file = decoded(source, notes, options.form.encoding)
    looks_like_json = source.suffix not in (".csv", ".tsv") and _JSON.match(head)
    if source.suffix in (".jsonl", ".ndjson", ".json") or looks_like_json:
        return json_rows.pieces(file, source.suffix, source.name, size, notes)
    if source.suffix in conll.SUFFIXES or (source.suffix in ("", ".txt", ".tsv") and conll.looks(head)):
        return conll.pieces(head, file.by_lines(), source.name, size, notes)
    if source.suffix not in (".csv", ".tsv") and fasttext.looks(head):
        return fasttext.pieces(file.by_lines(), size)
    return csv.pieces(head, file, source.suffix, source.name, size, notes, options)
