"""Model families. One file each; the folder is the registry. Heavy imports stand inside functions: a file here is
opened by search and by serving alike, and serving must not meet torch.

A family is a module of five functions (the Protocol ``Family``); what ``fit`` returns is a ``Model``. A fitted model
cannot be refitted. A model can always save itself as something that opens without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from penna.budget import Resources
from penna.data.arrays import Array
from penna.data.table import Table
from penna.search.recipe import Knob, Profile, Recipe
from penna.tasks.base import Task

#: ``report(step, of, score) -> bool``: told the validation score on the way; False means stop here (pruned).
Report = Callable[[int, int, float], bool]


@dataclass(frozen=True)
class Cost:
    """What one fit is predicted to take, and what its artefact is predicted to weigh and to take for one text."""

    seconds: float
    megabytes: float | None = None
    milliseconds: float | None = None


class Model(Protocol):
    """A fitted model."""

    def outputs(self, table: Table) -> Array:
        """(n, k) float32 probabilities, columns in the order of the task's classes."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything that ``open`` of the same family needs into an empty folder; never pickle."""
        ...


@runtime_checkable
class Reads(Protocol):
    """A model whose encoder reads so many tokens of a text at once; of these shares of the rows were longer, and a part
    was not read."""

    length: int
    windows: int
    long_share: float
    truncated_share: float


def reach(recipe: Recipe, model: Model) -> dict[str, Any]:
    """What a model's encoder reads of long texts, as the report tells it; nothing of a model that has none."""
    if not isinstance(model, Reads):
        return {}
    return {
        "encoder": recipe["encoder"] or recipe.family,
        "length": model.length,
        "windows": model.windows,
        "long": model.long_share,
        "truncated": model.truncated_share,
    }


class Family(Protocol):
    """What a file in this folder offers.

    One with a ``NEEDS`` ("text", or "columns" beside it) is searched where a table has such.
    One that also offers ``shrink(recipe, profile, train, resources, seconds) -> Recipe | None`` can be made to fit.
    """

    #: What must be installed to ``open`` and use a model of this family, beside penna and numpy.
    PACKAGES: tuple[str, ...]

    def portfolio(self, profile: Profile) -> list[Recipe]:
        """Known-good recipes, cheapest first. The first of ``linear`` is the baseline that every search starts with."""
        ...

    def knobs(self, profile: Profile) -> tuple[Knob, ...]:
        """The knobs a search may turn; empty where there is nothing to choose."""
        ...

    def cost(self, recipe: Recipe, profile: Profile, train: Table, resources: Resources) -> Cost:
        """Predict one fit on this many rows on this machine (a short probe is allowed; its result is remembered)."""
        ...

    def fit(
        self,
        recipe: Recipe,
        task: Task,
        train: Table,
        valid: Table | None,
        resources: Resources,
        report: Report,
    ) -> Model:
        """Fit on ``train`` only; ``valid`` serves for early stopping and for the scores given to ``report``.

        Raises ``OutOfTime`` where the deadline leaves nothing usable, ``Pruned`` where ``report`` answered False.
        """
        ...

    def open(self, folder: Path) -> Model:
        """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
        ...


class Pruned(Exception):
    """A fit was told to stop by ``report``."""
