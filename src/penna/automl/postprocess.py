"""Which post-processing steps a choice gets: those that help on rows that they did not learn from, beyond noise.

Knows outputs and a task; fits no model.

Everything rests on the answers that the choice's members gave on validation rows in the search's first round.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna import postprocessing
from penna.automl.selection import OutOfFoldScores, Selection
from penna.data.arrays import Array
from penna.postprocessing import oos_threshold
from penna.postprocessing.base import Adjustment, Score, StepType
from penna.search.trials import Trial

#: What a step must gain, in standard errors of the gain.
MARGIN = 1.5
#: The same, of another choice with its post-processing steps over the first with its own.
OTHER = 0.5
#: Other choices that are looked at.
MOST_OTHERS = 8
_GROUPS = 20


def choose_postprocessing(choices: Sequence[Selection], scores: OutOfFoldScores, seconds: float) -> Selection:
    """Return the first of the choices with its post-processing steps, or another that they make the better one.

    First comes what betters the metric (thresholds), then what betters the probabilities without harm to the metric.
    Scores are those that the steps were cross-fitted to. Of so many rows that it would take longer than ``seconds``,
    some drawn at random have to do. The first choice as it is, where it never met the first round, or has too few rows
    to learn from.
    """
    begun, score = time.monotonic(), scores.task.without_postprocessing().score
    y = np.concatenate([scores.truth(f) for f in scores.first_round])
    kinds = postprocessing.kinds(scores.task.output_kind, len(y))
    best = choices[0]
    if not kinds or not _met(best, scores):
        return best
    needed = max(kind.CALLS for kind in kinds) * _seconds(score, y, _outputs(best, scores))
    if needed > seconds:
        some = np.sort(np.random.default_rng(2).permutation(len(y))[: int(len(y) * seconds / needed)])
        scores, y = _fewer(scores, some), y[some]
        kinds = postprocessing.kinds(scores.task.output_kind, len(y))
        if not kinds:
            return best
    best, crossed = _finished(best, kinds, y, scores)
    for other in choices[1:]:
        if time.monotonic() - begun > seconds:
            break
        done, after = _finished(other, kinds, y, scores)
        gain, error = paired_gain(y, crossed, after, score)
        if done.last and gain > OTHER * error:
            best, crossed = done, after
    return best


def add_oos_threshold(choice: Selection, scores: OutOfFoldScores) -> Selection:
    """Return the choice with a threshold for out-of-scope rows, if the task has such a class."""
    column = scores.task.oos_index
    if column is None:
        return choice
    # A kept model may have met one fold alone.
    folds = scores.first_round if _met(choice, scores) else choice.members[0][0].folds
    y = np.concatenate([scores.truth(f) for f in folds])
    parts = [weight * np.concatenate([scores.outputs(t, f) for f in folds]) for t, weight in choice.members]
    outputs = postprocessing.apply(choice.last, np.sum(parts, axis=0))
    return replace(choice, last=(*choice.last, oos_threshold.fit(y, outputs, column)))


def _finished(
    choice: Selection, kinds: Sequence[StepType], y: Array, scores: OutOfFoldScores
) -> tuple[Selection, Array]:
    """Return the choice with its post-processing steps, and the (n, k) outputs that they were cross-fitted to."""
    score, outputs = scores.task.without_postprocessing().score, _outputs(choice, scores)
    chain, crossed = _chain(kinds, y, outputs, score)
    if not chain:
        return choice, outputs
    return replace(choice, score=score(y, crossed), last=_fitted(chain, y, outputs, score)), crossed


def _fewer(scores: OutOfFoldScores, rows: Array) -> OutOfFoldScores:
    """Return what is known of these rows alone, numbered through the folds of the first round."""
    sizes = np.cumsum([len(scores.truth(f)) for f in scores.first_round])
    parts = np.split(rows, np.searchsorted(rows, sizes[:-1]))
    of = {
        f: part - (sizes[i - 1] if i else 0) for i, (f, part) in enumerate(zip(scores.first_round, parts, strict=True))
    }
    return replace(scores, truth=lambda f: scores.truth(f)[of[f]], outputs=lambda t, f: scores.outputs(t, f)[of[f]])


def _met(choice: Selection, scores: OutOfFoldScores) -> bool:
    return all(set(scores.first_round) <= set(trial.folds) for trial, _ in choice.members)


def _outputs(choice: Selection, scores: OutOfFoldScores) -> Array:
    """(n, k) of the choice on the first round's validation rows."""
    total: Array = sum(weight * _answers(trial, scores) for trial, weight in choice.members)  # type: ignore[assignment]
    return total


def _seconds(score: Score, y: Array, outputs: Array) -> float:
    """Return what one call takes: the least of three, since other work must not look like slowness."""
    taken = []
    for _ in range(3):
        begun = time.monotonic()
        score(y, outputs)
        taken.append(time.monotonic() - begun)
    return min(taken)


def _answers(trial: Trial, scores: OutOfFoldScores) -> Array:
    return np.concatenate([scores.outputs(trial, f) for f in scores.first_round])


def _chain(kinds: Sequence[StepType], y: Array, outputs: Array, score: Score) -> tuple[list[StepType], Array]:
    """Return the kinds of step to take, one after the other, and the (n, k) outputs that they were cross-fitted to."""
    chain: list[StepType] = []
    crossed = outputs
    for stage in ([k for k in kinds if k.AIM is None], [k for k in kinds if k.AIM is not None]):
        most, best = 0.0, None
        for kind in stage:
            after = _crossed([*chain, kind], y, outputs, score)
            gain, error = paired_gain(y, crossed, after, kind.AIM or score)
            if gain > max(most, MARGIN * error) and score(y, after) >= score(y, crossed):
                most, best = gain, (kind, after)
        if best is not None:
            chain.append(best[0])
            crossed = best[1]
    return chain, crossed


def _fitted(chain: Sequence[StepType], y: Array, outputs: Array, score: Score) -> tuple[Adjustment, ...]:
    """Return the steps, each fitted to the outputs of those before it."""
    steps: list[Adjustment] = []
    for kind in chain:
        steps.append(kind.fit(y, outputs, score))
        outputs = steps[-1](outputs)
    return tuple(steps)


def _crossed(chain: Sequence[StepType], y: Array, outputs: Array, score: Score) -> Array:
    """(n, k): each half of the rows adjusted by what the other half taught."""
    half = np.random.default_rng(0).permutation(len(y)) % 2
    after = np.empty_like(outputs)
    for side in (0, 1):
        fitted = _fitted(chain, y[half != side], outputs[half != side], score)
        after[half == side] = postprocessing.apply(fitted, outputs[half == side])
    return after


def paired_gain(y: Array, before: Array, after: Array, aim: Score) -> tuple[float, float]:
    """Return how much better ``after`` scores, and its standard error by a jackknife over groups of rows."""
    group = np.random.default_rng(1).permutation(len(y)) % _GROUPS
    left = [aim(y[group != g], after[group != g]) - aim(y[group != g], before[group != g]) for g in range(_GROUPS)]
    error = float(np.sqrt((_GROUPS - 1) * np.var(left)))
    return aim(y, after) - aim(y, before), error
