"""The head of pair models: features between the vectors of two texts, and features counted from both texts.

``bi_encoder`` and ``cross_encoder`` make the vectors. The artifact holds the encoder as a graph of vectors and the head
next to it, and is served as the family ``frozen`` is. No torch at import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders.sliding_windows import Framing
from penna.features import pair_overlap
from penna.features.pair_overlap import Overlap
from penna.heads import heads, pair_vectors
from penna.heads.links import Link, silent
from penna.models.finetune.model import FineTuned
from penna.models.shared.encoder_io import softmax

if TYPE_CHECKING:
    import torch

    from penna.networks.encoder_with_head import PairNetwork


@dataclass(frozen=True)
class Paired:
    """How both texts are framed, and what tells what they share."""

    framing: Framing
    overlap: Overlap = field(compare=False)

    @property
    def length(self) -> int:
        """Return the length in tokens."""
        return self.framing.length

    @property
    def windows(self) -> int:
        """Return the most windows of a text."""
        return self.framing.windows


def judged(network: PairNetwork, first: Array, second: Array, shared: Array) -> Array:
    """(n, columns) float32 logits from both texts' vectors (n, width) and an ``Overlap``'s matrix."""
    import torch

    with torch.inference_mode():
        combined = torch.from_numpy(pair_vectors.combined(first, second, shared)).to(network.head.weight.device)
        found: Array = network.head(combined).float().cpu().numpy()
    return found


@dataclass(frozen=True, eq=False)
class Model(FineTuned, ABC):
    """A trained encoder and a head on what is between the texts of a pair."""

    framing: Paired  # type: ignore[assignment]

    @abstractmethod
    def logits(self, table: Table, dtype: Any) -> Array:
        """(n, columns) float32 of a table of one row or more."""

    def outputs(self, table: Table) -> Array:
        """(n, columns), in the number format that is fastest here: within 2e-2 of the artifact's."""
        from penna.training import precision

        if not len(table):
            return self.link(np.zeros((0, self.network.head.out_features), np.float32), softmax)
        logits = self.logits(table, precision.fastest_dtype())
        return self.link.settled(self.link(logits, softmax), silent(table))

    def save(self, folder: Path) -> None:
        """Write the ONNX graph of vectors with its tokenizer, in float32, and the head."""
        network = self.network.cpu().eval()
        pooling, framing = network.pooling, self.framing.framing
        encoder = export.EncoderExport(network.encoder, self.checkpoint, self.length, None, pooling, framing)
        export.write_encoder(encoder, folder)
        _head(network.head, self.link).save(folder)
        pair_overlap.save(self.framing.overlap, folder)


def _head(layer: torch.nn.Linear, link: Link) -> heads.Head:
    arrays = {"coef": layer.weight.detach().numpy(), "intercept": layer.bias.detach().numpy()}
    as_it_is = heads.Scaling.fitted(np.zeros((1, layer.in_features), np.float32), "none")
    return heads.Head("linear", as_it_is, arrays, link)
