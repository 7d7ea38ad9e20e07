"""The recipes of family ``contrastive``: defaults, portfolio and search space."""

from typing import Any

import numpy as np

from penna.data.output_kind import OutputKind
from penna.encoders.checkpoints import OWN
from penna.models.shared import encoder_depth
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar

#: What a recipe means where it says nothing. ``batch`` counts pairs of texts; ``pairs`` those drawn for each row.
DEFAULTS: dict[str, Scalar] = {
    "depth": 1.0,
    "pooling": OWN,
    "length": 128,
    "long": "head",
    "lr": 1e-4,
    "embedding_lr": 1.0,
    "batch": 16,
    "pairs": 10.0,
    "head": "logistic",
    "c": 10.0,
}
#: With more rows a class on the mean, or more in all, plain fine-tuning has enough to go by.
FEW, MOST_ROWS = 100, 6_000
#: With as many rows a class on the mean, or fewer, what validation says of a recipe is luck as much as merit.
FEWEST = 16


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes where classes have few rows, each for every encoder; none elsewhere."""
    usual = DEFAULTS | {"pairs": _pairs(profile)}
    choices: list[dict[str, Scalar]] = [{}, {"lr": 5e-5, "pairs": 2 * _pairs(profile)}, {"depth": 0.5}]
    return [
        Recipe.from_values("contrastive", usual | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in (choices if _few(profile) else [])
        for encoder, depth in encoder_depth.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    ]


def few_shot_default(profile: DatasetProfile) -> bool:
    """Whether the first recipe is what to serve of so few rows, unless another is clearly better."""
    return profile.rows <= FEWEST * profile.classes


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn; nothing where there is no encoder, or where classes have many rows."""
    if not profile.encoders or not _few(profile):
        return ()
    usual = _pairs(profile)
    return (
        Hyperparameter("encoder", values=profile.encoders),
        encoder_depth.hyperparameter(profile),
        Hyperparameter("lr", low=1e-5, high=2e-4, log=True),
        Hyperparameter("embedding_lr", values=(0.0, 1.0)),
        Hyperparameter("batch", values=(8, 16, 32)),
        Hyperparameter("pairs", low=usual / 3, high=3 * usual, log=True),
        Hyperparameter("head", values=("logistic", "prototype")),
        Hyperparameter("c", low=0.3, high=100.0, log=True, when=("head", ("logistic",))),
        Hyperparameter("length", values=(64, 128, 256)),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the value of every hyperparameter, with defaults."""
    return DEFAULTS | dict(recipe.hyperparameters)


def as_finetune(recipe: Recipe) -> Recipe:
    """Return the fine-tune with as many rows in as many steps.

    What that takes is known, and how it learns is the same.
    """
    chosen = settings(recipe)
    kept = {name: chosen[name] for name in ("encoder", "depth", "pooling", "length", "long", "lr", "embedding_lr")}
    return Recipe.from_values(
        "finetune",
        kept | {"batch": chosen["batch"], "epochs": chosen["pairs"]},
        fidelity=recipe.fidelity,
        seed=recipe.seed,
    )


def _few(profile: DatasetProfile) -> bool:
    classes = profile.output_kind == OutputKind.CLASS_PROBABILITIES and profile.rows <= FEW * profile.classes
    return classes and profile.rows <= MOST_ROWS


def _pairs(profile: DatasetProfile) -> float:
    """Fewer for each row where there are more rows: 15 of 16, 3 of 600."""
    return round(min(40.0, max(3.0, 60 / float(np.sqrt(max(profile.rows, 1))))), 1)
