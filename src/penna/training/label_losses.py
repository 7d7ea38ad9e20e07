"""Losses of labels that do not exclude one another: from logits (n, k) and y (n, k) of 0 and 1 to each row's loss (n,).

A row has few of many labels: what is missing outweighs what is there, and most of it is easy. Two of these losses look
away from what is easy.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

#: How far easy logits are looked away from (Lin et al. 2017, "Focal Loss for Dense Object Detection", section 3).
_FOCUS = 2.0
#: The same for labels that are there and for those that are not, and the probability up to which the latter count for
#: nothing (Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification", sections 2.3 and 2.4).
_THERE, _ABSENT, _MARGIN = 1.0, 4.0, 0.05


def plain(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    each: torch.Tensor = binary_cross_entropy_with_logits(logits, y, reduction="none").sum(dim=1)
    return each


def focal(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    wrong = torch.where(y > 0, torch.sigmoid(-logits), torch.sigmoid(logits))
    each: torch.Tensor = binary_cross_entropy_with_logits(logits, y, reduction="none") * wrong**_FOCUS
    return each.sum(dim=1)


def asymmetric(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    there = -logsigmoid(logits) * torch.sigmoid(-logits) ** _THERE
    shifted = (torch.sigmoid(logits) - _MARGIN).clamp_min(0)
    absent = -torch.log1p(-shifted.clamp_max(1 - 1e-6)) * shifted**_ABSENT
    each: torch.Tensor = torch.where(y > 0, there, absent).sum(dim=1)
    return each
