"""What sentence order and next sentence have in common: two classes, read off [CLS]. The data side made the pairs."""

from typing import TYPE_CHECKING

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.objectives.base import Inputs, Measures, Pairing, View

if TYPE_CHECKING:
    import torch

    from penna.pretraining.network import Network, States


class Pairs:
    """The loss of telling which of two ways a pair of segments was put together; rows without a pair are left out."""

    view: View = "any"
    flops = 0.0

    def __init__(self, name: str, pairing: Pairing) -> None:
        from torch import nn

        self.name, self.module = name, nn.Module()
        self.pairing: Pairing | None = pairing

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        return {"pair": batch.pair}

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        return {}

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        from torch.nn import functional

        truth = inputs["pair"]
        logits = network.pair(states.last).float()
        # A sum over no row is 0 with a gradient of 0: the heads take part, which several processes rely on.
        total = functional.cross_entropy(logits, truth, ignore_index=-1, reduction="sum")
        count = (truth >= 0).sum()
        right = ((logits.detach().argmax(-1) == truth) & (truth >= 0)).sum()
        measures = {self.name: (total.detach(), count), f"{self.name} accuracy": (right, count)}
        return total / count.clamp(min=1), measures
