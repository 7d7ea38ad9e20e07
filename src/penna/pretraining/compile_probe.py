"""A probe that measures whether compiled layers are faster on this machine. Knows tensors and a clock."""

import time
from collections.abc import Callable

import torch

from penna.pretraining.network import Network, applied

_MARGIN = 0.97  # compiled layers must take less than this share of the time to be worth the start


def settle(network: Network, wanted: str, once: Callable[[], None], device: torch.device) -> str:
    """Let the network apply compiled layers if that is faster, and return the finding in words.

    ``once`` runs forward and backward on a typical batch and leaves no trace. "auto" probes only on a GPU: on a
    CPU, compiling takes as long as many steps. One compiled function serves all layers.
    """
    if wanted == "no" or (wanted == "auto" and device.type != "cuda"):
        return "not compiled"
    plain = _seconds(once, device)
    network.apply_layer = torch.compile(applied, dynamic=True)
    try:
        compiled = _seconds(once, device)
    except Exception as error:  # compilers, drivers and toolchains raise many types
        network.apply_layer = applied
        return f"not compiled ({type(error).__name__})"
    if compiled < _MARGIN * plain:
        return f"compiled ({plain / compiled:.2f} times as fast)"
    network.apply_layer = applied
    return f"not compiled (no faster: {compiled:.3f} s against {plain:.3f} s a batch)"


def _seconds(once: Callable[[], None], device: torch.device) -> float:
    """Return the fastest of three runs, after two runs of warm-up."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        once()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[2:])
