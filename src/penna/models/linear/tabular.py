"""Columns other than the text in a linear model: what they became, and weights of their own.

Serving opens this file.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from penna import plugins, safe_load
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError
from penna.features import columns, imputation, numeric_matrix, scaling, text_statistics
from penna.features.columns.base import Columns, Way
from penna.heads.links import Target
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe

FILE = "columns.json"
WEIGHTS = "columns.safetensors"
NONE = "none"
#: A file of 5,000 columns with many names is a tenth of this.
_LARGEST, _LARGEST_WEIGHTS = 256 << 20, 4 << 30
#: Hyperparameters of a recipe that reads columns, and what they are if it says nothing.
USUAL = {"columns": "standard", "names": "onehot"}
#: Ways of telling names.
NAMES = ("onehot", "target", "hash")
#: The hyperparameter for counts of the text (length, signs, case ...), and the scale for them where no columns are
#: read.
COUNTS = "counts"
_ALONE = "quantile"


@dataclass(frozen=True, eq=False)
class ColumnFeatures:
    """Fitted columns, and their weights (k, width) float32."""

    columns: Columns
    coef: Array

    @cached_property
    def forms(self) -> frozenset[str]:
        """Return the form of each column."""
        return frozenset(field.form for _, field in self.columns.fields)

    @property
    def given(self) -> bool:
        """Whether there is a column that says something where the text is empty."""
        return self.forms != {text_statistics.FORM}

    def features(self, table: Table) -> Array:
        """(n, width) float32."""
        return self.columns.matrix(
            text_statistics.with_statistics(table) if text_statistics.FORM in self.forms else table
        )

    def margins(self, table: Table) -> Array:
        """(n, k) float32, to be added to those of the text."""
        return np.asarray(self.features(table) @ self.coef.T)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        from safetensors.numpy import save_file

        write(folder, self.columns)
        save_file({"coef": np.ascontiguousarray(self.coef, np.float32)}, folder / WEIGHTS)


def hyperparameters(
    profile: DatasetProfile, when: tuple[str, tuple[Any, ...]] | None = None
) -> tuple[Hyperparameter, ...]:
    """How columns are read, where there are any; ``when``: the condition for reading them at all."""
    if not profile.columns:
        return ()
    read = ("columns", scaled())
    filled = tuple(
        name for name in plugins.names(imputation.ROOM) if profile.numbers <= imputation.find(name).MOST_COLUMNS
    )
    return (
        Hyperparameter("columns", values=(*scaled(), NONE), when=when),
        Hyperparameter("names", values=NAMES, when=read),
        *((Hyperparameter("missing", values=("median", "mean", *(filled if profile.numbers > 1 else ())), when=read),)
          if profile.gaps else ()),
        *alone(profile, read),
    )  # fmt: skip


def alone(profile: DatasetProfile, when: tuple[str, tuple[Any, ...]] | None = None) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameter for isolation-forest outlier features, if there are at least two numeric columns."""
    return (Hyperparameter("outliers", values=(False, True), when=when),) if profile.numbers > 1 else ()


def scaled() -> tuple[str, ...]:
    """Return the scales that leave no number missing, the usual one first."""
    found = [name for name in plugins.names(scaling.ROOM) if not scaling.find(name).GAPS]
    return tuple(sorted(found, key=lambda name: name != USUAL["columns"]))


def seen(recipe: Recipe, table: Table) -> Table:
    """Return the rows with what such a recipe reads besides n-grams: columns, counts of the text, both or neither."""
    columns = recipe.get("columns", NONE) != NONE
    if not recipe.get(COUNTS):
        return table if columns else replace(table, columns={}, fields={})
    counted = text_statistics.with_statistics(table)
    kept = {name: field for name, field in counted.fields.items() if columns or field.form == text_statistics.FORM}
    return replace(counted, fields=kept, columns={name: counted.columns[name] for name in kept})


def way(recipe: Recipe, numeric: str = "") -> Way:
    """``numeric``: the scale, where the family leaves no choice of it."""
    chosen = recipe.get("columns", NONE)
    return Way(
        numeric or (_ALONE if chosen == NONE else chosen),
        recipe.get("names", "onehot"),
        missing=recipe.get("missing", "median"),
        outliers=bool(recipe.get("outliers")),
    )


def target_matrix(target: Target) -> Array:
    """(n, m) float32, what a name's mean is taken of: a number, or one column for each class (one for two classes)."""
    if target.output_kind == OutputKind.NUMBERS:
        return target.y[:, None].astype(np.float32)
    if target.y.ndim == 2:
        return np.asarray(target.y, np.float32)
    if target.link.kind == "mean":
        return np.array(target.link.values, np.float32)[target.y][:, None]
    kinds = np.arange(1, 2) if target.columns == 2 else np.arange(target.columns)
    return np.asarray(target.y[:, None] == kinds, np.float32)


def write(folder: Path, fitted: Columns) -> None:
    """Write the fitted columns into ``folder``."""
    (folder / FILE).write_text(json.dumps(fitted.to_json(), ensure_ascii=False), encoding="utf-8")
    if fitted.together:
        fitted.together.save(folder)


def read(folder: Path) -> Columns:
    """Raise BundleError."""
    path = folder / FILE
    with safe_load.damaged(path):
        fitted = columns.restore(safe_load.parsed(safe_load.content(path, _LARGEST)))
    return replace(fitted, together=numeric_matrix.load(folder, len(fitted.numbers)))


def load(folder: Path, k: int) -> ColumnFeatures | None:
    """Return what ``save`` wrote next to a model of so many columns of margins; None where nothing was.

    Raises BundleError.
    """
    if not (folder / FILE).exists():
        return None
    fitted = read(folder)
    coef = safe_load.load_arrays(folder / WEIGHTS, _LARGEST_WEIGHTS, {"coef": np.float32})["coef"]
    if coef.shape != (k, fitted.width):
        raise BundleError(f"{folder / WEIGHTS} does not go with its model: copy the artifact again.")
    return ColumnFeatures(fitted, coef)
