"""Tags in their order: a linear chain over what a network says of the parts of a row. Knows tensors alone.

A conditional random field (Lafferty et al. 2001) whose scores of a tag after another stand in the last k rows of the
logits, (n, parts + k, k), the same in every row: so a loss sees them as it sees any other logits.
"""

import torch


def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(n,) how unlikely the tags of each row are together; y (n, at least parts), -100 where a row has ended.

    Each part counts alike, whatever row it stands in.
    """
    scores, steps = _taken_apart(logits)
    truth = y[:, : scores.shape[1]]
    there = truth >= 0
    tags = truth.clamp_min(0)
    own = (scores.gather(2, tags[:, :, None])[:, :, 0] * there).sum(1)
    after = (steps[tags[:, :-1], tags[:, 1:]] * there[:, 1:]).sum(1)
    total: torch.Tensor = (partition(scores, there, steps) - own - after) * (len(y) / there.sum().clamp_min(1))
    return total


def partition(scores: torch.Tensor, there: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """(n,) the logarithm of the summed weights of all rows of tags: forwards (Rabiner 1989), in logarithms.

    scores (n, parts, k); ``there`` (n, parts) bool, true up to where a row ends; ``steps`` (k, k) from tag to tag.
    """
    weights = steps.exp()
    longest = int(there.sum(1).max().item())
    reached = scores[:, 0]
    for i in range(1, longest):
        # A product of matrices, and not a sum of logarithms for each pair of tags: a tenth of the memory.
        top = reached.max(dim=1, keepdim=True).values.detach()
        moved = ((reached - top).exp() @ weights).clamp_min(1e-30).log() + top
        reached = torch.where(there[:, i, None], moved + scores[:, i], reached)
    none = there[:, 0].logical_not()
    found: torch.Tensor = reached.logsumexp(dim=1).masked_fill(none, 0.0)
    return found


def marginals(logits: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """(n, parts, k) probabilities of each tag: how the partition grows with its score."""
    scores, steps = _taken_apart(logits.detach().double())
    scores = scores.requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(partition(scores, there, steps).sum(), scores)
    return found


def _taken_apart(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    k = logits.shape[2]
    return logits[:, :-k], logits[0, -k:]
