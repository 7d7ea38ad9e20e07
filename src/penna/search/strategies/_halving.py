"""Asynchronous successive halving: a running trial is compared with peers at the same share of their steps."""

from collections.abc import Sequence

import numpy as np

from penna.search.trials import State, Trial

#: No trial is pruned before this share of its steps.
FIRST_RUNG = 0.3


def keep(trials: Sequence[Trial], family: str, fraction: float, score: float) -> bool:
    """Return whether the score is in the better half of finished peers at the same share of their steps.

    This is ASHA (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", section 3) with a reduction
    factor of 2. A peer's score at this share comes from its curve, so schedules of different length are comparable.
    """
    if fraction < FIRST_RUNG or fraction >= 1:
        return True
    peers = [t for t in trials if t.recipe.family == family and t.curve and t.state is State.COMPLETE]
    scores = [at for t in peers if (at := _at(t, fraction)) is not None]
    if not scores:
        return True
    # Intermediate scores use as many rows as the last one: a gap below its standard error is noise.
    noise = float(np.mean([t.score_std_errors[0] for t in peers if t.score_std_errors] or [0.0]))
    return score >= float(np.median(scores)) - noise


def _at(trial: Trial, fraction: float) -> float | None:
    steps = np.array([s for s, _ in trial.curve], float)
    scores = [score for _, score in trial.curve]
    near = np.flatnonzero(steps / steps[-1] <= fraction + 0.02)
    return max(scores[: near[-1] + 1]) if len(near) else None
