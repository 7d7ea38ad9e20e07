"""Predict a whole file in constant memory: read chunks, ask the model, write rows. Knows no family and no task."""

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from penna.data.arrays import Array
from penna.data.readers.read_table import INFERRED, Chunk, Form, stream
from penna.data.table import Field, Finding, Objects, Table
from penna.environment import expanded
from penna.errors import RunError, SettingError
from penna.inference.writers import form_of, packed, writer
from penna.preprocessing.columns import schema
from penna.preprocessing.data_findings import of_columns

MOST_COLUMNS = 20  # classes that get a column each; with more, the likeliest alone
MOST_LABELS = 1000  # the same, where a row has several labels: each is an answer of its own
TOP = 5


class Predictor(Protocol):
    """The members of a model that batch prediction needs."""

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Names of the text columns."""
        ...

    @property
    def pair(self) -> bool:
        """Whether the text columns are a pair."""
        ...

    @property
    def fields(self) -> Mapping[str, Field]:
        """Other columns that the model reads."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, sorted."""
        ...

    def outputs(self, table: Table) -> Array:
        """Return the raw outputs of the rows."""
        ...

    def decode(self, outputs: Array) -> Objects:
        """Return the predictions of raw outputs."""
        ...

    def to_text_spans(self, answers: Objects, table: Table) -> Objects:
        """Return predictions with offsets in the texts."""
        ...

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a flat file."""
        ...


def predict_file(
    model: Predictor,
    source: Any,
    out: str | Path | BinaryIO | None = None,
    *,
    chunk: int = 10_000,
    probabilities: bool = True,
    safe_csv: bool = False,
    form: Form = INFERRED,
) -> tuple[int, list[Finding]]:
    """Write ``source`` with its columns and the prediction to ``out``; the number of rows, and what was odd.

    ``out`` ends in .csv, .tsv, .jsonl, .json or .parquet (the first four also with .gz, .bz2, .xz); None or "-" is
    standard output, as CSV. The file appears when it is whole. Rows keep their order; rows that could not be parsed
    are left out and are in the findings. ``safe_csv`` writes cells that a spreadsheet would run as text
    (``writing.harmless``). ``form``: how the bytes of ``source`` are to be read. Raises TableError,
    SettingError, RunError.
    """
    if chunk < 1:
        raise SettingError(f"chunk is {chunk}: give at least 1.")
    findings: list[Finding] = []
    all_findings: list[Finding] = []
    fields, rows = model.fields, 0
    with _destination(source, out) as (file, kind):
        if safe_csv and kind not in ("csv", "tsv"):
            raise SettingError(f"--safe-csv is for files that a spreadsheet opens, .csv and .tsv, and this is .{kind}.")
        rows_out = writer(file, kind, safe_csv)
        columns: dict[str, Any] = {"text": model.text_columns, "pair": model.pair, "others": tuple(fields)}
        for part in stream(source, **columns, chunk=chunk, findings=findings, form=form):
            table, replayed = schema.replay(part.table, fields)
            part = replace(part, table=table)
            all_findings += replayed
            answers = _answers(model, part, probabilities, kind == "jsonl")
            names = {name: _free(name, part.columns) for name in answers}
            all_findings += _renamed(names)
            rows_out.write({**part.cells, **{names[name]: column for name, column in answers.items()}})
            rows += len(part.table)
        rows_out.close()
    return rows, [*findings, *schema.merged(all_findings)]


def _answers(model: Predictor, part: Chunk, probabilities: bool, nested: bool) -> dict[str, Sequence[Any]]:
    """Return the new columns."""
    if not model.classes:  # nothing but the answers is written: probabilities of each word need not be kept
        portions = part.table.batches(len(part.table))
        decoded = [
            answer for table in portions for answer in model.to_text_spans(model.decode(model.outputs(table)), table)
        ]
        return {"prediction": decoded if nested else model.to_flat_cells(decoded)}
    outputs = model.outputs(part.table)
    answers = model.to_text_spans(model.decode(outputs), part.table).tolist()
    several = any(isinstance(answer, tuple) for answer in answers)
    new: dict[str, Sequence[Any]] = {"prediction": answers if nested else model.to_flat_cells(answers)}
    if probabilities:
        # float64 before rounding, so that six digits are also what is printed
        rounded = np.round(outputs.astype(np.float64), 6)
        most = MOST_LABELS if several else MOST_COLUMNS
        new |= _each(model.classes, rounded) if len(model.classes) <= most else _best(model, rounded, nested)
    return new


def _renamed(names: Mapping[str, str]) -> list[Finding]:
    """Return the finding if the source has columns of the names that answers usually have."""
    return of_columns(
        "renamed column", "columns that answers usually stand in are there already; these stand in others",
        [other for name, other in names.items() if other != name],
    )  # fmt: skip


def _each(classes: Sequence[Any], rounded: Array) -> dict[str, Sequence[Any]]:
    return {f"probability_{label}": rounded[:, j].tolist() for j, label in enumerate(classes)}


def _best(model: Predictor, rounded: Array, nested: bool) -> dict[str, Sequence[Any]]:
    best: dict[str, Sequence[Any]] = {"probability": rounded.max(axis=1).tolist()}
    if nested:
        order = np.argsort(-rounded, axis=1, kind="stable")[:, :TOP]
        names = [[model.classes[j] for j in row] for row in order.tolist()]
        values = np.take_along_axis(rounded, order, axis=1).tolist()
        best["top"] = [
            [{"label": label, "probability": p} for label, p in zip(*pair, strict=True)]
            for pair in zip(names, values, strict=True)
        ]
    return best


def _free(name: str, taken: Sequence[str]) -> str:
    """Return the name, or the first of name_2, name_3 ... that is not taken.

    >>> _free("prediction", ("text", "prediction"))
    'prediction_2'
    """
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


@contextmanager
def _destination(source: Any, out: Any) -> Iterator[tuple[BinaryIO, str]]:
    """Open the destination, and name its format. Disk errors become messages."""
    name = "standard output" if out is None or str(out) == "-" else str(out)
    try:
        if name == "standard output":
            yield sys.stdout.buffer, "csv"
            sys.stdout.buffer.flush()
        elif hasattr(out, "write"):
            yield out, "csv"
        else:
            with _file(source, expanded(out)) as destination:
                yield destination
    except BrokenPipeError:
        if hasattr(out, "write"):  # whose stream it is knows what that means
            raise
        _hush()
    except OSError as error:
        reason = "no space is left on the disk" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise RunError(f"{name} cannot be written ({reason}): make room, or choose another place.") from error


@contextmanager
def _file(source: Any, path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """Yield a file next to ``path`` that takes its name once it is whole, and goes when it does not become so."""
    form, packing = form_of(path.name) if not _is_device(path) else ("csv", "")
    if not path.parent.is_dir():
        raise RunError(f"there is no folder {str(path.parent)!r} to write {path.name!r} into: make it first.")
    if path.is_dir():
        raise RunError(f"{str(path)!r} is a folder: give the name of a file.")
    if isinstance(source, str | Path) and path.exists() and Path(source).exists() and path.samefile(source):
        raise SettingError(f"{str(path)!r} is the file that is read: choose another name for the predictions.")
    if _is_device(path):
        with path.open("wb") as file:
            yield file, form
        return
    path = path.resolve()  # what a link points to is replaced, not the link
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file, packed(file, packing) as inner:
            yield inner, form
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    """Something like /dev/null, which must not be replaced by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _hush() -> None:
    """Point standard output at nothing, so that the interpreter does not stumble over the closed pipe when it ends."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
