"""Sets of labels that nothing could learn from, refused with the reason. Knows a column of a table."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from penna.data import python_literals
from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import TaskError

KINDS: dict[str, type] = {"str": str, "int": int}
FEW = 5
#: With more different labels than this part of all that are given, they name rows.
_DIFFERENT = 0.5


def refuse_repeated(given: Sequence[Any], table: Table) -> None:
    """Raise TaskError where most lists name a label more than once: no set of labels does."""
    lists = [cell for cell in given if isinstance(cell, tuple) and len(cell) > 1]
    twice = sum(len(set(cell)) < len(cell) for cell in lists)
    if 2 * twice > len(lists) >= FEW:
        raise TaskError(
            f"column {table.target_name!r} names a label more than once in {twice:,} of {len(given):,} rows, as tags "
            "of words do: name the column of their words (--text), with as many words as tags, or list each label once."
        )


def check(counts: Counter[Any], table: Table) -> None:
    column = f"column {table.target_name!r}"
    if not counts:
        raise TaskError(f"{column} has no label in any of its {len(table)} rows: is it the target?")
    if odd := [label for label in counts if isinstance(label, tuple) or _object(label)]:
        keys = f" with the keys {', '.join(map(repr, _object(odd[0])))}" if _object(odd[0]) else ""
        raise TaskError(
            f"{column} holds {'objects' if keys else 'lists'}{keys} in its lists, which are no labels: of parts of a "
            "text each needs start, end and label, and the column of the text is named with --text."
        )
    kinds = {type(label) for label in counts}
    if len(kinds) > 1 or kinds - set(KINDS.values()):
        raise TaskError(f"{column} mixes labels of types {named({k.__name__ for k in kinds})}: make them all text.")
    if len(counts) < 2:
        raise TaskError(
            f"{column} has one label only ({named(counts)}): give rows of at least two, or ask with "
            "--task classification whether a row has it."
        )
    if len(table) > 2 * FEW and len(counts) > _DIFFERENT * counts.total():
        raise TaskError(
            f"{column} has {len(counts)} different labels in {counts.total()} places, like names of rows: choose "
            "another target, or say with --separator what stands between labels."
        )


def _object(label: Any) -> list[str]:
    """Return the keys of an object that is written in a label."""
    found = python_literals.parsed(label) if isinstance(label, str) and label[:1] == "{" else None
    return list(found) if isinstance(found, dict) else []


def counted(table: Table) -> Counter[Any]:
    assert table.target is not None
    return Counter(label for labels in table.target for label in labels)


def rows_at(table: Table, positions: Sequence[Any] | Array) -> str:
    shown = ", ".join(str(int(table.row_numbers[i])) for i in sorted(positions)[:FEW])
    return shown + (" ..." if len(positions) > FEW else "")


def named(labels: Any) -> str:
    """Return the first few, each cut to a readable length."""
    listed = [repr(label)[:40] for label in sorted(labels, key=str)]
    return ", ".join(listed[:FEW]) + (f" and {len(listed) - FEW} more" if len(listed) > FEW else "")
