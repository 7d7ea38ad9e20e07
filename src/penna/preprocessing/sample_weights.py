"""Sample weights: checked, scaled to a mean of 1, rows of weight 0 dropped. They affect training, not scores.

Only proportions matter: weights of 2 and 4 equal 1 and 2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.errors import TableError, shown
from penna.preprocessing.columns import types
from penna.preprocessing.data_findings import of_rows

ROLE = "weight"
#: The minimum weight, as a share of the mean: a class stays learnable.
LEAST = 1e-6
#: The maximum number of copies, as a multiple of the rows.
_MOST_COPIES = 3.0
_FEW = 5


def named(*given: Any) -> tuple[str, ...]:
    """Return those of the weights that are column names."""
    return tuple(dict.fromkeys(name for name in given if isinstance(name, str)))


def column(roles: Mapping[str, str], sample_weight: Any) -> str | None:
    """Return the column that holds the weights, from columns by role; None if there is none.

    Raises TableError if there are two sources of weights.
    """
    columns = [name for name, role in roles.items() if role == ROLE]
    if len(columns) > 1:
        raise TableError(f"columns {' and '.join(map(repr, columns))} are both named as the weight: name only one.")
    if columns and sample_weight is not None and not isinstance(sample_weight, str):
        raise TableError(f"weights come from both sample_weight and column {columns[0]!r}: pass one of them.")
    return columns[0] if columns else None


def weighed(table: Table, weight: Any) -> tuple[Table, list[Finding]]:
    """Return the table with ``weight`` on its rows, without the rows of weight 0.

    ``weight`` is the name of a column, or one number per row. Raises TableError for invalid weights.

    >>> table = Table({"text": np.array(["a", "b", "c"], object)}, rows=np.arange(1, 4))
    >>> weighed(table, [0, 1, 3])[0].sample_weight.tolist()
    [0.5, 1.5]
    """
    if weight is None:
        return table, []
    by_name = isinstance(weight, str)
    name = f"column {weight!r}" if by_name else "sample_weight"
    cells = table.columns[weight].tolist() if by_name else _listed(weight, len(table))
    numbers = _numbers(cells, table.row_numbers, name)
    if by_name:
        columns = {column: cells for column, cells in table.columns.items() if column != weight}
        table = replace(table, columns=columns, roles={**table.roles, weight: ROLE})
    positive = np.flatnonzero(numbers > 0)
    if not len(positive):
        raise TableError(f"{name} is 0 in all {len(table)} rows: set it above 0 for rows to train on.")
    left_out = of_rows("zero weight", "rows left out for a weight of 0", table.row_numbers[numbers == 0], of=len(table))
    scaled = numbers[positive] / numbers.max()
    scaled = np.maximum(scaled / scaled.mean(), LEAST).astype(np.float32)
    # Equal weights are dropped: such a table equals one without weights.
    table = replace(table.take(positive), sample_weight=scaled if np.ptp(scaled) else None)
    return table, [*left_out, _summary(name, numbers[positive])]


def numbers(weight: Any, rows: int) -> Array:
    """Return ``sample_weight`` as float64, (rows,). Raises TableError if it is invalid or 0 everywhere."""
    weights = _numbers(_listed(weight, rows), np.arange(1, rows + 1), "sample_weight")
    if not weights.any():
        raise TableError(f"sample_weight is 0 in all {rows} rows: set some weights above 0.")
    return weights


def _listed(weight: Any, rows: int) -> Sequence[Any]:
    """Return one cell per row. Raises TableError."""
    if isinstance(weight, bytes | dict | set) or not hasattr(weight, "__len__") or not hasattr(weight, "__getitem__"):
        raise TableError(f"sample_weight={shown(weight)} is invalid: pass one number per row.")
    cells = list(weight) if isinstance(weight, list | tuple | range) else np.asarray(weight, dtype=object)
    if isinstance(cells, np.ndarray):
        if cells.ndim != 1:
            raise TableError(f"sample_weight has {cells.ndim} dimensions: pass one number for each row.")
        cells = cells.tolist()
    if len(cells) != rows:
        raise TableError(f"there are {rows} rows, but {len(cells)} weights: pass one for each row.")
    return cells


def _numbers(cells: Sequence[Any], rows: Array, name: str) -> Array:
    """Return finite, non-negative float64 weights, (n,). Raises TableError, naming rows, for anything else."""
    weights = np.array([_number(cell) for cell in cells], np.float64)
    wrong: list[int] = np.flatnonzero(~np.isfinite(weights)).tolist()
    absent = [i for i in wrong if types.absent(cells[i]) or cells[i] == ""]
    if absent:
        raise TableError(f"{name} holds no weight in {_at(rows, absent)}: every row needs one, 0 to leave it out.")
    for places, what in ((wrong, "no number"), (np.flatnonzero(weights < 0).tolist(), "a weight below 0")):
        if len(places):
            raise TableError(
                f"{name} holds {what} in {_at(rows, places)}, such as {shown(cells[places[0]])}: write weights as "
                "numbers of 0 or more."
            )
    return weights


def _number(cell: Any) -> float:
    """Return the cell as a number, infinite if it is none."""
    if isinstance(cell, bytes | complex):
        return math.inf
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.inf


def _at(rows: Array, places: Sequence[int]) -> str:
    """Return ``row 3``, or ``rows 3, 7 and 10 more``."""
    named = [str(int(rows[i])) for i in places[:_FEW]]
    more = f" and {len(places) - _FEW:,} more" if len(places) > _FEW else ""
    return f"row{'s' if len(places) > 1 else ''} {', '.join(named)}{more}"


def _summary(name: str, numbers: Array) -> Finding:
    least, most = numbers.min(), numbers.max()
    span = f"from {least:.4g} to {most:.4g} in training" if most > least else f"{most:.4g} each"
    message = f"rows weigh {span}, by {name}; scores count every row once"
    return Finding("weights", message, len(numbers), (), "info")


def unheeded(table: Table, deaf: Sequence[str]) -> list[Finding]:
    """Report that these families ignore weights, if rows have weights."""
    if table.sample_weight is None or not deaf:
        return []
    message = f"{' and '.join(deaf)} cannot weigh rows: every row counts once there"
    return [Finding("weights unheeded", message, len(table), (), "warning")]


def copies(weights: Array) -> Array:
    """Return positions of rows, repeated in proportion to their weight, for models that cannot use weights.

    If all weights are at most 1, they express confidence, and rows below 0.5 are dropped. Otherwise the lightest row
    comes once, up to three times the number of rows. Lighter rows come at random in proportion to their weight, spread
    evenly.

    >>> copies(np.array([1.0, 0.2, 1.0])).tolist(), copies(np.array([0.5, 1.0, 1.5])).tolist()
    ([0, 2], [0, 1, 1, 2, 2, 2])
    """
    if weights.max() <= 1:
        return np.flatnonzero(weights >= min(0.5, float(weights.max())))
    numbers = weights.astype(np.float64)
    least = numbers[numbers > 0].min()
    scale = min(1 / least, _MOST_COPIES * len(numbers) / numbers.sum())
    ends = np.cumsum(numbers / numbers.sum())
    total = max(1, round(float(numbers.sum() * scale)))
    return np.minimum(np.searchsorted(ends, (np.arange(total) + 0.5) / total), len(numbers) - 1)
