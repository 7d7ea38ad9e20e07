"""Fine-tuning for pairs whose texts are read apart: one encoder for both, a head on what is between their vectors.

After Reimers and Gurevych 2019, "Sentence-BERT". What is saved is the encoder as a graph of vectors and the head beside
it, as the family ``frozen`` has it, and so it is served. No torch at import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.encoders import checkpoints, frames
from penna.encoders.frames import Framed, Framing
from penna.features import overlap
from penna.features.overlap import Overlap
from penna.models import Array, _pairs
from penna.models import _finetune_parts as parts
from penna.models import _frozen_heads as heads
from penna.models._finetuned import FineTuned, logits_of, softmax
from penna.models._targets import Link, silent
from penna.table import Table

if TYPE_CHECKING:
    import torch

    from penna.models._network import PairNetwork
    from penna.training import loop


@dataclass(frozen=True)
class Sides:
    """The framed texts of both sides, and (n, features) what those of each row share."""

    first: Framed
    second: Framed
    shared: Array

    def __iter__(self) -> Iterator[Framed]:
        return iter((self.first, self.second))


@dataclass(frozen=True)
class Apart:
    """How both texts are framed, and what tells what they share."""

    framing: Framing
    overlap: Overlap = field(compare=False)

    @property
    def length(self) -> int:
        return self.framing.length

    @property
    def windows(self) -> int:
        return self.framing.windows


def texts_of(
    checkpoint: checkpoints.Checkpoint, train: Table, chosen: dict[str, Any], cache: Path | None
) -> tuple[Sides, Apart]:
    """Both sides' rows of tokens, and how they were made: as long as the longer side needs."""
    each = [parts.texts_of(checkpoint, side, chosen, cache)[1] for side in train.sides]
    asked = Apart(max(each, key=lambda one: one.length), overlap.fit(train)[0])
    return read(asked, checkpoint, train, cache), asked


def read(asked: Apart, checkpoint: checkpoints.Checkpoint, table: Table, cache: Path | None) -> Sides:
    first, second = (frames.read(asked.framing, checkpoint, side, cache) for side in table.sides)
    return Sides(first, second, asked.overlap.matrix(table))


def moved(sides: Sides, lookup: Array) -> Sides:
    """The same rows in the ids of a smaller vocabulary."""
    return Sides(parts.moved(sides.first, lookup), parts.moved(sides.second, lookup), sides.shared)


def rows_of(
    sides: Sides, y: Array, weights: tuple[float, ...] | None = None, shares: Array | None = None, seed: int = 0
) -> loop.Rows:
    """What is learnt from: batches of both sides."""
    import torch

    from penna.training import loop

    counted = torch.from_numpy(_pairs.counted(sides.shared))
    first, second = (parts.rows_of(side, y, weights, shares, seed + i) for i, side in enumerate(sides))

    def inputs(index: Array) -> loop.Inputs:
        other = second.inputs(index)
        more = {"second_ids": other["input_ids"], "second_mask": other["attention_mask"], "shared": counted[index]}
        return {**first.inputs(index), **more}

    return loop.Rows(first.lengths + second.lengths, inputs, y, weights, shares)


def answers(network: PairNetwork, sides: Sides, dtype: Any) -> Array:
    """(n, columns) float32 logits, from the mean of each text's windows."""
    import torch

    from penna.models._network import Pooled

    first, second = (logits_of(Pooled(network), side, dtype) for side in sides)
    with torch.inference_mode():
        combined = torch.from_numpy(_pairs.combined(first, second, sides.shared)).to(network.head.weight.device)
        found: Array = network.head(combined).float().cpu().numpy()
    return found


def kind() -> type[PairNetwork]:
    """The network that learns from such rows."""
    from penna.models._network import PairNetwork

    return PairNetwork


def ids(sides: Sides) -> Array:
    """Every token that occurs, once."""
    return np.union1d(*(side.rows.values for side in sides))


def shares(sides: Sides) -> tuple[float, float]:
    """Of the rows, those with a text that is longer than a row of tokens, and those of which a part is not read."""
    long, cut = (np.logical_or(*(getattr(side, name) for side in sides)) for name in ("long", "cut"))
    return float(long.mean()), float(cut.mean())


def windows(sides: Sides) -> float:
    """Rows of tokens for each text, all of which are read when it is answered."""
    return sum(len(side.rows) for side in sides) / max(2 * len(sides.shared), 1)


@dataclass(frozen=True, eq=False)
class Model(FineTuned):
    """A trained encoder that reads the texts of a pair one by one, with its head."""

    framing: Apart  # type: ignore[assignment]

    def outputs(self, table: Table) -> Array:
        """(n, columns), in the number format that is fastest here: within 2e-2 of the artefact's."""
        from penna.training import precision

        if not len(table):
            return self.link(np.zeros((0, self.network.head.out_features), np.float32), softmax)
        sides = read(self.framing, self.checkpoint, table, self.cache)
        logits = answers(self.network, sides, precision.fastest_dtype())
        return self.link.settled(self.link(logits, softmax), silent(table))

    def save(self, folder: Path) -> None:
        """The ONNX graph of vectors with its tokenizer, in float32, and the head."""
        from penna.encoders import graph

        network = self.network.cpu().eval()
        pooling, framing = network.pooling, self.framing.framing
        graph.write_graph(
            network.encoder, self.checkpoint, folder, pooling=pooling, length=self.length, framing=framing
        )
        _head(network.head, self.link).save(folder)
        overlap.save(self.framing.overlap, folder)


def _head(layer: torch.nn.Linear, link: Link) -> heads.Head:
    arrays = {"coef": layer.weight.detach().numpy(), "intercept": layer.bias.detach().numpy()}
    as_it_is = heads.Scaling.fitted(np.zeros((1, layer.in_features), np.float32), "none")
    return heads.Head("linear", as_it_is, arrays, link)
