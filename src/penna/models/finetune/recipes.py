"""The recipes of family ``finetune``: defaults, portfolio and search space."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from penna.data.output_kind import OutputKind
from penna.encoders.checkpoints import OWN
from penna.models.shared import encoder_depth, long_text_options
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar

#: What a recipe means where it says nothing. ``depth`` and ``frozen`` are shares of the encoder's layers, so that one
#: space serves encoders of any depth; ``head_lr`` and ``embedding_lr`` multiply ``lr``.
DEFAULTS: dict[str, Scalar] = {
    "depth": 1.0,
    "frozen": 0.0,
    "lr": 1e-4,
    "head_lr": 10.0,
    "embedding_lr": 1.0,
    "layer_decay": 1.0,
    "weight_decay": 0.01,
    "epochs": 4.0,
    "warmup": 0.1,
    "schedule": "linear",
    "batch": 32,
    "dropout": 0.1,
    "smoothing": 0.0,
    "class_weights": "none",
    "pooling": OWN,
    "head_start": "random",
    "length": 128,
}
#: What is for classes alone.
_OF_CLASSES = ("smoothing", "class_weights")
#: Loss of the task -> what its recipes start from. ``bins``: numbers are learned as so many classes, 0 as themselves;
#: ``loss``: what is made small for labels that do not exclude one another.
_USUAL: dict[OutputKind, dict[str, Scalar]] = {
    OutputKind.CLASS_PROBABILITIES: DEFAULTS,
    OutputKind.NUMBERS: {k: v for k, v in DEFAULTS.items() if k not in _OF_CLASSES} | {"bins": 10},
    OutputKind.LABEL_PROBABILITIES: {k: v for k, v in DEFAULTS.items() if k not in _OF_CLASSES}
    | {"loss": "binary_cross_entropy"},
}

#: From here on the head starts from a logistic regression in the first recipe.
MANY_CLASSES = 20
#: Below, the recipe with the largest steps comes first.
FEW_ROWS = 4000


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes for a table of this size, cheapest first, each for every encoder."""
    usual = _USUAL.get(profile.output_kind, {})
    choices = _CHOICES[profile.output_kind](profile) if usual else []
    if profile.pair:
        choices = _for_pairs(choices, profile)
    made = [
        Recipe.from_values("finetune", usual | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in choices
        for encoder, depth in encoder_depth.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    ]
    return long_text_options.others(list(dict.fromkeys(made)), profile, pairs=False)


def _for_classes(profile: DatasetProfile) -> list[dict[str, Scalar]]:
    epochs = _epochs(profile)
    # A sentence encoder's vectors tell many classes apart as they are; few classes ask for other vectors.
    starts = ("logistic", "random") if profile.classes >= MANY_CLASSES else ("random", "logistic")
    usual: dict[str, Scalar] = {"epochs": epochs, "head_start": starts[0]}
    gentle: dict[str, Scalar] = usual | {"epochs": 1.5 * epochs, "lr": 6e-5, "batch": 16, "smoothing": 0.05}
    bold: dict[str, Scalar] = usual | {"epochs": 1.5 * epochs, "lr": 2e-4, "smoothing": 0.1}
    # Few rows are few steps: larger ones won on the validation rows of emotion (3,257 rows), not on 5,452 and more.
    known = [bold, usual, gentle] if profile.rows < FEW_ROWS else [usual, gentle, bold]
    return [
        # An encoder that is good at a small depth gives a first model in a quarter of the time.
        {"epochs": epochs, "lr": 2e-4, "depth": 0.25},
        *known,
        # For ceilings that rule the whole encoder out, and for encoders too slow to train whole.
        {"epochs": 1.5 * epochs, "lr": 2e-4, "depth": 0.5},
        # The other start fell behind on the validation rows of emotion and banking77: it comes when time is left.
        {"epochs": epochs, "head_start": starts[1]},
        {"epochs": epochs, "frozen": 0.5, "embedding_lr": 0.0},
    ]


def _for_numbers(profile: DatasetProfile) -> list[dict[str, Scalar]]:
    epochs = _epochs(profile)
    return [
        {"epochs": epochs, "lr": 2e-4, "depth": 0.25},
        {"epochs": epochs},
        {"epochs": epochs, "bins": 0},
        {"epochs": 1.5 * epochs, "lr": 6e-5, "batch": 16},
        {"epochs": 1.5 * epochs, "lr": 2e-4, "bins": 20},
        {"epochs": 1.5 * epochs, "lr": 2e-4, "depth": 0.5},
        {"epochs": epochs, "head_start": "logistic"},
        {"epochs": epochs, "frozen": 0.5, "embedding_lr": 0.0},
    ]


def _for_labels(profile: DatasetProfile) -> list[dict[str, Scalar]]:
    epochs = _epochs(profile)
    return [
        {"epochs": epochs, "lr": 2e-4, "depth": 0.25},
        {"epochs": epochs, "head_start": "logistic"},
        {"epochs": epochs, "head_start": "logistic", "loss": "asymmetric"},
        {"epochs": 1.5 * epochs, "lr": 6e-5, "batch": 16, "head_start": "logistic"},
        {"epochs": 1.5 * epochs, "lr": 2e-4, "loss": "focal"},
        {"epochs": 1.5 * epochs, "lr": 2e-4, "depth": 0.5},
        {"epochs": epochs, "frozen": 0.5, "embedding_lr": 0.0},
    ]


def _for_pairs(choices: list[dict[str, Scalar]], profile: DatasetProfile) -> list[dict[str, Scalar]]:
    """Return the recipes for pairs: one more reads the texts apart.

    A sentence encoder's vectors are near what a number asks for from the start, while classes such as "contradicts" are
    seen by reading both texts together.

    Few layers see little of what stands between two texts, so the recipe of a small depth is left out. Of texts in one
    row the untrained encoder's vectors say little, and a head that begins with them goes astray: on mrpc an accuracy of
    0.754, against 0.819 from a random start.
    """
    whole = [
        choice | ({"head_start": "random"} if "head_start" in choice else {})
        for choice in choices
        if float(choice.get("depth", 1.0)) >= 0.5  # type: ignore[arg-type]
    ]
    apart: dict[str, Scalar] = {"epochs": _epochs(profile), "pair": "apart", "head_start": "logistic"}
    if profile.output_kind == OutputKind.NUMBERS:
        numbers: dict[str, Scalar] = {"epochs": _epochs(profile), "bins": 0}
        return [apart | {"bins": 0}, numbers, *(choice for choice in whole if choice != numbers)]
    # Large steps lose what the encoder knows, and two texts take long: on mrpc a rate of 1e-4 reached 0.814 in five
    # epochs and 0.811 in three; 2e-4 reached 0.799 in five.
    milder = sorted(whole, key=lambda choice: choice.get("lr", DEFAULTS["lr"]) != DEFAULTS["lr"])
    return [milder[0] | {"epochs": 0.7 * _epochs(profile)}, apart, *milder]


_CHOICES = {
    OutputKind.CLASS_PROBABILITIES: _for_classes,
    OutputKind.NUMBERS: _for_numbers,
    OutputKind.LABEL_PROBABILITIES: _for_labels,
}


def _epochs(profile: DatasetProfile) -> float:
    """More passes over fewer rows; below one pass where there are very many."""
    return float(np.clip(4 * (5000 / max(profile.rows, 1)) ** 0.5, 0.5, 30).round(1))


#: Loss of the task -> the hyperparameters of what it is alone in.
_TURNED: dict[OutputKind, tuple[Hyperparameter, ...]] = {
    OutputKind.CLASS_PROBABILITIES: (
        Hyperparameter("smoothing", values=(0.0, 0.05, 0.1)),
        Hyperparameter("class_weights", values=("none", "balanced")),
    ),
    OutputKind.NUMBERS: (Hyperparameter("bins", values=(0, 10, 20)),),
    OutputKind.LABEL_PROBABILITIES: (Hyperparameter("loss", values=("binary_cross_entropy", "focal", "asymmetric")),),
}


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn; nothing where there is no encoder."""
    if not profile.encoders:
        return ()
    apart = ("pair", ("apart",)) if profile.pair else None
    return (
        Hyperparameter("encoder", values=profile.encoders),
        encoder_depth.hyperparameter(profile),
        Hyperparameter("frozen", values=(0.0, 0.34, 0.5)),
        Hyperparameter("lr", low=2e-5, high=4e-4, log=True),
        Hyperparameter("head_lr", values=(1.0, 5.0, 10.0, 20.0)),
        Hyperparameter("embedding_lr", values=(0.0, 0.3, 1.0)),
        Hyperparameter("layer_decay", values=(1.0, 0.9, 0.8)),
        Hyperparameter("epochs", low=_epochs(profile) / 4, high=2.5 * _epochs(profile), log=True),
        Hyperparameter("warmup", values=(0.06, 0.1, 0.2)),
        Hyperparameter("schedule", values=("linear", "cosine")),
        Hyperparameter("batch", values=(16, 32, 64)),
        Hyperparameter("dropout", values=(0.0, 0.1, 0.2)),
        *_TURNED.get(profile.output_kind, ()),
        Hyperparameter("length", values=(64, 128, 256)),
        *long_text_options.long_knobs(profile),
        *long_text_options.pair_knobs(profile),
        # Of pairs in one row the head reads the mean of either text, and begins by chance.
        replace(encoder_depth.pooling_knob(profile, ("mean", "cls")), when=apart),
        Hyperparameter("head_start", values=("random", "logistic"), when=apart),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the value of every hyperparameter, with defaults."""
    return long_text_options.USUAL | {"pair": "joined"} | DEFAULTS | dict(recipe.hyperparameters)


def steps(recipe: Recipe, rows: int) -> int:
    """Optimiser steps of a fit on this many rows."""
    chosen = settings(recipe)
    wanted = float(chosen["epochs"]) * recipe.fidelity * rows / int(chosen["batch"])
    return max(1, math.ceil(wanted))
