"""What training costs: arithmetic for each token, and the rate at which this machine multiplies matrices."""

import time
from functools import cache

import torch

from penna.pretraining.architecture import Shape
from penna.training import precision


def forward_flops(shape: Shape, length: float, depth: float, predicted: float, exits: float = 1.0) -> float:
    """Floating-point operations of one pass, for one token; a multiplication and an addition count as two.

    Each applied layer: 2 (4 H^2 + 2 H F) for its products with weights, 4 s H for its attention over ``length`` s.
    ALBERT's map from embeddings: 2 E H. The word head, on the ``predicted`` share of tokens and at ``exits`` depths:
    2 (H E + E V). Looking embeddings up, norms and activations count nothing. Sharing layers saves none of it.

    >>> round(forward_flops(Shape("albert", 6, 384, 12, 1536, 128, 30_000), 128, 6, 0.15) / 1e6, 1)
    23.7
    """
    h, e = shape.hidden, shape.embedding
    layer = 2 * (4 * h * h + 2 * h * shape.ffn) + 4 * length * h
    mapping = 2 * e * h if shape.kind == "albert" else 0
    head = 2 * (h * e + e * shape.vocab)
    return depth * layer + mapping + predicted * exits * head


def training_flops(forward: float, teacher: float = 0.0) -> float:
    """For one token: backward costs twice the forward; a teacher only runs forward.

    >>> training_flops(10.0, 4.0)
    34.0
    """
    return 3 * forward + teacher


@cache
def product_rate(dtype: precision.Dtype, device: str) -> float:
    """FLOP/s of matrix products here, measured in this number format: what 100 % of MFU is."""
    if device == "cpu":
        return precision.gemm_rates()[dtype] * 1e9
    n = 8192
    # Not ones: a GPU draws less power on them, and so multiplies them faster than any real matrix.
    a = torch.randn(n, n, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 2.0 * n**3 / best
