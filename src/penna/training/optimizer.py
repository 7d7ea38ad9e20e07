"""The optimizer: the learning rate of each parameter, and the schedule of rates. Knows names and tensors."""

import math
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


@dataclass(frozen=True)
class Rates:
    """Peak learning rates. ``head`` and ``embeddings`` multiply ``body``; 0 freezes the embeddings.

    ``layer_decay`` < 1 multiplies the rate once for each layer below the top (Howard and Ruder 2018, section 3.2).
    It has no effect on shared layers (ALBERT). ``memory`` is Adam's second beta, the decay of squared gradients.
    """

    body: float = 1e-4
    head: float = 10.0
    embeddings: float = 1.0
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    memory: float = 0.999


def place(name: str) -> str | int:
    """Return "head", "embeddings", "body", or the number of the layer that a parameter belongs to.

    >>> place("encoder.encoder.layer.3.output.dense.weight"), place("encoder.embeddings.LayerNorm.bias")
    (3, 'embeddings')
    """
    if name.startswith(("head.", "cues.", "chain.")):
        return "head"
    if "embeddings." in name:
        return "embeddings"
    match = _LAYER.search(name)
    return int(match[1]) if match else "body"


def freeze(network: nn.Module, layers: int, embeddings: bool) -> None:
    """Freeze the lowest ``layers``, and the embeddings if requested or if any layer is frozen."""
    for name, parameter in network.named_parameters():
        where = place(name)
        low = isinstance(where, int) and where < layers
        if low or (where == "embeddings" and (embeddings or layers)):
            parameter.requires_grad_(False)


def adamw(network: nn.Module, rates: Rates) -> torch.optim.AdamW:
    """Return a fused AdamW over all trainable parameters; biases, norms and embeddings do not decay.

    Embeddings do not decay, because rows that occur in no text must not change.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    depth = 1 + max((i for name, _ in named if isinstance(i := place(name), int)), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named:
        where = place(name)
        decay = 0.0 if parameter.ndim < 2 or where == "embeddings" else rates.weight_decay
        groups.setdefault((_rate(where, rates, depth), decay), []).append(parameter)
    described: list[dict[str, Any]] = [
        {"params": members, "lr": rate, "peak": rate, "weight_decay": decay}
        for (rate, decay), members in groups.items()
    ]
    return torch.optim.AdamW(described, betas=(0.9, rates.memory), eps=1e-8, fused=True)


def _rate(where: str | int, rates: Rates, depth: int) -> float:
    if where == "head":
        return rates.body * rates.head
    if where == "embeddings":
        return rates.body * rates.embeddings * rates.layer_decay**depth
    if isinstance(where, int):
        return rates.body * rates.layer_decay ** (depth - 1 - where)
    return rates.body


def height(progress: float, warmup: float, shape: str) -> float:
    """Return the share of the peak rate at ``progress`` in 0..1: up during ``warmup``, then down to zero.

    With "inverse_sqrt" it falls as 1 / sqrt(progress), and never to zero (Vaswani et al. 2017, section 5.3).

    >>> height(0.05, 0.1, "linear"), height(0.1, 0.1, "linear"), height(1.0, 0.1, "cosine")
    (0.5, 1.0, 0.0)
    """
    if progress < warmup:
        return progress / warmup
    if shape == "inverse_sqrt":
        return math.sqrt(max(warmup, 1e-3) / max(progress, 1e-3))
    down = min(1.0, (progress - warmup) / (1 - warmup))
    return 1 - down if shape == "linear" else 0.5 * (1 + math.cos(math.pi * down))


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set the rate of every group to this share of its peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
