"""A fitted model with its stages: cleaning and serialized columns before it, post-processing steps after it.

A pipeline offers no recipes. ``around`` adds one only if a recipe or a choice has such a stage.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from penna import postprocessing, safe_load
from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import BundleError
from penna.models.base import Model
from penna.models.shared import load_part
from penna.postprocessing.base import Adjustment
from penna.preprocessing import serialize
from penna.preprocessing.cleaning.base import NONE, Cleaning
from penna.search.recipe import Recipe
from penna.tasks.base import Task

NAME = "pipeline"
FILE = "staged.json"
INNER = "model"
#: Nobody needs more; a file that lists more is damaged.
MOST_STEPS = 8
#: Bytes of what says them: a curve for each of many labels is the longest.
_LARGEST = 64 << 20


class Pipeline:
    """A model of ``family`` with its cleaning and its post-processing steps."""

    def __init__(
        self, family: str, model: Model, cleaning: Cleaning, last: Sequence[Adjustment] = (), row: bool | str = False
    ) -> None:
        self.family = family
        self.model = model
        self.cleaning = cleaning
        self.last = tuple(last)
        self.row = row

    def outputs(self, table: Table) -> Array:
        """(n, k) float32, of raw texts."""
        read = self.cleaning(table)
        return postprocessing.apply(
            self.last, self.model.outputs(serialize.written(read, self.row) if self.row else read)
        )

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        (folder / INNER).mkdir()
        self.model.save(folder / INNER)
        data = {
            "format": 1,
            "family": self.family,
            "clean": self.cleaning.to_json(),
            "last": [postprocessing.to_json(step) for step in self.last],
            **({"row": self.row} if self.row else {}),
        }
        (folder / FILE).write_text(json.dumps(data, indent=1), encoding="utf-8")


def around(
    family: str, model: Model, clean: str = NONE, last: Sequence[Adjustment] = (), row: bool | str = False
) -> tuple[str, Model]:
    """Return the model with these stages, and the family that opens it; as it is where there are none."""
    cleaning = Cleaning.of(clean)
    return (NAME, Pipeline(family, model, cleaning, last, row)) if cleaning.steps or last or row else (family, model)


def wrap(recipe: Recipe, model: Model, last: Sequence[Adjustment] = ()) -> tuple[str, Model]:
    """``around`` with what the recipe of the model asks for."""
    return around(recipe.family, model, recipe.get("clean", NONE), last, recipe.get(serialize.HYPERPARAMETER, False))


def inside(model: Model) -> Model:
    """Return the model without the stages that stand around it."""
    return model.model if isinstance(model, Pipeline) else model


def stages(model: Model) -> Pipeline:
    """Return the stages that stand around a model, and the model in them; none of them where none stand there."""
    return model if isinstance(model, Pipeline) else Pipeline("", model, Cleaning())


def check(model: Model, task: Task, folder: Path) -> None:
    """Raise BundleError where a model's post-processing steps are made for another task."""
    for step in stages(model).last:
        if not postprocessing.suits(step, task):
            raise BundleError(f"{folder} ends in a step ({step.name}) that is not made for its task: fit again.")


def load(folder: Path) -> Pipeline:
    """Open what ``save`` wrote. Raises BundleError."""
    path = folder / FILE
    with safe_load.damaged(path):
        data = safe_load.load_json(path, _LARGEST)
        cleaning, family = Cleaning.from_json(data["clean"]), str(data["family"])
        if not isinstance(data["last"], list) or len(data["last"]) > MOST_STEPS:
            raise ValueError("its stages are no list, or too many")
        last, row = [postprocessing.from_json(step) for step in data["last"]], data.get("row", False)
        if row not in (False, True, serialize.BLANK):
            raise ValueError("it writes rows in a way that is not known")
    return Pipeline(family, load_part.part(family, folder / INNER), cleaning, last, row)
