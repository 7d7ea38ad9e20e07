"""The contract of a model family: recipes are data, fits are repeatable, what is saved predicts the same."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from penna import tasks
from penna.budget import OutOfTime
from penna.data.arrays import Array
from penna.data.table import Table
from penna.models.base import Family, Model, get_family
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task
from penna.testing.deadlines import make_resources
from penna.testing.tables import classes_table

#: How far a loaded model may be from the fitted one: training may run in bf16.
TOLERANCE = 2e-2


def check_family(name: str, folder: Path, *, table: Table | None = None, encoders: Sequence[str] = ()) -> None:
    """Check everything that a model family has to keep.

    Parameters
    ----------
    name : str
        The family's name.
    folder : Path
        An empty folder for caches and models.
    table : Table, optional
        Rows with a target that the family can learn. Default: two classes.
    encoders : sequence of str
        Folders of encoders, for a family that needs one.

    Raises
    ------
    AssertionError
        For the first thing that does not hold.
    """
    table = classes_table() if table is None else table
    family, task = get_family(name), tasks.find("auto", table)
    classes = len(task.classes or ())
    profile = DatasetProfile(
        len(table), classes, len(table) // 4, 30.0, encoders=tuple(encoders), output_kind=task.output_kind
    )
    recipe = family.portfolio(profile)[0]
    _check_recipes(family, profile)
    first, second = (_fit(family, recipe, task, table, folder) for _ in range(2))
    outputs = _outputs(first, table)
    assert outputs.shape[0] == len(table), f"{name}: {len(table)} rows, {outputs.shape[0]} outputs"
    assert np.array_equal(outputs, _outputs(second, table)), f"{name}: the same seed gives another model"
    assert len(_outputs(first, table.take(np.arange(0)))) == 0, f"{name}: no rows have to give no outputs"
    saved = folder / "saved"
    saved.mkdir()
    first.save(saved)
    far = np.abs(_outputs(family.load(saved), table) - outputs).max(initial=0)
    assert far < TOLERANCE, f"{name}: what was saved differs by {far:g}"
    assert family.cost(recipe, profile, table, make_resources(folder / "cache")).seconds >= 0, (
        f"{name}: its cost is below zero"
    )
    with contextlib.suppress(OutOfTime):
        family.fit(recipe, task, table, None, make_resources(folder / "cache", -1.0), lambda *_: True)


def _check_recipes(family: Family, profile: DatasetProfile) -> None:
    names = [parameter.name for parameter in family.search_space(profile)]
    assert len(names) == len(set(names)), f"{family.name}: a hyperparameter has two entries"
    for recipe in family.portfolio(profile):
        assert Recipe.from_json(recipe.to_json()) == recipe, f"{family.name}: {recipe} is not plain JSON"
        assert recipe.family == family.name, f"{family.name} offers a recipe of {recipe.family}"


def _fit(family: Family, recipe: Recipe, task: Task, table: Table, folder: Path) -> Model:
    model: Model = family.fit(recipe, task, table, None, make_resources(folder / "cache"), lambda *_: True)
    return model


def _outputs(model: Model, table: Table) -> Array:
    return np.asarray(model.outputs(table), np.float32)
