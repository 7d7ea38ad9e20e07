"""Masked language modelling: find the words that were hidden. Spans of up to three words for ALBERT, words for BERT.

Devlin et al. 2019, section 3.1; Lan et al. 2020, section 4.1. Logits are computed at the hidden places alone.
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
    """Return the step or objective that these values describe."""
    return Words(terms)


class Words:
    """The masking of a batch, and the loss of finding what it hid."""

    view: View = "masked"
    pairing: Pairing | None = None
    flops = 0.0

    def __init__(self, terms: Terms) -> None:
        from torch import nn

        self.terms, self.module = terms, nn.Module()

    def rate(self, progress: float) -> float:
        """Return the share to mask, on the line from the first rate to the last."""
        first, last = self.terms.rate
        return first + (last - first) * min(max(progress, 0.0), 1.0)

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        draw = drawing(self.terms.seed, number, _PURPOSE)
        made = _spans.mask(batch, self.terms.vocabulary, rows, self.rate(progress), self.terms.ngrams, draw)
        return {"ids": made.ids, "mlm.positions": made.positions, "mlm.labels": made.labels}

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return the score that the step is fitted for."""
        return {}

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the name of the loss."""
        from penna.pretraining.objectives._entropy import entropy

        labels = inputs["mlm.labels"]
        # The masked rows are the first, so places counted in the whole batch hold in them too.
        hidden = states.last.reshape(-1, states.last.shape[-1]).index_select(0, inputs["mlm.positions"])
        logits = network.words(hidden)
        total = entropy(logits, labels)
        count = total.new_full((), max(len(labels), 1))
        detached = logits.detach()
        # The highest score, not its place: finding that takes several times as long.
        right = (detached.gather(1, labels[:, None])[:, 0] >= detached.amax(-1)).sum()
        return total / count, {"mlm": (total.detach(), count), "mlm accuracy": (right, count)}
