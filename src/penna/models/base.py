"""Model families.

One file each; the folder is the registry. Heavy imports stand inside functions: a file here is opened by search and by
serving alike, and serving must not meet torch.

A family is a module of five functions (the Protocol ``Family``); what ``fit`` returns is a ``Model``. A fitted model
cannot be refitted. A model can always save itself as something that opens without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from penna import plugins
from penna.budget import Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import SettingError
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe

#: ``report(step, of, score) -> bool``: is given the validation score on the way; False means stop here (pruned).
Report = Callable[[int, int, float], bool]


@dataclass(frozen=True)
class Cost:
    """The predicted cost of one fit: seconds, megabytes of the artifact, and milliseconds for one text."""

    seconds: float
    size_mb: float | None = None
    latency_ms: float | None = None


class Model(Protocol):
    """A fitted model."""

    def outputs(self, table: Table) -> Array:
        """(n, k) float32 probabilities, columns in the order of the task's classes."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything that ``open`` of the same family needs into an empty folder; never pickle."""
        ...


@runtime_checkable
class HasCheckpoint(Protocol):
    """A fitted model with weights for further training."""

    def save_checkpoint(self, folder: Path) -> None:
        """Write the weights in Hugging Face form."""
        ...


@runtime_checkable
class Reads(Protocol):
    """A model whose encoder reads so many tokens of a text at once.

    Of these shares of the rows were longer, and a part was not read.
    """

    length: int
    windows: int
    long_share: float
    truncated_share: float


def truncation(recipe: Recipe, model: Model) -> dict[str, Any]:
    """Return what a model's encoder reads of long texts, as the report tells it; nothing of a model that has none."""
    if not isinstance(model, Reads):
        return {}
    return {
        "encoder": recipe["encoder"] or recipe.family,
        "length": model.length,
        "windows": model.windows,
        "long": model.long_share,
        "truncated": model.truncated_share,
    }


def _no_recipes(profile: DatasetProfile) -> list[Recipe]:
    return []


def _no_hyperparameters(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    return ()


def _not_fitted(*_: Any) -> Any:
    raise SettingError("this family only wraps fitted models: no search fits it.")


def _unknown_cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    return Cost(0.0)


def _no_smaller_recipe(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    return None


def _never(profile: DatasetProfile) -> bool:
    return False


def _same_recipe(recipe: Recipe) -> Recipe:
    return recipe


@dataclass(frozen=True)
class Family:
    """A model family: what its module offers, with a documented default for every optional member.

    A family is a module ``penna/models/<name>/family.py``, or one under the entry point group ``penna.models``, that
    defines these names. ``get_family(name)`` reads it; nothing else probes for members.
    """

    name: str
    #: ``load(folder)`` opens what ``save`` wrote, without torch. Raises BundleError on anything damaged.
    load: Callable[[Path], Any]
    #: Packages that ``load`` and the loaded model need, apart from penna and numpy.
    PACKAGES: tuple[str, ...] = ()
    #: ``fit(recipe, task, train, valid, resources, report)`` fits on ``train`` alone; ``valid`` serves for early
    #: stopping and for the scores given to ``report``. Raises ``OutOfTime`` if the deadline leaves nothing usable,
    #: ``Pruned`` if ``report`` returned False. Wrappers lack it: no search fits them.
    fit: Callable[..., Any] = _not_fitted
    #: ``portfolio(profile)`` returns known-good recipes, cheapest first; the first of ``linear`` is the baseline.
    portfolio: Callable[[DatasetProfile], list[Recipe]] = _no_recipes
    #: ``search_space(profile)`` returns the hyperparameters that a search may change; () if there are none.
    search_space: Callable[[DatasetProfile], tuple[Hyperparameter, ...]] = _no_hyperparameters
    #: ``cost(recipe, profile, train, resources)`` predicts one fit on these rows on this machine. A short probe is
    #: allowed; its result is cached.
    cost: Callable[..., Cost] = _unknown_cost
    #: ``shrink(recipe, profile, train, resources, seconds)`` returns the recipe at a lower fidelity that fits into the
    #: seconds, or None.
    shrink: Callable[..., Recipe | None] = _no_smaller_recipe
    #: ``few_shot_default(profile)``: whether the family's first recipe is served unless another is clearly better,
    #: because there are too few rows to choose by.
    few_shot_default: Callable[[DatasetProfile], bool] = _never
    #: ``text_only(recipe)`` returns the recipe without the columns next to the text.
    text_only: Callable[[Recipe], Recipe] = _same_recipe
    #: The subject of a sentence in the report.
    DISPLAY_NAME: str = ""
    #: The shape of its dots in charts: "circle", "square", "triangle", "cross", "diamond" or "other".
    MARKER: str = "other"
    #: What a table must have: "text", "columns" or "" for either.
    REQUIRES: str = ""
    #: Kinds of output that the family can learn; () for all.
    OUTPUT_KINDS: tuple[OutputKind, ...] = ()
    #: Whether the family can be fitted and served without an encoder.
    NEEDS_NO_ENCODER: bool = False
    #: Whether the family uses an encoder if the user names one, though it needs none.
    USES_NAMED_ENCODER: bool = False
    #: Whether its networks start from random weights, which makes them slow to become useful.
    FROM_SCRATCH: bool = False
    #: Whether fitting it needs PyTorch, which the extra "train" brings.
    NEEDS_TORCH: bool = False
    #: Whether it honors ``Table.sample_weight``.
    SUPPORTS_SAMPLE_WEIGHT: bool = True

    def can_learn(self, output_kind: OutputKind) -> bool:
        """Whether the family produces outputs of this kind."""
        return not self.OUTPUT_KINDS or output_kind in self.OUTPUT_KINDS


@cache
def get_family(name: str) -> Family:
    """Return the family called ``name``. Raises SettingError if there is none."""
    return plugins.adapt(Family, "models", name)


class Pruned(Exception):
    """A fit was stopped by ``report``."""
