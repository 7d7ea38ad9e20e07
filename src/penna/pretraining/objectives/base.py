"""Pretraining objectives. One file each; the folder is the registry. An objective sees text and states, never a clock.

A file here offers ``make(terms) -> Objective``. What an objective draws is a pure function of the seed and a batch's
number, so that a run that was cut off goes on as if it had not been.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch
    from torch import nn

    from penna.pretraining.network import Network, States

#: Which rows of a batch an objective learns from: those that are masked, those that are left clean, or all of them.
View = Literal["masked", "clean", "any"]
#: How the segments of an example stand together.
Pairing = Literal["none", "order", "next"]
#: A sum and what it is divided by: measures of several batches are added before they are divided.
Measures = dict[str, tuple["torch.Tensor", "torch.Tensor"]]
Inputs = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True)
class Terms:
    """What an objective is made from."""

    vocabulary: Vocabulary
    width: int  # of the encoder
    length: int  # most tokens of an example
    seed: int = 0
    ngrams: int = 1  # most words of a masked span
    rate: tuple[float, float] = (0.15, 0.15)  # share of tokens to mask, at the beginning and at the end
    teacher: str | None = None  # a folder, or a name on the hub
    parts: str | None = None  # what to learn from the teacher: "pooled:1,tokens:1"
    dtype: str = "float32"
    device: str = "cpu"


class Objective(Protocol):
    """One thing to learn.

    ``module`` holds what it learns next to the encoder, and is not part of the encoder's file.
    """

    view: View
    pairing: Pairing | None  # what it needs; None where that is no matter
    module: "nn.Module"
    flops: float  # for one token it sees, next to what the encoder and its heads do; a teacher's pass

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        """Arrays for this batch, made on the processor while the one before it is learned.

        A new "ids" (b, s) stands in place of the batch's own. ``progress`` is the share of the training done.
        """
        ...

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return what is computed once for a batch, however many depths learn from it: a teacher's states."""
        ...

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the loss at one exit on its rows, and measures of it.

        Every parameter of its heads takes part each time.
        """
        ...


def rows(count: int, views: set[str], clean: float) -> dict[str, slice]:
    """Which of ``count`` rows each view has: the first are masked, the last ``clean`` of them are not.

    Where nothing asks for clean rows (or ``clean`` is 0), all are masked, and the clean view has all.

    >>> rows(8, {"masked", "clean"}, 0.25)
    {'any': slice(0, 8, None), 'masked': slice(0, 6, None), 'clean': slice(6, 8, None)}
    """
    everything = slice(0, count)
    kept = round(count * clean) if "clean" in views else 0
    if "masked" not in views or not 0 < kept < count:
        return {"any": everything, "masked": everything, "clean": everything}
    return {"any": everything, "masked": slice(0, count - kept), "clean": slice(count - kept, count)}


def drawing(seed: int, number: int, purpose: int) -> np.random.Generator:
    """Return the generator for one purpose in one batch: the same in any process, after any restart."""
    return np.random.default_rng((seed, number, purpose))


def parsed(text: str, option: str, known: list[str]) -> dict[str, float]:
    """Names with weights from ``"mlm:1,sop:0.5"``; a name alone weighs 1. Raises SettingError.

    >>> parsed("mlm,sop:0.5", "--objectives", ["mlm", "sop"])
    {'mlm': 1.0, 'sop': 0.5}
    """
    from penna.errors import SettingError

    weights: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = part.partition(":")
        try:
            weight = float(number or 1)
        except ValueError:
            weight = -1.0
        if name not in known:
            raise SettingError(f"{option}: there is no {name!r}: choose from {', '.join(known)}.")
        if not 0 < weight < 1e6 or name in weights:
            raise SettingError(f"{option} {text!r}: give each name once, with a weight above 0, like {known[0]}:0.5.")
        weights[name] = weight
    if not weights:
        raise SettingError(f"{option} names nothing: choose from {', '.join(known)}.")
    return weights
