"""Masked language modeling: predict masked words. Spans of up to three words for ALBERT, single words for BERT.

Devlin et al. 2019, section 3.1; Lan et al. 2020, section 4.1. Logits are computed at the masked positions only.
"""

from typing import TYPE_CHECKING

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.objectives import _spans
from penna.pretraining.objectives.base import Inputs, Measures, Objective, Pairing, Terms, View, drawing

if TYPE_CHECKING:
    import torch

    from penna.pretraining.network import Network, States

_PURPOSE = 1


def make(terms: Terms) -> Objective:
    """Return the objective."""
    return Words(terms)


class Words:
    """Masks a batch, and computes the loss of predicting the masked tokens."""

    view: View = "masked"
    pairing: Pairing | None = None
    flops = 0.0

    def __init__(self, terms: Terms) -> None:
        from torch import nn

        self.terms, self.module = terms, nn.Module()

    def rate(self, progress: float) -> float:
        """Return the share to mask, interpolated from the first rate to the last."""
        first, last = self.terms.rate
        return first + (last - first) * min(max(progress, 0.0), 1.0)

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        """Return the masked ids, and the positions and labels of the masked tokens."""
        draw = drawing(self.terms.seed, number, _PURPOSE)
        masked = _spans.mask(batch, self.terms.vocabulary, rows, self.rate(progress), self.terms.ngrams, draw)
        return {"ids": masked.ids, "mlm.positions": masked.positions, "mlm.labels": masked.labels}

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return nothing: the labels are inputs already."""
        return {}

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the mean cross-entropy and the accuracy over masked tokens."""
        from penna.pretraining.objectives._entropy import entropy

        labels = inputs["mlm.labels"]
        # The masked rows come first, so positions in the whole batch are valid in them too.
        hidden = states.last.reshape(-1, states.last.shape[-1]).index_select(0, inputs["mlm.positions"])
        logits = network.words(hidden)
        total = entropy(logits, labels)
        count = total.new_full((), max(len(labels), 1))
        detached = logits.detach()
        # The highest score, not its index: argmax takes several times as long.
        right = (detached.gather(1, labels[:, None])[:, 0] >= detached.amax(-1)).sum()
        return total / count, {"mlm": (total.detach(), count), "mlm accuracy": (right, count)}
