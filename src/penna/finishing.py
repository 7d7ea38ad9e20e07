"""Which last steps a choice gets: those that help on rows that they did not learn from, beyond noise. Knows outputs and
a task; fits no model.

Everything rests on the answers that the choice's members gave on validation rows in the search's first round.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from penna import adjust
from penna.adjust import Adjustment, Kind, Score
from penna.select import Choice, Evidence
from penna.trials import Trial

Array = np.ndarray[Any, Any]

#: What a step must gain, in standard errors of the gain.
MARGIN = 1.5
_GROUPS = 20
#: How often the metric is computed on all rows, or what takes as long.
CALLS = 400


def finish(choice: Choice, evidence: Evidence, seconds: float) -> Choice:
    """The choice with its last steps and, where there are any, the score that they were cross-fitted to.

    First what betters the metric (thresholds), then what betters the probabilities without harm to the metric. Left as
    it is where that would take longer than ``seconds``.
    """
    there = all(set(evidence.first_round) <= set(trial.folds) for trial, _ in choice.members)
    y = np.concatenate([evidence.truth(f) for f in evidence.first_round])
    kinds = adjust.kinds(evidence.task.loss, len(y))
    if not kinds or not there:
        return choice
    outputs: Array = sum(weight * _answers(trial, evidence) for trial, weight in choice.members)  # type: ignore[assignment]
    score = evidence.task.score
    begun = time.monotonic()
    score(y, outputs)
    if CALLS * (time.monotonic() - begun) > seconds:
        return choice
    chain, crossed = _chain(kinds, y, outputs, score)
    return replace(choice, score=score(y, crossed), last=_fitted(chain, y, outputs, score)) if chain else choice


def _answers(trial: Trial, evidence: Evidence) -> Array:
    return np.concatenate([evidence.outputs(trial, f) for f in evidence.first_round])


def _chain(kinds: Sequence[Kind], y: Array, outputs: Array, score: Score) -> tuple[list[Kind], Array]:
    """The kinds of step to take, one after the other, and the (n, k) outputs that they were cross-fitted to."""
    chain: list[Kind] = []
    crossed = outputs
    for stage in ([k for k in kinds if k.aim is None], [k for k in kinds if k.aim is not None]):
        most, best = 0.0, None
        for kind in stage:
            after = _crossed([*chain, kind], y, outputs, score)
            gain, error = _gain(y, crossed, after, kind.aim or score)
            if gain > max(most, MARGIN * error) and score(y, after) >= score(y, crossed):
                most, best = gain, (kind, after)
        if best is not None:
            chain.append(best[0])
            crossed = best[1]
    return chain, crossed


def _fitted(chain: Sequence[Kind], y: Array, outputs: Array, score: Score) -> tuple[Adjustment, ...]:
    """Each step fitted to what those before it leave."""
    steps: list[Adjustment] = []
    for kind in chain:
        steps.append(kind.fit(y, outputs, score))
        outputs = steps[-1](outputs)
    return tuple(steps)


def _crossed(chain: Sequence[Kind], y: Array, outputs: Array, score: Score) -> Array:
    """(n, k): each half of the rows adjusted by what the other half taught."""
    half = np.random.default_rng(0).permutation(len(y)) % 2
    after = np.empty_like(outputs)
    for side in (0, 1):
        learnt = _fitted(chain, y[half != side], outputs[half != side], score)
        after[half == side] = adjust.apply(learnt, outputs[half == side])
    return after


def _gain(y: Array, before: Array, after: Array, aim: Score) -> tuple[float, float]:
    """How much better, and the standard error of that: a jackknife over groups of rows, which are the same for both."""
    group = np.random.default_rng(1).permutation(len(y)) % _GROUPS
    left = [aim(y[group != g], after[group != g]) - aim(y[group != g], before[group != g]) for g in range(_GROUPS)]
    error = float(np.sqrt((_GROUPS - 1) * np.var(left)))
    return aim(y, after) - aim(y, before), error
