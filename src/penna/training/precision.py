"""The fastest number format on this machine: a half-second probe, cached for the process. Knows only the machine."""

import time
from functools import cache
from typing import Literal

import torch

Dtype = Literal["bfloat16", "float32"]


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def gemm_rates() -> dict[str, float]:
    """Measure GFLOP/s of an encoder's typical matrix product on the CPU: ``{"float32": ..., "bfloat16": ...}``."""
    return {"float32": _rate(torch.float32), "bfloat16": _rate(torch.bfloat16)}


@cache
def fastest_dtype() -> Dtype:
    """Return "bfloat16" if autocast to it is faster, else "float32"."""
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    rates = gemm_rates()
    # Autocast adds casts around every product: below this margin they cost more than they gain.
    return "bfloat16" if rates["bfloat16"] > 1.5 * rates["float32"] else "float32"


def _rate(dtype: torch.dtype, seconds: float = 0.2) -> float:
    rows, width, wide = 768, 384, 1536
    a, b = torch.ones(rows, width, dtype=dtype), torch.ones(width, wide, dtype=dtype)
    a @ b  # the first product includes the setup
    started, best = time.perf_counter(), float("inf")
    while time.perf_counter() - started < seconds:
        start = time.perf_counter()
        a @ b
        # The fastest product, not the mean: other work on the machine must not change the result.
        best = min(best, time.perf_counter() - start)
    return 2 * rows * width * wide / best / 1e9
