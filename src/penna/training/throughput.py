"""The throughput of training on this machine: a probe of a few real steps. Knows tensors and a clock."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from penna.training import batches, loop, optimizer


@dataclass(frozen=True)
class Pace:
    """Seconds for one training step, for scoring a row in large batches, and for a single row."""

    step: float
    row: float
    alone: float


def measure(network: nn.Module, rows: loop.Rows, plan: loop.Plan, seconds: float = 3.0) -> Pace:
    """Measure the pace on batches from the shortest to the longest rows, for about ``seconds`` in total.

    This trains ``network`` in place: pass one that is not used afterwards.
    """
    device = next(network.parameters()).device
    cuts = batches.ordered(rows.lengths, plan.batch)
    # Middles of five equal parts: their mean time represents all lengths, even if time grows faster than length.
    chosen = [cuts[int((i + 0.5) * len(cuts) / 5)] for i in range(5)]
    adamw = optimizer.adamw(network, plan.rates)
    weights = None if rows.weights is None else torch.tensor(rows.weights, device=device)
    with torch.random.fork_rng(devices=[]):
        loop.step(network, adamw, rows, chosen[2], plan, weights)  # the first step includes the setup
        times: list[float] = []
        started = time.monotonic()
        while len(times) < 3 or (time.monotonic() - started < seconds * 0.7 and len(times) < 20):
            # Longest, middle and shortest first: three steps are already a fair sample.
            index = chosen[(0, 2, 4, 1, 3)[len(times) % 5]]
            start = time.monotonic()
            loop.step(network, adamw, rows, index, plan, weights)
            times.append(time.monotonic() - start)
    return Pace(_trimmed(times), _scoring(network, rows, chosen[2], plan), _alone(network, rows, chosen[2], plan))


def _trimmed(times: list[float]) -> float:
    """Return the mean with outliers clipped to three medians: a pause of the machine is not the pace."""
    return float(np.mean(np.minimum(times, 3 * np.median(times))))


def _scoring(network: nn.Module, rows: loop.Rows, index: loop.Index, plan: loop.Plan) -> float:
    start = time.monotonic()
    loop.outputs(network, rows.lengths[index], lambda part: rows.inputs(index[part]), len(index), plan.dtype)
    return (time.monotonic() - start) / len(index)


def _alone(network: nn.Module, rows: loop.Rows, index: loop.Index, plan: loop.Plan) -> float:
    one = index[len(index) // 2 :][:1]
    times: list[float] = []
    for _ in range(3):
        start = time.monotonic()
        loop.outputs(network, rows.lengths[one], lambda part: rows.inputs(one[part]), 1, "float32")
        times.append(time.monotonic() - start)
    return min(times)
