"""Losses by name. Knows tensors alone.

Each gives a loss for every row: how far a row is to be believed is for the loop to weigh.
"""

from collections.abc import Callable

import torch
from torch import nn

from penna.training import contrastive_loss, label_losses, linear_chain


def believed(each: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Return the mean of the rows' losses, each counted as far as its row is believed.

    Shares are 1 on the mean of all rows, so that a batch of rows that hardly count is a small step.
    """
    mean: torch.Tensor = (each * shares).mean()
    return mean


def _cross_entropy(
    logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float
) -> torch.Tensor:
    each: torch.Tensor = nn.functional.cross_entropy(
        logits, y, weight=weights, label_smoothing=smoothing, reduction="none"
    )
    # Weights say how classes stand to one another in a batch, not how large a step is.
    return each if weights is None else each * (len(y) / weights[y].sum())


def _squared(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    return nn.functional.mse_loss(logits[:, 0], y, reduction="none")


def _tags(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    """Of (n, parts, columns) logits and (n, at least as many) class indices, -100 where there is none."""
    truth = y[:, : logits.shape[1]]
    each = nn.functional.cross_entropy(
        logits.transpose(1, 2), truth, ignore_index=-100, label_smoothing=smoothing, reduction="none"
    )
    # Each part counts alike, whatever row it stands in.
    total: torch.Tensor = each.sum(1) * (len(y) / (truth >= 0).sum().clamp_min(1))
    return total


def _span(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    """Of (n, parts, columns) logits and (n, columns) the part that each column points at, -100 where it does not."""
    each = nn.functional.cross_entropy(logits, y, ignore_index=-100, reduction="none")
    total: torch.Tensor = each.mean(1)
    return total


#: Loss by name: from logits (n, columns), y, weights by class and smoothing to each row's loss (n,). Weights and
#: smoothing are for classes alone.
LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, float], torch.Tensor]] = {
    "cross_entropy": _cross_entropy,
    "squared": _squared,
    "binary_cross_entropy": lambda logits, y, weights, smoothing: label_losses.plain(logits, y),
    "tags": _tags,
    "chain": lambda logits, y, weights, smoothing: linear_chain.loss(logits, y),
    "span": _span,
    "focal": lambda logits, y, weights, smoothing: label_losses.focal(logits, y),
    "contrastive": lambda vectors, y, weights, smoothing: contrastive_loss.supervised(vectors, y),
    "asymmetric": lambda logits, y, weights, smoothing: label_losses.asymmetric(logits, y),
}
