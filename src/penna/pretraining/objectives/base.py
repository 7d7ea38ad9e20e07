"""The protocol of pretraining objectives. An objective sees text and states, never a clock.

Each objective is one file with ``make(terms) -> Objective``; the folder is the registry. Random draws are a pure
function of the seed and a batch's number, so that an interrupted run continues as if it had not stopped.
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

#: The rows of a batch that an objective learns from: masked rows, unmasked rows, or all.
View = Literal["masked", "clean", "any"]
#: How the two segments of an example are chosen.
Pairing = Literal["none", "order", "next"]
#: A sum and its count: both are added over several batches before the division.
Measures = dict[str, tuple["torch.Tensor", "torch.Tensor"]]
Inputs = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True)
class Terms:
    """The arguments of ``make``."""

    vocabulary: Vocabulary
    width: int  # of the encoder's states
    length: int  # the most tokens of an example
    seed: int = 0
    ngrams: int = 1  # the most words of a masked span
    rate: tuple[float, float] = (0.15, 0.15)  # share of tokens to mask, at the start and at the end
    teacher: str | None = None  # a folder, or a name on the hub
    parts: str | None = None  # parts to distill, such as "pooled:1,tokens:1"
    dtype: str = "float32"
    device: str = "cpu"


class Objective(Protocol):
    """One pretraining objective.

    Attributes
    ----------
    view : {"masked", "clean", "any"}
        The rows that it learns from.
    pairing : {"none", "order", "next"} or None
        How segments must be paired; None if any way works.
    module : torch.nn.Module
        Trained with the encoder, and not part of the encoder's file.
    flops : float
        Operations per token beyond those of the encoder and its heads, such as a teacher's pass.
    """

    view: View
    pairing: Pairing | None
    module: "nn.Module"
    flops: float

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        """Return arrays for this batch, computed on the CPU while the batch before it is trained on.

        An array "ids" (b, s) replaces the batch's own. ``progress`` is the share of the training done.
        """
        ...

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return tensors that all depths of a batch share, such as a teacher's states."""
        ...

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the loss at one exit over the rows of ``view``, and its measures.

        Every parameter of its heads must take part each time.
        """
        ...


def rows(count: int, views: set[str], clean: float) -> dict[str, slice]:
    """Return the rows of each view out of ``count``: the first are masked, a share of ``clean`` at the end is not.

    If no objective needs clean rows (or ``clean`` is 0), all rows are masked, and the clean view has all rows.

    >>> rows(8, {"masked", "clean"}, 0.25)
    {'any': slice(0, 8, None), 'masked': slice(0, 6, None), 'clean': slice(6, 8, None)}
    """
    everything = slice(0, count)
    unmasked = round(count * clean) if "clean" in views else 0
    if "masked" not in views or not 0 < unmasked < count:
        return {"any": everything, "masked": everything, "clean": everything}
    return {"any": everything, "masked": slice(0, count - unmasked), "clean": slice(count - unmasked, count)}


def drawing(seed: int, number: int, purpose: int) -> np.random.Generator:
    """Return the random generator for one purpose in one batch: the same in any process, after any restart."""
    return np.random.default_rng((seed, number, purpose))


def parsed(text: str, option: str, choices: list[str]) -> dict[str, float]:
    """Return names with weights from text such as ``"mlm:1,sop:0.5"``; the default weight is 1.

    Raises SettingError if a name is unknown or a weight is not positive.

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
        if name not in choices:
            raise SettingError(f"{option}: there is no {name!r}: choose from {', '.join(choices)}.")
        if not 0 < weight < 1e6 or name in weights:
            raise SettingError(f"{option} {text!r}: give each name once, with a weight above 0, like {choices[0]}:0.5.")
        weights[name] = weight
    if not weights:
        raise SettingError(f"{option} names nothing: choose from {', '.join(choices)}.")
    return weights
