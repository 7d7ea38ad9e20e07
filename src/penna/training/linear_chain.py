"""A linear-chain CRF over the tag scores of a network (Lafferty et al. 2001). Knows tensors only.

The last k rows of the logits, (n, parts + k, k), are the transition scores from tag to tag, the same for every row. So
the loss takes them like any other logits.
"""

import torch


def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return (n,) the negative log-likelihood of each row's tags; y (n, at least parts) is -100 after its end.

    Each part has the same weight, in whatever row it is.
    """
    scores, steps = _taken_apart(logits)
    truth = y[:, : scores.shape[1]]
    mask = truth >= 0
    tags = truth.clamp_min(0)
    own = (scores.gather(2, tags[:, :, None])[:, :, 0] * mask).sum(1)
    after = (steps[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]).sum(1)
    total: torch.Tensor = (partition(scores, mask, steps) - own - after) * (len(y) / mask.sum().clamp_min(1))
    return total


def partition(scores: torch.Tensor, mask: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Return (n,) the log partition function by the forward algorithm (Rabiner 1989).

    ``scores`` is (n, parts, k); ``mask`` (n, parts) is True up to the end of a row; ``steps`` (k, k) are transitions.
    """
    weights = steps.exp()
    longest = int(mask.sum(1).max().item())
    reached = scores[:, 0]
    for i in range(1, longest):
        # A matrix product instead of a logsumexp over each pair of tags: a tenth of the memory.
        top = reached.max(dim=1, keepdim=True).values.detach()
        moved = ((reached - top).exp() @ weights).clamp_min(1e-30).log() + top
        reached = torch.where(mask[:, i, None], moved + scores[:, i], reached)
    none = mask[:, 0].logical_not()
    total: torch.Tensor = reached.logsumexp(dim=1).masked_fill(none, 0.0)
    return total


def marginals(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return (n, parts, k) probabilities of each tag: the gradient of the log partition function."""
    scores, steps = _taken_apart(logits.detach().double())
    scores = scores.requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(partition(scores, mask, steps).sum(), scores)
    return gradient


def _taken_apart(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Split logits into tag scores (n, parts, k) and transitions (k, k)."""
    k = logits.shape[2]
    return logits[:, :-k], logits[0, -k:]
