"""Losses by name. Each returns one loss per row; the loop applies the weights of rows. Knows tensors only."""

from collections.abc import Callable

import torch
from torch import nn

from penna.training import contrastive_loss, label_losses, linear_chain


def believed(each: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Return the mean of the rows' losses, weighted by ``shares``.

    Shares have a mean of 1 over all rows, so a batch of rows with little weight makes a small step.
    """
    mean: torch.Tensor = (each * shares).mean()
    return mean


def _cross_entropy(
    logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float
) -> torch.Tensor:
    each: torch.Tensor = nn.functional.cross_entropy(
        logits, y, weight=weights, label_smoothing=smoothing, reduction="none"
    )
    # Class weights set the proportions within a batch, not the size of a step.
    return each if weights is None else each * (len(y) / weights[y].sum())


def _squared(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    return nn.functional.mse_loss(logits[:, 0], y, reduction="none")


def _tags(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    """Return losses of (n, parts, columns) logits and (n, at least parts) class indices; -100 means no tag."""
    truth = y[:, : logits.shape[1]]
    each = nn.functional.cross_entropy(
        logits.transpose(1, 2), truth, ignore_index=-100, label_smoothing=smoothing, reduction="none"
    )
    # Each part has the same weight, in whatever row it is.
    total: torch.Tensor = each.sum(1) * (len(y) / (truth >= 0).sum().clamp_min(1))
    return total


def _span(logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, smoothing: float) -> torch.Tensor:
    """Return losses of (n, parts, columns) logits and (n, columns) part indices; -100 means no part."""
    each = nn.functional.cross_entropy(logits, y, ignore_index=-100, reduction="none")
    total: torch.Tensor = each.mean(1)
    return total


#: Name -> loss: from logits (n, columns), y, class weights and smoothing to the loss of each row (n,). Only losses of
#: classes use weights and smoothing.
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
