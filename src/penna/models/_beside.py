"""Columns beside the text in a linear model: what they became, and weights of their own. Serving opens this file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna.errors import BundleError
from penna.features import columns
from penna.features.columns import Columns, Way
from penna.models import Array
from penna.models._targets import Target
from penna.recipe import Knob, Profile, Recipe
from penna.table import Table

FILE = "columns.json"
WEIGHTS = "columns.safetensors"
NONE = "none"
#: A file of 5,000 columns with many names is a tenth of this.
_LARGEST = 256 << 20
#: Knobs of a recipe that reads columns, and what they are if it says nothing.
USUAL = {"columns": "standard", "names": "onehot"}


@dataclass(frozen=True, eq=False)
class Beside:
    """Fitted columns, and their weights (k, width) float32."""

    columns: Columns
    coef: Array

    def margins(self, table: Table) -> Array:
        """(n, k) float32, to be added to those of the text."""
        return np.asarray(self.columns.matrix(table) @ self.coef.T)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        write(folder, self.columns)
        save_file({"coef": np.ascontiguousarray(self.coef, np.float32)}, folder / WEIGHTS)


def knobs(profile: Profile, when: tuple[str, tuple[Any, ...]] | None = None) -> tuple[Knob, ...]:
    """How columns are read, where there are any; ``when``: the condition for reading them at all."""
    if not profile.columns:
        return ()
    return (
        Knob("columns", values=("standard", "quantile", NONE), when=when),
        Knob("names", values=("onehot", "target"), when=("columns", ("standard", "quantile"))),
    )


def way(recipe: Recipe) -> Way:
    return Way(recipe["columns"], recipe.get("names", "onehot"))


def told(target: Target) -> Array:
    """(n, m) float32, what a name's mean is taken of: a number, or one column for each class (one for two classes)."""
    if target.loss == "squared":
        return target.y[:, None].astype(np.float32)
    if target.link.kind == "mean":
        return np.array(target.link.values, np.float32)[target.y][:, None]
    kinds = np.arange(1, 2) if target.columns == 2 else np.arange(target.columns)
    return np.asarray(target.y[:, None] == kinds, np.float32)


def write(folder: Path, fitted: Columns) -> None:
    (folder / FILE).write_text(json.dumps(fitted.to_json(), ensure_ascii=False), encoding="utf-8")


def read(folder: Path) -> Columns:
    """Raises BundleError."""
    path = folder / FILE
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is larger than any that Penna writes")
        return columns.restore(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} is missing or damaged ({error}): copy the artefact again.") from error


def open(folder: Path, k: int) -> Beside | None:
    """What ``save`` wrote beside a model of so many columns of margins; None where nothing was. Raises BundleError."""
    if not (folder / FILE).exists():
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    fitted = read(folder)
    try:
        coef = load_file(folder / WEIGHTS)["coef"]
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise BundleError(f"{folder / WEIGHTS} is missing or damaged ({error}): copy the artefact again.") from error
    if coef.shape != (k, fitted.width) or coef.dtype != np.float32 or not np.isfinite(coef).all():
        raise BundleError(f"{folder / WEIGHTS} does not go with its model: copy the artefact again.")
    return Beside(fitted, coef)
