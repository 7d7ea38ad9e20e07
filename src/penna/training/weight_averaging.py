"""Checkpoint averaging: the mean of late weights is more stable than any of them. Knows tensors.

The averaged weights are evenly spread over the last fifth of the steps (Vaswani et al. 2017, section 6.1).
"""

import torch
from torch import nn

_PART = 0.2


class Averaging:
    """A running sum of ``count`` snapshots; none if ``count`` is below two."""

    def __init__(self, network: nn.Module, count: int) -> None:
        self.network = network
        self.marks = [1 - _PART * left / (count - 1) for left in range(count - 1, -1, -1)] if count > 1 else []
        self.sums: dict[str, torch.Tensor] = {}
        self.taken = 0

    def look(self, progress: float) -> None:
        """Add the current weights if the next mark is reached; ``progress`` is in 0..1 of all steps."""
        if self.taken == len(self.marks) or progress < self.marks[self.taken]:
            return
        while self.taken < len(self.marks) and progress >= self.marks[self.taken]:
            self.taken += 1
            for name, parameter in self.network.named_parameters():
                if parameter.requires_grad:
                    now = parameter.detach().float()
                    self.sums[name] = self.sums[name] + now if name in self.sums else now.clone()

    def mean(self) -> dict[str, torch.Tensor] | None:
        """Return the mean of the snapshots, or None if there are fewer than two."""
        return {name: total / self.taken for name, total in self.sums.items()} if self.taken > 1 else None
