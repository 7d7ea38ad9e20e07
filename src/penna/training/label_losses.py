"""Multilabel losses: from logits (n, k) and y (n, k) of 0 and 1 to the loss of each row (n,).

A row has few of many labels, so absent labels outweigh present ones, and most of them are easy. Two of these losses
give less weight to easy labels.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

#: Exponent that lowers the weight of easy labels (Lin et al. 2017, "Focal Loss for Dense Object Detection", section 3).
_FOCUS = 2.0
#: The same exponent for present and for absent labels, and the probability up to which absent labels do not count
#: (Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification", sections 2.3 and 2.4).
_THERE, _ABSENT, _MARGIN = 1.0, 4.0, 0.05


def plain(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy, summed over labels."""
    each: torch.Tensor = binary_cross_entropy_with_logits(logits, y, reduction="none").sum(dim=1)
    return each


def focal(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the focal loss, summed over labels."""
    wrong = torch.where(y > 0, torch.sigmoid(-logits), torch.sigmoid(logits))
    each: torch.Tensor = binary_cross_entropy_with_logits(logits, y, reduction="none") * wrong**_FOCUS
    return each.sum(dim=1)


def asymmetric(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the asymmetric loss, summed over labels."""
    present = -logsigmoid(logits) * torch.sigmoid(-logits) ** _THERE
    shifted = (torch.sigmoid(logits) - _MARGIN).clamp_min(0)
    absent = -torch.log1p(-shifted.clamp_max(1 - 1e-6)) * shifted**_ABSENT
    each: torch.Tensor = torch.where(y > 0, present, absent).sum(dim=1)
    return each
