"""The cost of training a network: seconds by step, measured once for each kind. Torch stays in functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.search.recipe import Recipe

if TYPE_CHECKING:
    from penna.networks.encoder_with_head import Network
    from penna.training import loop, throughput

#: A fit of fewer steps teaches an encoder nothing.
FEWEST_STEPS = 30
#: Shrinking stops at one epoch, or at this many steps if an epoch has more.
ENOUGH_STEPS = 400
#: The validation score on the way is computed on at most this many rows.
CHECK_ROWS = 1000
#: Rows from which the speed probe draws its batches.
PROBE_ROWS = 640
#: Seconds of a speed probe.
PROBE_SECONDS = 3.0
#: The ONNX graph predicts one text in about a quarter of the time that the training graph takes: ms by second.
SERVED_MS = 250.0

#: Measured throughput in this process, by what a step depends on.
_measured: dict[tuple[Any, ...], Any] = {}


@dataclass(frozen=True)
class TrainingCost:
    """Predicted cost of one training run.

    Parameters
    ----------
    fixed_seconds, step_seconds : float
        Seconds apart from steps (loading, tokens, validation), and for each step.
    steps : callable
        ``steps(recipe)`` returns the optimizer steps of a recipe.
    epoch_steps : float
        Steps of one pass over the rows.
    fewest_steps, enough_steps : int
        Shrinking never goes below the first; it may go below an epoch if that has more steps than the second.
    """

    fixed_seconds: float
    step_seconds: float
    steps: Callable[[Recipe], int]
    epoch_steps: float
    fewest_steps: int = FEWEST_STEPS
    enough_steps: int = ENOUGH_STEPS

    def seconds(self, recipe: Recipe) -> float:
        """Return the predicted seconds of a recipe."""
        return self.fixed_seconds + self.step_seconds * self.steps(recipe)

    def shrunk(self, recipe: Recipe, seconds: float) -> Recipe | None:
        """Return the recipe at the fidelity that fits into ``seconds``; None if too few steps would be left."""
        full = self.steps(recipe.replace(fidelity=1.0))
        affordable = (seconds - self.fixed_seconds) / self.step_seconds
        if affordable < max(self.fewest_steps, min(self.epoch_steps, self.enough_steps, full)):
            return None
        return recipe.replace(fidelity=min(recipe.fidelity, round(0.99 * affordable / full, 4)))


def once(key: tuple[Any, ...], measure: Callable[[], Any]) -> Any:
    """Return ``measure()``, called once for each ``key`` in this process."""
    if key not in _measured:
        _measured[key] = measure()
    return _measured[key]


def encoder_pace(
    network: Network,
    ids: Array,
    rows: Callable[[Array], loop.Rows],
    plan: loop.Plan,
    seconds: float = PROBE_SECONDS,
    windows: float = 1.0,
) -> throughput.Pace:
    """Measure training steps of an encoder, which is thrown away.

    Parameters
    ----------
    network : Network
    ids : ndarray of int
        Token ids that occur.
    rows : callable
        ``rows(lookup)`` returns training rows in the ids of the smaller vocabulary.
    plan : loop.Plan
    seconds : float
        About how long to measure.
    windows : float
        Rows of tokens that one text is split into.

    Returns
    -------
    throughput.Pace
        Seconds of a step, and of a whole text in a batch and alone.
    """
    from penna.networks import encoder_with_head
    from penna.training import throughput

    with encoder_with_head.compact(network, np.unique(ids)) as lookup:
        pace = throughput.measure(network, rows(lookup), plan, seconds)
    return replace(pace, row=windows * pace.row, alone=windows * pace.alone)


def validation_seconds(rows: int, pace: throughput.Pace) -> float:
    """Return the seconds to score on the way and at the end, on a quarter as many rows as are trained on."""
    from penna.training.loop import Plan

    held_out = rows / 4
    return (Plan.checks * min(held_out, CHECK_ROWS) + held_out) * pace.row
