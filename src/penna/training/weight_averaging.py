"""The mean of the weights at the end of a training: steadier than any of them. Knows tensors.

Checkpoint averaging (Vaswani et al. 2017, section 6.1): the last few, evenly spread over the last fifth of the steps.
"""

import torch
from torch import nn

_PART = 0.2


class Averaging:
    """A running sum of ``count`` snapshots; none where ``count`` is below two."""

    def __init__(self, network: nn.Module, count: int) -> None:
        self.network = network
        self.marks = [1 - _PART * left / (count - 1) for left in range(count - 1, -1, -1)] if count > 1 else []
        self.sums: dict[str, torch.Tensor] = {}
        self.taken = 0

    def look(self, progress: float) -> None:
        """Take the weights where another mark is reached; ``progress`` in 0..1 of all steps."""
        if self.taken == len(self.marks) or progress < self.marks[self.taken]:
            return
        while self.taken < len(self.marks) and progress >= self.marks[self.taken]:
            self.taken += 1
            for name, parameter in self.network.named_parameters():
                if parameter.requires_grad:
                    now = parameter.detach().float()
                    self.sums[name] = self.sums[name] + now if name in self.sums else now.clone()

    def mean(self) -> dict[str, torch.Tensor] | None:
        """Return the mean of what was taken; None where that is fewer than two."""
        return {name: total / self.taken for name, total in self.sums.items()} if self.taken > 1 else None
