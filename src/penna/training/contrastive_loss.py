"""A loss that moves texts of one class together and other texts apart. Knows the tensors of one batch."""

import torch
from torch.nn.functional import normalize

#: Softmax temperature of the cosines: a lower one weighs only the nearest texts.
TEMPERATURE = 0.1


def supervised(vectors: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return (n,) losses of vectors (n, 2 · width), two texts of one class per row; y (n,) are class indices.

    Each of the 2n texts has to find those of its class among all others (Khosla et al. 2020, "Supervised Contrastive
    Learning", equation 2). Its twin in the row guarantees at least one.
    """
    texts = normalize(torch.cat(vectors.chunk(2, dim=1)), dim=1)
    labels = torch.cat([y, y])
    itself = torch.eye(len(texts), dtype=torch.bool, device=texts.device)
    similarity = (texts @ texts.T / TEMPERATURE).masked_fill(itself, -1e4)
    same_class = (labels[:, None] == labels) & ~itself
    chosen = torch.log_softmax(similarity, dim=1)
    each = -(chosen * same_class).sum(dim=1) / same_class.sum(dim=1)
    first, second = each.chunk(2)
    mean: torch.Tensor = (first + second) / 2
    return mean
