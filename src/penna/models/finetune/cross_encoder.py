"""Fine-tuning for pairs whose texts stand in one row of tokens.

Each sees the other in every layer, and the head judges what is between the mean of either text's own tokens, next to
what can be counted of both. No torch at import.

A cross-encoder commonly has one vector for the whole row, which tells little of how far its halves differ: on mrpc
(MiniLM, 5 epochs, two seeds) that reaches an accuracy of 0.795 and 0.786, and this 0.819 and 0.814 (docs/pairs.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from penna.models.finetune import pair_head, single_text
from penna.models.finetune.model import BATCH, inputs_of
from penna.models.finetune.pair_head import Paired

if TYPE_CHECKING:
    from penna.networks.encoder_with_head import CrossNetwork
    from penna.training import loop


@dataclass(frozen=True)
class Rows:
    """Framed pairs, and (n, features) what the texts of each share."""

    framed: Framed
    shared: Array


def texts_of(
    checkpoint: checkpoints.Checkpoint, train: Table, chosen: dict[str, Any], cache: Path | None
) -> tuple[Rows, Paired]:
    """Return the rows of tokens of a table's pairs, and how they were made."""
    framed, framing = parts.texts_of(checkpoint, train, chosen, cache)
    overlap, shared = pair_overlap.fit(train)
    return Rows(framed, shared), Paired(framing, overlap)


def read(spec: Paired, checkpoint: checkpoints.Checkpoint, table: Table, cache: Path | None) -> Rows:
    """Return the rows of tokens of the pairs."""
    return Rows(sliding_windows.read(spec.framing, checkpoint, table, cache), spec.overlap.matrix(table))


def moved(pairs: Rows, lookup: Array) -> Rows:
    """Return the same rows in the ids of a smaller vocabulary."""
    return replace(pairs, framed=parts.moved(pairs.framed, lookup))


def rows_of(
    pairs: Rows, y: Array, weights: tuple[float, ...] | None = None, shares: Array | None = None, seed: int = 0
) -> loop.Rows:
    """Return what is trained on."""
    import torch

    counted = torch.from_numpy(pair_vectors.counted(pairs.shared))
    plain = parts.rows_of(pairs.framed, y, weights, shares, seed, sides=True)
    return replace(plain, inputs=lambda index: {**plain.inputs(index), "shared": counted[index]})


def answers(network: CrossNetwork, pairs: Rows, dtype: Any) -> Array:
    """(n, columns) float32 logits, from the mean of each text over its windows."""
    from penna.networks.encoder_with_head import Sided
    from penna.training import loop

    rows = pairs.framed.rows
    found = loop.outputs(Sided(network), rows.lengths, inputs_of(rows, sides=True), BATCH, dtype)
    first, second = np.split(pairs.framed.mean(found.numpy()), 2, axis=1)
    return pair_head.judged(network, first, second, pairs.shared)


def kind() -> type[CrossNetwork]:
    """Return the network that learns from such rows."""
    from penna.networks.encoder_with_head import CrossNetwork

    return CrossNetwork


def ids(pairs: Rows) -> Array:
    """Return the token ids that occur."""
    return single_text.ids(pairs.framed)


def shares(pairs: Rows) -> tuple[float, float]:
    """Return the shares of pairs longer than one row of tokens, and of truncated pairs."""
    return single_text.shares(pairs.framed)


def windows(pairs: Rows) -> float:
    """Rows of tokens for each pair, all of which are read when it is answered."""
    return single_text.windows(pairs.framed)


@dataclass(frozen=True, eq=False)
class Model(pair_head.Model):
    """A trained encoder that reads both texts of a pair in one row, with its head."""

    def logits(self, table: Table, dtype: Any) -> Array:
        """Return the logits (n, columns) of the pairs."""
        return answers(self.network, read(self.framing, self.checkpoint, table, self.cache), dtype)
