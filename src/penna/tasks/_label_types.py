"""Labels of a column: their one type, and what is reported where they have none or are not known.

Light, like the tasks.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import TaskError

Label = str | int | bool | float

KINDS: dict[str, type] = {"str": str, "int": int, "bool": bool, "float": float}


def kind_of(table: Table) -> str:
    """Return the one type of all labels, by name. Raises TaskError, naming rows, where there is none."""
    assert table.target is not None
    first: dict[str, int] = {}
    for position, label in enumerate(table.target):
        first.setdefault(_name_of(label), position)
    if set(first) == {"int", "float"}:
        return "float"
    column, row = f"column {table.target_name!r}", {kind: int(table.row_numbers[at]) for kind, at in first.items()}
    if "missing" in first:
        raise TaskError(f"{column} has no label in row {row['missing']}: fill it in or drop such rows.")
    if unusable := sorted(set(first) - set(KINDS)):
        raise TaskError(f"{column} holds {unusable[0]} in row {row[unusable[0]]}: labels must be text or numbers.")
    if len(first) > 1:
        where = " and ".join(f"{kind} (row {row[kind]})" for kind in first)
        raise TaskError(f"{column} mixes labels of types {where}: convert them all to one type.")
    return next(iter(first))


def _name_of(label: Any) -> str:
    # bool before int: True is an int to Python.
    if isinstance(label, str):
        return "str"
    if isinstance(label, bool | np.bool_):
        return "bool"
    if isinstance(label, int | np.integer):
        return "int"
    if isinstance(label, float | np.floating):
        return "float" if math.isfinite(label) else "missing" if math.isnan(label) else "infinity"
    return "missing" if label is None else type(label).__name__


def plain(label: Any, kind: str) -> Label:
    """Return the label as a plain Python value: numpy scalars do not survive JSON."""
    plain: Label = KINDS[kind](label)
    return plain


def check_counts(counts: Counter[Label], table: Table) -> None:
    column = f"column {table.target_name!r}"
    if len(counts) < 2:
        raise TaskError(f"{column} has one class only ({_some(counts)}): give rows of at least two.")
    if max(counts.values()) < 2:
        raise TaskError(f"{column} has a different label in each of its {len(table)} rows: is it the target?")


def unseen_message(table: Table, positions: Array, classes: tuple[Any, ...]) -> str:
    assert table.target is not None
    labels = dict.fromkeys(str(table.target[i]) for i in positions)
    rows = _some(int(table.row_numbers[i]) for i in positions)
    return (
        f"column {table.target_name!r} has labels that were not there at fit: {_some(labels)} "
        f"(rows {rows}; known labels: {_some(classes)}): correct or drop these rows."
    )


def _some(items: Iterable[Any], most: int = 5) -> str:
    """Return the first few, each cut to a readable length."""
    listed = [str(item) if isinstance(item, int) else repr(item) for item in items]
    cut = [item if len(item) <= 40 else item[:37] + "..." for item in listed[:most]]
    return ", ".join(cut) + (f" and {len(listed) - most} more" if len(listed) > most else "")
