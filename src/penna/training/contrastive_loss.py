"""A loss that draws texts of a class together and others apart. Knows tensors; never more pairs than a batch has."""

import torch
from torch.nn.functional import normalize

#: How soft the choice between near and far is: lower looks at the nearest alone.
TEMPERATURE = 0.1


def supervised(vectors: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(n,) of twins: vectors (n, 2 · width), two texts of one class side by side in each row, y (n,) class indices.

    Each of the 2n texts has to find those of its class among all others (Khosla et al. 2020, "Supervised Contrastive
    Learning", equation 2). Its twin is always there, so that no text is without one of its class.
    """
    texts = normalize(torch.cat(vectors.chunk(2, dim=1)), dim=1)
    labels = torch.cat([y, y])
    itself = torch.eye(len(texts), dtype=torch.bool, device=texts.device)
    likeness = (texts @ texts.T / TEMPERATURE).masked_fill(itself, -1e4)
    alike = (labels[:, None] == labels) & ~itself
    chosen = torch.log_softmax(likeness, dim=1)
    each = -(chosen * alike).sum(dim=1) / alike.sum(dim=1)
    first, second = each.chunk(2)
    mean: torch.Tensor = (first + second) / 2
    return mean
