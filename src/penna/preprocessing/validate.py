"""Validate a table before a search starts, with messages that say what to do."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from penna.data.table import Finding, Objects, Table
from penna.errors import TableError, TaskError
from penna.preprocessing import data_findings
from penna.preprocessing.checks import duplicates, lengths, pairs

LEAST_ROWS = 16  # eight rows for each of two classes
RARE = ("error", "drop")
_FEW = 5
Severity: TypeAlias = Literal["info", "warning"]
#: A task's own check of the target: (table, rare) -> usable rows and findings.
Settle: TypeAlias = Callable[[Table, str], tuple[Table, list[Finding]]]


def check(table: Table, *, rare: str = "error", settle: Settle | None = None) -> tuple[Table, list[Finding]]:
    """Return the usable rows, and findings.

    Parameters
    ----------
    table : Table
        The rows.
    rare : str
        "drop" leaves out classes of one row; "error" refuses them.
    settle : callable, optional
        The task's check of the target. Default: ``labels``.

    Raises
    ------
    TableError
        If the rows cannot be used.
    TaskError
        If the target does not suit the task.
    """
    table, findings = usable(table)
    try:
        table, more = _settled(table, rare, settle or labels)
    except (TableError, TaskError) as error:
        raise data_findings.after(error, findings) from None
    return table, [*findings, *more, *_copies(table), *lengths.very_long(table), *pairs.half_empty(table)]


def _settled(table: Table, rare: str, settle: Settle) -> tuple[Table, list[Finding]]:
    """Return the rows that the task can use, if they are enough."""
    table, more = settle(table, rare)
    if len(table) < LEAST_ROWS:
        raise TableError(f"{len(table)} rows are too few to train and test on: pass at least {LEAST_ROWS}.")
    different = len(np.unique(table.dedup_keys))
    if different < LEAST_ROWS // 2:
        texts = "text" if different == 1 else "texts"
        raise TableError(
            f"{len(table)} rows hold only {different} different {texts}, and copies stay on one side of every split: "
            f"pass at least {LEAST_ROWS // 2} that differ."
        )
    return table, more


def _copies(table: Table) -> list[Finding]:
    """Report repeated texts. Rows without a text are ignored, since other columns may distinguish them."""
    if not table.text:
        return []
    written = np.array([bool(text.strip()) for text in table.full_text], bool) if table.columns else None
    return duplicates.equal(table, _counted(_target(table))[2], written)


def labels(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows whose class can be learned, with labels of one type. Raises TaskError for no set of classes."""
    _refuse_lists(table)
    table = _one_type(table)
    _refuse_numbers(table)
    table, dropped = _without_rare(table, rare)
    _refuse_one(table)
    return table, dropped


def usable(table: Table) -> tuple[Table, list[Finding]]:
    """Return the rows with a text or other columns, and a label; and findings on dropped rows."""
    if table.target is None:
        raise TableError("the table has no target: name the label column with --target.")
    if not len(table):
        raise TableError(f"the table has no rows: pass at least {LEAST_ROWS}.")
    blank = _blank(table)
    unlabeled = np.array([label is None or label == "" for label in table.target], dtype=bool)
    if blank.all():
        raise TableError(f"all {len(table)} rows have an empty text: choose another text column (--text).")
    if unlabeled.all():
        raise TableError(f"column {table.target_name!r} is empty in all {len(table)} rows: choose another target.")
    keep = ~blank & ~unlabeled
    if not keep.any():
        raise TableError(f"none of the {len(table)} rows has both a text and a label: fill in the missing cells.")
    findings = [
        *_finding("empty text", "rows left out for an empty text", table.rows[blank]),
        *_finding(
            "missing target", f"rows left out for an empty {table.target_name!r}", table.rows[unlabeled & ~blank]
        ),
    ]
    return (table if keep.all() else table.take(np.flatnonzero(keep))), findings


