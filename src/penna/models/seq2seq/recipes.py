"""The recipes of family ``seq2seq``: defaults, portfolio and search space."""

import math
from typing import Any

import numpy as np

from penna.data.output_kind import OutputKind
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar

#: What a recipe means where it says nothing.
DEFAULTS: dict[str, Scalar] = {
    "encoder": None,  # None begins anew; else a checkpoint, whose tokenizer reads the source
    "width": 256,
    "layers": 3,  # of the encoder, where it begins anew
    "decoder_layers": 3,
    "sharing": "all",  # one layer applied at every depth: of the encoder and the decoder, of either, or of "none"
    "vocabulary": "joint",  # of both sides together, which then share their words' vectors; or "separate"
    "pieces": 6000,  # of each vocabulary
    "tied": True,  # the decoder says words by the vectors that it reads them by
    "lr": 1e-3,
    "encoder_lr": 1.0,  # multiplies ``lr``
    "warmup": 0.1,
    "schedule": "cosine",
    "epochs": 20.0,
    "tokens": 2048,  # of both sides, in a batch
    "dropout": 0.1,
    "smoothing": 0.1,
    "average": 5,
    "length": 512,  # the most tokens of a source that is trained on; of a target twice as many
    "beams": 4,
    "penalty": 1.0,
    "pairs": "drop",  # what becomes of pairs that cannot be right, in training; or "keep"
}

OUTPUT_KINDS = (OutputKind.TEXT,)
#: Seconds of the budget for each pass over a row, and the width that can be taught in that time.
_WIDTHS = ((0.005, 256), (0.002, 192), (0.0005, 128), (0.0, 64))


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes for a table of this size and a budget of this length, the one to have first."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    usual = DEFAULTS | {"width": _width(profile), "pieces": _pieces(profile), "epochs": _epochs(profile)}
    usual["pairs"] = _pairs(profile)[0]
    choices: list[dict[str, Scalar]] = [
        {},
        {"sharing": "none"},
        {"schedule": "inverse_sqrt", "dropout": 0.2},
        {"layers": 6, "decoder_layers": 2},
    ]
    choices.extend({"encoder": encoder, "vocabulary": "separate", "encoder_lr": 0.1} for encoder in profile.encoders)
    return [Recipe.from_values("seq2seq", usual | choice, seed=profile.seed) for choice in choices]


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn."""
    if profile.output_kind not in OUTPUT_KINDS:
        return ()
    alone = ("encoder", (None,))
    checkpoints = ("encoder", profile.encoders)
    return (
        Hyperparameter("encoder", values=(None, *profile.encoders)),
        *((Hyperparameter("encoder_lr", values=(0.03, 0.1, 0.3), when=checkpoints),) if profile.encoders else ()),
        Hyperparameter("width", values=(128, 192, 256, 384)),
        Hyperparameter("layers", low=2, high=6, whole=True, when=alone),
        Hyperparameter("decoder_layers", low=1, high=6, whole=True),
        Hyperparameter("sharing", values=("all", "encoder", "decoder", "none")),
        Hyperparameter("vocabulary", values=("joint", "separate"), when=alone),
        Hyperparameter("pieces", low=2000, high=16_000, log=True, whole=True),
        Hyperparameter("tied", values=(True, False)),
        Hyperparameter("lr", low=3e-4, high=3e-3, log=True),
        Hyperparameter("warmup", values=(0.05, 0.1, 0.2)),
        Hyperparameter("schedule", values=("cosine", "inverse_sqrt")),
        Hyperparameter("epochs", low=_epochs(profile) / 4, high=2 * _epochs(profile), log=True),
        Hyperparameter("tokens", values=(1024, 2048, 4096)),
        Hyperparameter("dropout", values=(0.0, 0.1, 0.2, 0.3)),
        Hyperparameter("smoothing", values=(0.0, 0.1)),
        Hyperparameter("average", values=(0, 5)),
        Hyperparameter("beams", values=(1, 4)),
        Hyperparameter("penalty", values=(0.6, 1.0, 1.4), when=("beams", (4,))),
        Hyperparameter("pairs", values=_pairs(profile)),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the value of every hyperparameter, with defaults."""
    return DEFAULTS | dict(recipe.hyperparameters)


def steps(recipe: Recipe, tokens: int) -> int:
    """Optimiser steps of a fit on rows of so many tokens in all."""
    chosen = settings(recipe)
    return max(1, math.ceil(float(chosen["epochs"]) * recipe.fidelity * tokens / int(chosen["tokens"])))


def _pairs(profile: DatasetProfile) -> tuple[str, ...]:
    """Return what may become of pairs that cannot be right, the default first."""
    return {"auto": ("drop", "keep"), "keep": ("keep",)}.get(profile.noise, ("drop",))


def _width(profile: DatasetProfile) -> int:
    passes = _epochs(profile) * max(profile.rows, 1)
    return next(width for least, width in _WIDTHS if profile.seconds >= least * passes)


def _pieces(profile: DatasetProfile) -> int:
    """Few rows support few pieces: each should be seen some tens of times."""
    return int(np.clip(round(profile.rows / 5, -2), 1000, 8000))


def _epochs(profile: DatasetProfile) -> float:
    """More passes over fewer rows."""
    return float(np.clip(20 * (30_000 / max(profile.rows, 1)) ** 0.5, 1, 200).round(1))
