"""The common part of sentence order and next sentence: two classes, predicted from [CLS]. ``segments`` pairs them."""

from typing import TYPE_CHECKING

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.objectives.base import Inputs, Measures, Pairing, View

if TYPE_CHECKING:
    import torch

    from penna.pretraining.network import Network, States


class Pairs:
    """Binary classification of how a pair of segments was built; rows without a pair do not count."""

    view: View = "any"
    flops = 0.0

    def __init__(self, name: str, pairing: Pairing) -> None:
        from torch import nn

        self.name, self.module = name, nn.Module()
        self.pairing: Pairing | None = pairing

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        """Return the labels of the pairs."""
        return {"pair": batch.pair}

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return nothing: the labels are inputs already."""
        return {}

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the mean cross-entropy and the accuracy over rows with a pair."""
        from torch.nn import functional

        truth = inputs["pair"]
        logits = network.pair(states.last).float()
        # A sum over no row is 0 with a gradient of 0: the heads still take part, which several processes need.
        total = functional.cross_entropy(logits, truth, ignore_index=-1, reduction="sum")
        count = (truth >= 0).sum()
        right = ((logits.detach().argmax(-1) == truth) & (truth >= 0)).sum()
        measures = {self.name: (total.detach(), count), f"{self.name} accuracy": (right, count)}
        return total / count.clamp(min=1), measures
