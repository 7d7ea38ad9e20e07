"""Columns other than the text as numbers: one file for each kind of column, found by its name.

Fitted on training rows; kept as JSON. Knows cells and target values; never a task or a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins, safe_load
from penna.data.arrays import Array
from penna.data.table import Field, Table
from penna.errors import BundleError
from penna.features import numeric_matrix
from penna.features.numeric_matrix import NumericMatrix

ROOM = "features.columns"
#: Names of fewer training rows are one name.
RARE = 3


@dataclass(frozen=True)
class Way:
    """How columns become numbers.

    numeric      a file of ``features/scales``: "standard", "power" ..., or "raw": NaN where missing, for models that
                 know of missing values
    categorical  "onehot", "target": the target's mean for each value, where that has more than a few; or "hash": a
                 bucket for each, for values without end
    missing      what a missing number becomes: "median", "mean", or a file of ``features/filling``, which asks the
                 row's other numbers
    outliers     whether there is a feature for outlier rows
    """

    numeric: str = "standard"
    categorical: str = "onehot"
    missing: str = "median"
    outliers: bool = False


class Encoding(Protocol):
    """One fitted column."""

    @property
    def width(self) -> int: ...

    def matrix(self, values: Array) -> Array:
        """(n, width) float32."""
        ...

    def to_json(self) -> dict[str, Any]: ...


class Maker(Protocol):
    """What a file in this folder offers."""

    def fit(self, values: Array, y: Array, way: Way, seed: int) -> tuple[Encoding, Array]:
        """Return the encoding, and the (n, width) matrix of these very rows, in which no row knows its own y (n, m)."""
        ...

    def restore(self, data: Mapping[str, Any]) -> Encoding:
        """Return what ``to_json`` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        ...


@dataclass(frozen=True)
class Columns:
    """Fitted columns, in order, and what those of numbers say together."""

    fields: tuple[tuple[str, Field], ...]
    encodings: tuple[Encoding, ...]
    together: NumericMatrix = field(default_factory=NumericMatrix)

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return sum(encoding.width for encoding in self.encodings) + self.together.width

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Whose features ``matrix`` holds, in order, and how many: a column's, or "" for what numbers say together."""
        own = ((name, encoding.width) for (name, _), encoding in zip(self.fields, self.encodings, strict=True))
        return ("", self.together.width), *own

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that are looked at together."""
        return _numbers(dict(self.fields))

    def matrix(self, table: Table) -> Array:
        """(n, width) float32 of rows with the same columns."""
        cells, more = _seen(self.together, self.numbers, table)
        parts = [e.matrix(cells[name]) for (name, _), e in zip(self.fields, self.encodings, strict=True)]
        return np.concatenate([more, *parts], axis=1, dtype=np.float32)

    def to_json(self) -> list[dict[str, Any]]:
        """All but what stands in ``together``, which saves itself."""
        return [
            {"name": name, "role": field.role, "form": field.form, "fitted": encoding.to_json()}
            for (name, field), encoding in zip(self.fields, self.encodings, strict=True)
        ]


def fit(table: Table, y: Array, way: Way, seed: int = 0) -> tuple[Columns, Array]:
    """Return the table's columns, fitted, and their (n, width) float32 matrix for these very rows. y (n, m) float32.

    >>> table = Table({}, columns={"age": np.array([1.0, 3.0])}, fields={"age": Field("numeric")})
    >>> fit(table, np.zeros((2, 1)), Way())[1].tolist()
    [[-1.0], [1.0]]
    """
    numbers = _numbers(table.fields)
    together = numeric_matrix.fit(_stacked(table, numbers), way.missing, way.outliers, seed)
    cells, more = _seen(together, numbers, table)
    fitted = [_maker(field.role).fit(cells[name], y, way, seed) for name, field in table.fields.items()]
    columns = Columns(tuple(table.fields.items()), tuple(encoding for encoding, _ in fitted), together)
    return columns, np.concatenate([more, *(matrix for _, matrix in fitted)], axis=1, dtype=np.float32)


def _numbers(fields: Mapping[str, Field]) -> tuple[str, ...]:
    return tuple(name for name, field in fields.items() if field.role == "numeric")


def _stacked(table: Table, numbers: tuple[str, ...]) -> Array:
    """(n, m) float64."""
    return np.stack([table.columns[name] for name in numbers], axis=1) if numbers else np.zeros((len(table), 0))


def _seen(together: NumericMatrix, numbers: tuple[str, ...], table: Table) -> tuple[Mapping[str, Array], Array]:
    """Return the cells that features are made of, and (n, d) what all numbers of a row say."""
    if not together:
        return table.columns, np.zeros((len(table), 0), np.float32)
    X = _stacked(table, numbers)
    return {**table.columns, **dict(zip(numbers, together.filled(X).T, strict=True))}, together.matrix(X)


def restore(data: Any) -> Columns:
    """Return what ``to_json`` wrote. Raises BundleError."""
    try:
        if len({line["name"] for line in data}) != len(data):
            raise ValueError("one is there twice")
        fields = tuple((str(line["name"]), Field(str(line["role"]), str(line["form"]))) for line in data)
        encodings = tuple(_maker(str(line["role"])).restore(line["fitted"]) for line in data)
    except safe_load.DAMAGE as error:
        raise BundleError(
            f"the columns of the artefact are damaged ({safe_load.brief(error)}): copy it again."
        ) from error
    return Columns(fields, encodings)


@cache  # thousands of columns ask
def _maker(role: str) -> Maker:
    module: Any = plugins.find(ROOM, role)
    return module  # type: ignore[no-any-return]


def floats(data: Any, length: int | None = None) -> tuple[float, ...]:
    """Finite numbers, for ``restore``. Raises ValueError."""
    found = tuple(float(value) for value in data)
    if not np.isfinite(found).all() or (length is not None and len(found) != length):
        raise ValueError("numbers that are not finite, or too few or many")
    return found


def indicator(missing: Array, known: bool) -> Array:
    """(n, 0 or 1): where values are missing, if training rows taught what that means."""
    return missing[:, None].astype(np.float32) if known else np.zeros((len(missing), 0), np.float32)
