"""From trials to a choice: the best recipe, or a blend, inside the ceilings."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from penna.data.arrays import Array
from penna.postprocessing.base import Adjustment
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial
from penna.tasks.base import Task

MOST_CANDIDATES = 10
MOST_MEMBERS = 4
#: A blend weighs more and answers later than its best member: it must be better by this share of one standard error.
BLEND_MARGIN = 0.25


@dataclass(frozen=True)
class Selection:
    """A choice of what to serve: weighted members, the validation score and its standard deviation."""

    members: tuple[tuple[Trial, float], ...]
    score: float
    score_std: float
    last: tuple[Adjustment, ...] = ()  # steps on the answers

    @property
    def lower_score(self) -> float:
        """The score less half a standard deviation, by which choices are ranked."""
        return self.score - 0.5 * self.score_std

    def __str__(self) -> str:
        then = "".join(f" then {step.name}" for step in self.last)
        if len(self.members) == 1:
            return str(self.members[0][0].recipe) + then
        parts = ", ".join(f"{weight:.2f} x #{t.number} {t.recipe.family}" for t, weight in self.members)
        return f"blend of {parts}{then}"


@dataclass(frozen=True)
class OutOfFoldScores:
    """The basis of a choice: the task, the targets of each fold, and the outputs of each trial."""

    task: Task
    truth: Callable[[int], Array]
    outputs: Callable[[Trial, int], Array]
    first_round: tuple[int, ...]


def best(
    trials: Sequence[Trial],
    oof: OutOfFoldScores,
    allowed: Callable[[Sequence[Trial]], bool],
    trusted: Recipe | None = None,
) -> Selection | None:
    """Return the best allowed choice by mean less half a standard deviation; None where no trial is allowed.

    ``allowed`` tells whether these members together fit into what is left of the budget and under the ceilings. A
    ``trusted`` recipe is chosen unless another is better by two standard errors of their difference: of many recipes
    tried on a few dozen rows the best is the luckiest (Perez et al. 2021, "True Few-Shot Learning with Language
    Models").
    """
    singles = [t for t in merged(trials) if allowed([t])]
    if not singles:
        return None
    most = max(len(t.folds) for t in singles)
    # Recipes that met more folds are the finalists: they are compared with one another, on the same folds.
    finalists = [t for t in singles if len(t.folds) == most]
    leader = max(singles, key=lambda t: (_early(t, oof).lower_score, -t.seconds))
    # Where no time was left to run the leader again, that others met more folds is no merit of theirs.
    compared = finalists if leader in finalists else [_early(t, oof) for t in singles]
    top = max(compared, key=lambda t: (t.lower_score, -t.seconds))
    if same := [t for t in singles if trusted and same_method(t.recipe, trusted)]:
        usual = max(same, key=lambda t: t.recipe.fidelity)
        if top.score <= usual.score + 2 * float(np.hypot(_standard_error(usual, oof), _standard_error(top, oof))):
            top = usual
        return Selection(((top, 1.0),), top.score, top.score_std)
    single = Selection(((top, 1.0),), top.score, top.score_std)
    blended = blend(trials, oof, allowed)
    return blended if blended is not None and _better(blended, top, oof) else single


def same_method(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes differ in effort and seed alone."""
    return one.replace(seed=0, fidelity=1.0) == other.replace(seed=0, fidelity=1.0)


def _standard_error(trial: Trial, oof: OutOfFoldScores) -> float:
    """Return the standard error of a trial's score, over the rows of its first round together.

    A fold may be four rows.
    """
    met = [f for f in oof.first_round if f in trial.folds]
    if not met:
        return trial.score_std
    outputs = np.concatenate([oof.outputs(trial, f) for f in met])
    return oof.task.score_error(np.concatenate([oof.truth(f) for f in met]), outputs)


def _early(trial: Trial, oof: OutOfFoldScores) -> Trial:
    """Return the trial with what it scored in the first round alone, if it met that."""
    n = len(oof.first_round)
    if trial.folds[:n] != oof.first_round:
        return trial
    return replace(trial, folds=trial.folds[:n], scores=trial.scores[:n], score_std_errors=trial.score_std_errors[:n])


def merged(trials: Sequence[Trial]) -> list[Trial]:
    """Complete trials, with the folds and seeds on which one recipe was run brought together."""
    groups: dict[str, list[Trial]] = defaultdict(list)
    for t in trials:
        if t.state is State.COMPLETE:
            groups[t.recipe.replace(seed=0).id].append(t)
    together = []
    for group in groups.values():
        first = group[0]
        together.append(
            replace(
                first,
                folds=tuple(f for t in group for f in t.folds),
                scores=tuple(s for t in group for s in t.scores),
                score_std_errors=tuple(e for t in group for e in t.score_std_errors),
                seconds=float(np.mean([t.seconds / len(t.folds) for t in group])) * len(first.folds),
            )
        )
    return together


def blend(
    trials: Sequence[Trial], oof: OutOfFoldScores, allowed: Callable[[Sequence[Trial]], bool]
) -> Selection | None:
    """Return a greedy blend of out-of-fold outputs; None if fewer than two models help.

    The weights are bagged over rows against overfitting, after Caruana et al. 2004, "Ensemble Selection from Libraries
    of Models". The score is cross-fitted: weights from one half of the validation rows are scored on the other half.
    """
    first = [t for t in trials if t.state is State.COMPLETE and t.folds == oof.first_round]
    if not oof.task.can_ensemble:
        return None
    ranked = sorted(first, key=lambda t: -t.lower_score)
    pool: list[Trial] = []
    for t in ranked:
        alike = sum(p.recipe.family == t.recipe.family for p in pool)
        if alike < MOST_CANDIDATES // 3 + 1 and allowed([t]):
            pool.append(t)
    pool = pool[:MOST_CANDIDATES]
    if len(pool) < 2:
        return None
    y = np.concatenate([oof.truth(f) for f in oof.first_round])
    stack = np.stack([np.concatenate([oof.outputs(t, f) for f in oof.first_round]) for t in pool])
    weights = _fit(stack, y, oof.task, lambda chosen: allowed([pool[i] for i in chosen]))
    if np.count_nonzero(weights) < 2:
        return None
    half = np.random.default_rng(0).permutation(len(y)) % 2
    crossed = np.empty_like(stack[0])
    for side in (0, 1):
        fitted_weights = _fit(stack[:, half != side], y[half != side], oof.task, lambda _: True)
        crossed[half == side] = np.tensordot(fitted_weights, stack[:, half == side], axes=1)
    members = tuple((pool[i], float(weights[i])) for i in np.argsort(-weights) if weights[i] > 0)
    return Selection(members, oof.task.score(y, crossed), oof.task.score_error(y, crossed))


def _better(blended: Selection, top: Trial, oof: OutOfFoldScores) -> bool:
    """Whether the blend beats the best single on the rows that both have answered."""
    shared = [(f, t) for f, t in zip(top.folds, top.scores, strict=True) if f in oof.first_round]
    single = float(np.mean([score for _, score in shared]))
    return blended.score > single + BLEND_MARGIN * blended.score_std * 0.5


def _fit(stack: Array, y: Array, task: Task, allowed: Callable[[Sequence[int]], bool], bags: int = 6) -> Array:
    """(m,) weights that sum to one, at most ``MOST_MEMBERS`` of them above zero; stack (m, n, k)."""
    rng = np.random.default_rng(0)
    total = np.zeros(len(stack))
    for _ in range(bags):
        rows = rng.choice(len(y), size=max(1, int(0.7 * len(y))), replace=False)
        total += _greedy(stack[:, rows], y[rows], task)
    keep: list[int] = []
    for i in np.argsort(-total, kind="stable")[:MOST_MEMBERS]:
        if total[i] >= 0.1 * bags and allowed([*keep, int(i)]):
            keep.append(int(i))
    weights = np.zeros(len(stack))
    weights[keep or [int(np.argmax(total))]] = total[keep or [int(np.argmax(total))]]
    weights /= weights.sum()
    return weights


def _greedy(stack: Array, y: Array, task: Task, rounds: int = 8) -> Array:
    """(m,) shares of ``rounds`` picks with replacement, each the one that helps the mean most."""
    picks = np.zeros(len(stack))
    summed = np.zeros_like(stack[0])
    for count in range(1, rounds + 1):
        scores = [task.score(y, (summed + one) / count) for one in stack]
        picked = int(np.argmax(scores))
        picks[picked] += 1
        summed += stack[picked]
    return picks / rounds
