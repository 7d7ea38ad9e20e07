"""Encode columns other than the text as numbers: one file per column type.

Encodings are fitted on training rows and stored as JSON. They know cells and target values; never a task or a model.
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
#: Names in fewer training rows than this share one code.
RARE = 3


@dataclass(frozen=True)
class Way:
    """The choice of encodings.

    Attributes
    ----------
    numeric : str
        A file of ``features/scaling``: "standard", "power" ..., or "raw": NaN if missing, for models that accept it.
    categorical : str
        "onehot"; "target": the target's mean per value, if there are many; or "hash": buckets, for unlimited values.
    missing : str
        The replacement of missing numbers: "median", "mean", or a file of ``features/imputation``, which predicts it.
    outliers : bool
        Whether there is a feature for outlier rows.
    """

    numeric: str = "standard"
    categorical: str = "onehot"
    missing: str = "median"
    outliers: bool = False


class Encoding(Protocol):
    """One fitted column."""

    @property
    def width(self) -> int:
        """Return the number of features."""
        ...

    def matrix(self, values: Array) -> Array:
        """Return the features, (n, width) float32."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form, which ``Maker.restore`` reads."""
        ...


class Maker(Protocol):
    """The members of a column encoder."""

    def fit(self, values: Array, y: Array, way: Way, seed: int) -> tuple[Encoding, Array]:
        """Fit to training rows.

        Parameters
        ----------
        values : ndarray of shape (n,)
            Cells, as the column type stores them.
        y : ndarray of shape (n, m)
            The target as numbers.
        way : Way
            The choice of encodings.
        seed : int
            Seed of folds.

        Returns
        -------
        encoding : Encoding
        features : ndarray of shape (n, width)
            Features of the same rows; no row's features use its own ``y``.
        """
        ...

    def restore(self, data: Mapping[str, Any]) -> Encoding:
        """Return the encoding that ``to_json`` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        ...


@dataclass(frozen=True)
class Columns:
    """Fitted columns in order, and joint features of the numeric ones."""

    fields: tuple[tuple[str, Field], ...]
    encodings: tuple[Encoding, ...]
    together: NumericMatrix = field(default_factory=NumericMatrix)

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return sum(encoding.width for encoding in self.encodings) + self.together.width

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Return (column, number of features) in the order of ``matrix``; "" for joint features of the numbers."""
        own = ((name, encoding.width) for (name, _), encoding in zip(self.fields, self.encodings, strict=True))
        return ("", self.together.width), *own

    @property
    def numbers(self) -> tuple[str, ...]:
        """Return the names of the numeric columns."""
        return _numbers(dict(self.fields))

    def matrix(self, table: Table) -> Array:
        """Return the features of rows with the same columns, (n, width) float32."""
        cells, more = _seen(self.together, self.numbers, table)
        parts = [e.matrix(cells[name]) for (name, _), e in zip(self.fields, self.encodings, strict=True)]
        return np.concatenate([more, *parts], axis=1, dtype=np.float32)

    def to_json(self) -> list[dict[str, Any]]:
        """Return a JSON-able form of everything but ``together``, which saves itself."""
        return [
            {"name": name, "role": field.role, "form": field.form, "fitted": encoding.to_json()}
            for (name, field), encoding in zip(self.fields, self.encodings, strict=True)
        ]


def fit(table: Table, y: Array, way: Way, seed: int = 0) -> tuple[Columns, Array]:
    """Fit the table's columns; return them and the (n, width) float32 features of the same rows.

    ``y`` is the target, (n, m) float32.

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
    """Return the numeric columns side by side, (n, m) float64."""
    return np.stack([table.columns[name] for name in numbers], axis=1) if numbers else np.zeros((len(table), 0))


def _seen(together: NumericMatrix, numbers: tuple[str, ...], table: Table) -> tuple[Mapping[str, Array], Array]:
    """Return the cells after imputation, and the joint features of the numbers, (n, d)."""
    if not together:
        return table.columns, np.zeros((len(table), 0), np.float32)
    X = _stacked(table, numbers)
    return {**table.columns, **dict(zip(numbers, together.filled(X).T, strict=True))}, together.matrix(X)


def restore(data: Any) -> Columns:
    """Return the columns that ``to_json`` wrote. Raises BundleError for damaged data."""
    try:
        if len({line["name"] for line in data}) != len(data):
            raise ValueError("one is there twice")
        fields = tuple((str(line["name"]), Field(str(line["role"]), str(line["form"]))) for line in data)
        encodings = tuple(_maker(str(line["role"])).restore(line["fitted"]) for line in data)
    except safe_load.DAMAGE as error:
        raise BundleError(
            f"the columns of the artifact are damaged ({safe_load.brief(error)}): copy the artifact again."
        ) from error
    return Columns(fields, encodings)


@cache  # called for thousands of columns
def _maker(role: str) -> Maker:
    module: Any = plugins.find(ROOM, role)
    return module  # type: ignore[no-any-return]


def floats(data: Any, length: int | None = None) -> tuple[float, ...]:
    """Return finite numbers for ``restore``. Raises ValueError for anything else."""
    numbers = tuple(float(value) for value in data)
    if not np.isfinite(numbers).all() or (length is not None and len(numbers) != length):
        raise ValueError("numbers that are not finite, or too few or many")
    return numbers


def indicator(missing: Array, known: bool) -> Array:
    """Return an (n, 1) indicator of missing values, or (n, 0) if training rows had none."""
    return missing[:, None].astype(np.float32) if known else np.zeros((len(missing), 0), np.float32)
