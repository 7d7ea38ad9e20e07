"""The cost of training: FLOPs per token, and the rate of matrix products on this machine."""

import time
from functools import cache

import torch

from penna.pretraining.architecture import Shape
from penna.training import precision


def forward_flops(shape: Shape, length: float, depth: float, predicted: float, exits: float = 1.0) -> float:
    """Return the floating-point operations of a forward pass per token; a multiply-add counts as two.

    Each applied layer takes 2 (4 H^2 + 2 H F) for its weights and 4 s H for attention over ``length`` s. ALBERT's
    projection of embeddings takes 2 E H. The word head takes 2 (H E + E V) for the ``predicted`` share of tokens at
    ``exits`` depths. Embedding lookup, norms and activations count nothing. Layer sharing saves nothing here.

    >>> round(forward_flops(Shape("albert", 6, 384, 12, 1536, 128, 30_000), 128, 6, 0.15) / 1e6, 1)
    23.7
    """
    h, e = shape.hidden, shape.embedding
    layer = 2 * (4 * h * h + 2 * h * shape.ffn) + 4 * length * h
    mapping = 2 * e * h if shape.kind == "albert" else 0
    head = 2 * (h * e + e * shape.vocab)
    return depth * layer + mapping + predicted * exits * head


def training_flops(forward: float, teacher: float = 0.0) -> float:
    """Return the operations of a training step per token: backward costs twice the forward, a teacher once.

    >>> training_flops(10.0, 4.0)
    34.0
    """
    return 3 * forward + teacher


@cache
def product_rate(dtype: precision.Dtype, device: str) -> float:
    """Measure the FLOP/s of matrix products in this number format: 100 % MFU."""
    if device == "cpu":
        return precision.gemm_rates()[dtype] * 1e9
    n = 8192
    # Not ones: a GPU draws less power on them, and multiplies them faster than any real matrix.
    a = torch.randn(n, n, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2.0 * n**3 / best
