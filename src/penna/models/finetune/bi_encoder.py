"""Fine-tuning for pairs whose texts are read apart: one encoder for both, a head on what is between their vectors.

After Reimers and Gurevych 2019, "Sentence-BERT". No torch at import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows
from penna.encoders.sliding_windows import Framed
from penna.features import pair_overlap
from penna.heads import pair_vectors
from penna.models.finetune import batches as parts
from penna.models.finetune import pair_head
from penna.models.finetune.model import logits_of
from penna.models.finetune.pair_head import Paired

if TYPE_CHECKING:
    from penna.networks.encoder_with_head import PairNetwork
    from penna.training import loop


@dataclass(frozen=True)
class Sides:
    """The framed texts of both sides, and (n, features) what those of each row share."""

    first: Framed
    second: Framed
    shared: Array

    def __iter__(self) -> Iterator[Framed]:
        return iter((self.first, self.second))


def texts_of(
    checkpoint: checkpoints.Checkpoint, train: Table, chosen: dict[str, Any], cache: Path | None
) -> tuple[Sides, Paired]:
    """Both sides' rows of tokens, and how they were made: as long as the longer side needs."""
    each = [parts.texts_of(checkpoint, side, chosen, cache)[1] for side in train.pair_tables]
    spec = Paired(max(each, key=lambda one: one.length), pair_overlap.fit(train)[0])
    return read(spec, checkpoint, train, cache), spec


def read(spec: Paired, checkpoint: checkpoints.Checkpoint, table: Table, cache: Path | None) -> Sides:
    """Return the rows of tokens of both texts."""
    first, second = (sliding_windows.read(spec.framing, checkpoint, side, cache) for side in table.pair_tables)
    return Sides(first, second, spec.overlap.matrix(table))


def moved(sides: Sides, lookup: Array) -> Sides:
    """Return the same rows in the ids of a smaller vocabulary."""
    return Sides(parts.moved(sides.first, lookup), parts.moved(sides.second, lookup), sides.shared)


def rows_of(
    sides: Sides, y: Array, weights: tuple[float, ...] | None = None, shares: Array | None = None, seed: int = 0
) -> loop.Rows:
    """Return what is trained on: batches of both sides."""
    import torch

    from penna.training import loop

    counted = torch.from_numpy(pair_vectors.counted(sides.shared))
    first, second = (parts.rows_of(side, y, weights, shares, seed + i) for i, side in enumerate(sides))

    def inputs(index: Array) -> loop.Inputs:
        other = second.inputs(index)
        more = {"second_ids": other["input_ids"], "second_mask": other["attention_mask"], "shared": counted[index]}
        return {**first.inputs(index), **more}

    return loop.Rows(first.lengths + second.lengths, inputs, y, weights, shares)


def answers(network: PairNetwork, sides: Sides, dtype: Any) -> Array:
    """(n, columns) float32 logits, from the mean of each text's windows."""
    from penna.networks.encoder_with_head import Pooled

    first, second = (logits_of(Pooled(network), side, dtype) for side in sides)
    return pair_head.judged(network, first, second, sides.shared)


def kind() -> type[PairNetwork]:
    """Return the network that learns from such rows."""
    from penna.networks.encoder_with_head import PairNetwork

    return PairNetwork


def ids(sides: Sides) -> Array:
    """Return the token ids that occur."""
    return np.union1d(*(side.rows.values for side in sides))


def shares(sides: Sides) -> tuple[float, float]:
    """Return the shares of rows with a longer text than one row of tokens, and with a truncated text."""
    long, cut = (np.logical_or(*(getattr(side, name) for side in sides)) for name in ("long", "cut"))
    return float(long.mean()), float(cut.mean())


def windows(sides: Sides) -> float:
    """Rows of tokens for each text, all of which are read when it is answered."""
    return sum(len(side.rows) for side in sides) / max(2 * len(sides.shared), 1)


@dataclass(frozen=True, eq=False)
class Model(pair_head.Model):
    """A trained encoder that reads the texts of a pair one by one, with its head."""

    def logits(self, table: Table, dtype: Any) -> Array:
        """Return the logits (n, columns) of the pairs."""
        return answers(self.network, read(self.framing, self.checkpoint, table, self.cache), dtype)
