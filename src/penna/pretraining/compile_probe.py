"""Whether compiling the layers pays here: a probe of a few steps, guarded. Knows tensors and a clock."""

import time
from collections.abc import Callable

import torch

from penna.pretraining.network import Network, applied

_MARGIN = 0.97  # compiled must take less than this share of the time, else it is not worth its start


def settle(network: Network, wanted: str, once: Callable[[], None], device: torch.device) -> str:
    """Let the network apply compiled layers where that is faster; what was found, in words.

    ``once`` runs forward and backward on a typical batch and leaves no trace. "auto" tries on a GPU alone: on a
    processor, compiling takes as long as many steps. One compiled function serves all layers, however often they are
    applied.
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
    """Return the quickest of three, after two that pay for setting up."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        once()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times[2:])
