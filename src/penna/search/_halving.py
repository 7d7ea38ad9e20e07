"""Successive halving for trials that report on the way: asynchronous, against peers at the same share of steps."""

from collections.abc import Sequence

import numpy as np

from penna.trials import State, Trial

#: No trial is judged before it has had this share of its steps.
FIRST_RUNG = 0.3


def keep(trials: Sequence[Trial], family: str, fraction: float, score: float) -> bool:
    """Go on where the score is in the better half of what finished peers had at the same share of their steps.

    After ASHA (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", section 3) with a reduction of
    2; a peer's score at this share is read off its curve, so schedules of unlike length compare.
    """
    if fraction < FIRST_RUNG or fraction >= 1:
        return True
    peers = [
        at
        for t in trials
        if t.recipe.family == family and t.curve and t.state is State.COMPLETE
        if (at := _at(t, fraction)) is not None
    ]
    return not peers or score >= float(np.median(peers)) - 0.25 * _unit(peers)


def _at(trial: Trial, fraction: float) -> float | None:
    steps = np.array([s for s, _ in trial.curve], float)
    scores = [score for _, score in trial.curve]
    near = np.flatnonzero(steps / steps[-1] <= fraction + 0.02)
    return max(scores[: near[-1] + 1]) if len(near) else None


def _unit(peers: Sequence[float]) -> float:
    """How far apart peers are: a trial that is only a little behind may still overtake."""
    return float(np.std(peers)) if len(peers) > 1 else 0.04
