"""The columns other than text: their types, and their cells as values. Roles are inferred, shown, and can be set.

The training table settles roles and forms as one ``Field`` per column; ``replay`` applies these to other tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Field, Finding, Table
from penna.errors import TableError
from penna.preprocessing.checks import leakage, uninformative_columns
from penna.preprocessing.columns import types
from penna.preprocessing.columns.column import Column
from penna.preprocessing.columns.types import date
from penna.preprocessing.data_findings import FEW, of_columns, of_rows

IGNORE = "ignore"
#: Roles that a user can set, each by an option called ``<role>_columns``.
NAMED = ("numeric", "categorical", "date", "multi_value", IGNORE)
_MANY = 20  # beyond this, one finding per column would be too many
_SOME = 20_000  # cells used to infer a type
_CHANGE = "set --numeric-columns, --categorical-columns, --date-columns or --multi-value-columns to change it"


def requested_roles(**named: Sequence[str] | str | None) -> dict[str, str]:
    """Return column -> role, from columns named by role. Raises TableError for a column with two roles.

    >>> requested_roles(numeric=("age",), ignore="name")
    {'age': 'numeric', 'name': 'ignore'}
    """
    roles: dict[str, str] = {}
    for role, columns in named.items():
        for column in (columns,) if isinstance(columns, str) else columns or ():
            if roles.setdefault(column, role) != role:
                raise TableError(f"column {column!r} is named as {roles[column]} and as {role}: give it one role.")
    return roles


def typed(table: Table, wanted: Mapping[str, str]) -> tuple[Table, list[Finding]]:
    """Return the table with typed values in place of raw cells; columns without information are dropped with a finding.

    ``wanted`` maps columns to the roles that the user chose. Raises TableError for a column without a cell of that
    role.
    """
    cells = {name: column for name, column in table.columns.items() if wanted.get(name) != IGNORE}
    fields = {name: _field(cells[name], wanted.get(name)) for name in cells}
    for name in cells.keys() & wanted.keys():
        _demand(name, cells[name], fields[name])
    untyped = {name: Column(name, cells[name]) for name in cells if name not in wanted}
    untyped = {name: column for name, column in untyped.items() if _may_be_id(fields[name])}
    useless = uninformative_columns.useless(untyped.values())
    idling = {name for finding in useless for name in finding.columns}
    fields = {name: field for name, field in fields.items() if name not in idling}
    unknown = [name for name, field in fields.items() if field is None]
    useless += of_columns(
        "unknown column", "columns left out whose cells are neither numbers, dates nor names that repeat", unknown,
        "info", does="leaves them out", change="name them (--text, --categorical-columns) to use them",
    )  # fmt: skip
    useless += _doubtful_dates(cells, fields, table.rows)
    table, more = _read(table, {name: field for name, field in fields.items() if field is not None})
    return table, [*useless, *_mixed(untyped, table), *more]


def _demand(name: str, cells: Array, field: Field | None) -> None:
    """Raise TableError if the user chose a role that no cell of the column fits."""
    filled = cells[[not types.absent(cell) for cell in cells]]
    if field is not None and len(filled) and (kind := types.find(field.role)).read(filled, field.form)[1].all():
        raise TableError(
            f"column {name!r} is named as {field.role}, but each of its cells is {kind.FAILS}, such as "
            f"{str(filled[0])[:60]!r}: give it another role, or none."
        )


def _may_be_id(field: Field | None) -> bool:
    """Return whether the column may be an id; dates and lists may differ in every row."""
    return field is None or field.role in ("categorical", "numeric")


def replay(table: Table, fields: Mapping[str, Field]) -> tuple[Table, list[Finding]]:
    """Return the table with exactly these columns, read by their settled fields. Absent columns are all missing."""
    if table.fields == fields:
        return table, []
    absent = [name for name in fields if name not in table.columns]
    findings = of_columns(
        "absent column", "columns of the model that are absent, and count as missing in every row", absent
    )
    table, more = _read(table, fields)
    return table, [*findings, *more]


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """Merge equal findings about the chunks of a table into one each, with the rows of all."""
    by_subject: dict[str, Finding] = {}
    for finding in findings:
        what = finding.message.rpartition(": ")[0] or finding.message  # a column's name may also have a colon
        before = by_subject.setdefault(what, finding)
        if before is not finding and finding.rows and not finding.columns:
            rows = np.array([*before.rows, *finding.rows])
            by_subject[what] = of_rows(finding.kind, what, rows, does=finding.does, change=finding.change)[0]
    return list(by_subject.values())


def without_leaks(table: Table, strata: Array, named: Mapping[str, str]) -> tuple[Table, list[Finding]]:
    """Drop columns that reveal the target, unless the user named them or the rows have no other words.

    ``strata`` is the class or bin of each row, (n,).
    """
    every = np.arange(len(table))
    leaks = {
        n: leakage.predictive_strength(Column(n, c), strata, every) for n, c in table.columns.items() if n not in named
    }
    lost = [name for name, share in leaks.items() if share >= leakage.CERTAIN]
    words = _only_words(table, lost, len(np.unique(strata)))
    lost = [name for name in lost if name not in words]
    findings = of_columns(
        "leaking column", "columns that reveal the target, kept because no other holds words", words,
        examples=[f"{n}: answers {100 * leaks[n]:.0f} % of what the most frequent class leaves open" for n in words],
        does="trains on it and relies on it", change="leave it out (--ignore-columns) if it is not known at prediction",
    )  # fmt: skip
    findings += of_columns(
        "leaking column", "columns left out because they reveal the target", lost,
        examples=[f"{n}: answers {100 * leaks[n]:.0f} % of what the most frequent class leaves open" for n in lost],
        does="leaves them out", change=_CHANGE,
    )  # fmt: skip
    return (only(table, [name for name in table.columns if name not in lost]) if lost else table), findings


def _only_words(table: Table, lost: Sequence[str], classes: int) -> list[str]:
    """Return the one to keep of the columns to drop: the one with most different words, if no other column has words.

    A column with no more values than classes is a copy of the target.
    """
    wordy = {n: Column(n, table.columns[n]).distinct for n, f in table.fields.items() if f.role == "categorical"}
    wordy = {
        name: distinct for name, distinct in wordy.items() if distinct > classes and _holds_words(table.columns[name])
    }
    if table.text or not wordy or not wordy.keys() <= set(lost):
        return []
    return [max(wordy, key=lambda name: wordy[name])]


def _holds_words(cells: Array) -> bool:
    """Return whether most filled cells have a letter."""
    filled = [str(cell) for cell in cells if not types.absent(cell)]
    return 2 * sum(any(map(str.isalpha, cell)) for cell in filled) > len(filled)


def only(table: Table, names: Sequence[str]) -> Table:
    """Return the table with only these columns next to its text."""
    roles = {n: "other" if n in table.columns and n not in names else role for n, role in table.roles.items()}
    return replace(
        table,
        columns={name: table.columns[name] for name in names},
        fields={name: table.fields[name] for name in names},
        roles=roles,
    )


def _field(cells: Array, role: str | None) -> Field | None:
    """Return the inferred type of a column, from some of its filled cells; None if it is of no use."""
    sample = cells[:: max(1, len(cells) // _SOME)]
    present = [not types.absent(cell) for cell in sample]
    sample = sample[np.array(present, bool)] if any(present) else cells[[not types.absent(cell) for cell in cells]]
    if role is not None:
        return Field(role, types.find(role).form(sample) or "")
    plain = sample[np.array([not types.stands_in(cell) for cell in sample], bool)]
    for name in types.names():
        # A word such as "missing" is no number, but it may be a category.
        shown = sample if name == "categorical" else plain
        form = types.find(name).form(shown) if len(shown) else None
        if form is not None:
            return Field(name, form)
    return None


def _read(table: Table, fields: Mapping[str, Field]) -> tuple[Table, list[Finding]]:
    columns, unread = {}, dict[str, Array]()
    for name, field in fields.items():
        kind = types.find(field.role)
        if name not in table.columns:
            columns[name] = kind.blank(len(table))
            continue
        columns[name], lost = kind.read(table.columns[name], field.form)
        if lost.any():
            unread[name] = np.flatnonzero(lost)
    roles = {name: "other" if name in table.columns else role for name, role in table.roles.items()}
    roles |= {name: field.role for name, field in fields.items() if name in roles}
    typed_table = replace(table, columns=columns, fields=dict(fields), roles=roles)
    for cached in ("hashes", "joined") if table.text else ():  # these depend on the text only
        if cached in table.__dict__:
            typed_table.__dict__[cached] = table.__dict__[cached]
    return typed_table, _unread(table, fields, unread)


def _unread(table: Table, fields: Mapping[str, Field], places: Mapping[str, Array]) -> list[Finding]:
    """Report unreadable cells of each column, or of very many columns together."""
    mend: dict[str, Any] = {
        "does": "counts them as missing",
        "change": "correct them in the file, or choose another role",
    }
    cells = {n: [f"{str(cell)[:60]!r}" for cell in table.columns[n][at[:FEW]]] for n, at in places.items()}
    if len(places) > _MANY:
        return of_columns(
            "unread cells", "columns with cells that could not be read, counted as missing", list(places),
            rows=table.rows[np.unique(np.concatenate(list(places.values())))],
            examples=[f"{name}: {len(at):,}, such as {cells[name][0]}" for name, at in places.items()], **mend,
        )  # fmt: skip
    return [
        finding
        for name, at in places.items()
        for finding in of_rows(
            "unread cells",
            f"cells of column {name!r} that are {types.find(fields[name].role).FAILS}, counted as missing",
            table.rows[at], of=len(table), examples=cells[name], **mend,
        )
    ]  # fmt: skip


def _doubtful_dates(cells: Mapping[str, Array], fields: Mapping[str, Field | None], rows: Array) -> list[Finding]:
    """Report cells that could be either order, in date columns of mixed order."""
    findings = []
    for name, form in ((name, field.form) for name, field in fields.items() if field and field.role == "date"):
        places = np.flatnonzero(date.doubtful(cells[name]))
        findings += of_rows(
            "doubtful date", f"dates of column {name!r} with the day or the month first, where others are clearly one",
            rows[places], of=len(rows), examples=[repr(cell) for cell in cells[name][places[:FEW]]],
            does=f"reads the {form} first", change="write them in one form, such as 2021-04-03",
        )  # fmt: skip
    return findings


def _mixed(columns: Mapping[str, Column], table: Table) -> list[Finding]:
    """Report categorical columns with many numbers: the type changes within the column."""
    findings = []
    for name, column in columns.items():
        if name in table.fields and table.fields[name].role == "categorical" and column.present:
            share = float(np.isfinite(column.numbers).sum()) / column.present
            findings += [name] if 0.2 < share < types.SHARE and column.distinct > 20 else []
    return of_columns(
        "mixed column", "columns with numbers in some rows and words in others, treated as names", findings,
        does="treats each cell as a name", change="name the column (--numeric-columns) to count words as missing",
    )  # fmt: skip
