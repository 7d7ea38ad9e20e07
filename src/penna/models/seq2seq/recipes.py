"""The recipes of family ``seq2seq``: what its knobs mean, which are known to be good, which a search may turn."""

import math
from typing import Any

import numpy as np

from penna.search.recipe import Knob, Profile, Recipe, Scalar

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
    "length": 512,  # the most tokens of a source that is learnt from; of a target twice as many
    "beams": 4,
    "penalty": 1.0,
    "pairs": "drop",  # what becomes of pairs that cannot be right, in training; or "keep"
}

LOSS = "translation"
#: Seconds of the budget for each pass over a row, and the width that can be taught in that time.
_WIDTHS = ((0.005, 256), (0.002, 192), (0.0005, 128), (0.0, 64))


def portfolio(profile: Profile) -> list[Recipe]:
    """Known-good recipes for a table of this size and a budget of this length, the one to have first."""
    if profile.loss != LOSS:
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
    return [Recipe.made("seq2seq", usual | choice, seed=profile.seed) for choice in choices]


def knobs(profile: Profile) -> tuple[Knob, ...]:
    """What a search may turn."""
    if profile.loss != LOSS:
        return ()
    alone = ("encoder", (None,))
    checkpoints = ("encoder", profile.encoders)
    return (
        Knob("encoder", values=(None, *profile.encoders)),
        *((Knob("encoder_lr", values=(0.03, 0.1, 0.3), when=checkpoints),) if profile.encoders else ()),
        Knob("width", values=(128, 192, 256, 384)),
        Knob("layers", low=2, high=6, whole=True, when=alone),
        Knob("decoder_layers", low=1, high=6, whole=True),
        Knob("sharing", values=("all", "encoder", "decoder", "none")),
        Knob("vocabulary", values=("joint", "separate"), when=alone),
        Knob("pieces", low=2000, high=16_000, log=True, whole=True),
        Knob("tied", values=(True, False)),
        Knob("lr", low=3e-4, high=3e-3, log=True),
        Knob("warmup", values=(0.05, 0.1, 0.2)),
        Knob("schedule", values=("cosine", "inverse_sqrt")),
        Knob("epochs", low=_epochs(profile) / 4, high=2 * _epochs(profile), log=True),
        Knob("tokens", values=(1024, 2048, 4096)),
        Knob("dropout", values=(0.0, 0.1, 0.2, 0.3)),
        Knob("smoothing", values=(0.0, 0.1)),
        Knob("average", values=(0, 5)),
        Knob("beams", values=(1, 4)),
        Knob("penalty", values=(0.6, 1.0, 1.4), when=("beams", (4,))),
        Knob("pairs", values=_pairs(profile)),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Every knob's value, the defaults included."""
    return DEFAULTS | dict(recipe.knobs)


def steps(recipe: Recipe, tokens: int) -> int:
    """Optimiser steps of a fit on rows of so many tokens in all."""
    chosen = settings(recipe)
    return max(1, math.ceil(float(chosen["epochs"]) * recipe.effort * tokens / int(chosen["tokens"])))


def _pairs(profile: Profile) -> tuple[str, ...]:
    """What may become of pairs that cannot be right, the default first."""
    return {"auto": ("drop", "keep"), "keep": ("keep",)}.get(profile.noise, ("drop",))


def _width(profile: Profile) -> int:
    passes = _epochs(profile) * max(profile.rows, 1)
    return next(width for least, width in _WIDTHS if profile.seconds >= least * passes)


def _pieces(profile: Profile) -> int:
    """Few rows support few pieces: each should be seen some tens of times."""
    return int(np.clip(round(profile.rows / 5, -2), 1000, 8000))


def _epochs(profile: Profile) -> float:
    """More passes over fewer rows."""
    return float(np.clip(20 * (30_000 / max(profile.rows, 1)) ** 0.5, 1, 200).round(1))