def _blank(table: Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return a mask of rows without content, (n,): a row without a text may have other columns."""
    if table.columns:
        return np.zeros(len(table), bool)
    return np.array([not any(map(str.strip, cells)) for cells in zip(*table.text.values(), strict=True)], dtype=bool)


def _finding(kind: str, what: str, rows: np.ndarray[Any, Any], severity: Severity = "warning") -> list[Finding]:
    if not len(rows):
        return []
    message = f"{what}: {len(rows)} (rows {_named(rows)})."
    return [Finding(kind, message, len(rows), tuple(int(row) for row in rows[:_FEW]), severity)]


def _named(rows: np.ndarray[Any, Any]) -> str:
    return ", ".join(str(row) for row in rows[:_FEW]) + (" ..." if len(rows) > _FEW else "")


def _refuse_lists(table: Table) -> None:
    lists = [isinstance(label, tuple) for label in _target(table)]
    if any(lists):
        raise TaskError(
            f"column {table.target_name!r} holds several labels in row {table.rows[lists.index(True)]}: for multilabel "
            "targets, pass --task multilabel."
        )


def _one_type(table: Table) -> Table:
    """Convert labels to one type: whole and other numbers become float. Other mixtures raise TaskError."""
    target = _target(table)
    kinds = {type(label): i for i, label in reversed(list(enumerate(target)))}
    if len(kinds) == 1:
        return table
    if set(kinds) == {int, float}:
        return replace(table, target=_objects([float(label) for label in target]))
    examples = ", ".join(f"{target[i]!r} in row {table.rows[i]}" for i in sorted(kinds.values())[:3])
    raise TaskError(f"column {table.target_name!r} mixes types ({examples}): make all labels text, or all numbers.")


def _target(table: Table) -> Objects:
    assert table.target is not None, "checked at the door"
    return table.target


def _objects(values: list[Any]) -> Objects:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _refuse_numbers(table: Table) -> None:
    """Refuse a target of mostly distinct fractions (a measurement), or of mostly distinct values (an id)."""
    distinct, total, name = set(_target(table)), len(table), table.target_name
    numbers = [_number(label) for label in distinct]
    fractions = sum(number is not None and number % 1 != 0 for number in numbers)
    if None not in numbers and len(distinct) > min(50, 0.5 * total) and fractions > 0.5 * len(distinct):
        raise TaskError(
            f"column {name!r} holds {len(distinct)} different numbers, which looks like regression: pass --task "
            "regress, or put the numbers into a few classes."
        )
    if total >= LEAST_ROWS and len(distinct) > total / 2:
        raise TaskError(
            f"column {name!r} has {len(distinct)} different labels in {total} rows, like an id: choose another target."
        )


def _number(label: Any) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _without_rare(table: Table, rare: str) -> tuple[Table, list[Finding]]:
    """Return the rows whose class has at least two."""
    target = _target(table)
    labels, first, codes, counts = _counted(target)
    lonely = np.flatnonzero(counts == 1)
    if not len(lonely) or len(labels) == 1:
        return table, []
    rows = np.sort(table.rows[first[lonely]])
    if rare == "error" and len(table) >= LEAST_ROWS:
        named = ", ".join(f"{labels[i]!r} (row {table.rows[first[i]]})" for i in lonely[:_FEW])
        more = f" and {len(lonely) - _FEW} more" if len(lonely) > _FEW else ""
        classes = "class has" if len(lonely) == 1 else "classes have"
        raise TaskError(
            f"{len(lonely)} {classes} only one row: {named}{more}; add rows, merge it into another class, "
            "or leave it out with --rare-classes drop."
        )
    remaining = table.take(np.flatnonzero(counts[codes] > 1)) if rare == "drop" else table
    return remaining, _finding(
        "rare class", "rows left out, each the only one of its class", rows
    ) if rare == "drop" else []


def _counted(target: Objects) -> tuple[list[Any], Any, Any, Any]:
    """Return (labels, first position, code of each row, count) in order of appearance."""
    places: dict[Any, int] = {}
    codes = np.fromiter((places.setdefault(label, len(places)) for label in target), np.int64, len(target))
    first = np.unique(codes, return_index=True)[1]
    return list(places), first, codes, np.bincount(codes, minlength=len(places))


def _refuse_one(table: Table) -> None:
    labels = set(_target(table))
    if len(labels) < 2:
        only = f" ({next(iter(labels))!r})" if labels else ""
        raise TaskError(f"column {table.target_name!r} has only one class{only}: at least two are needed.")
