"""Grid search: combinations of a few values of every hyperparameter, all or a sample, the families in turn."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar, SearchSpace
from penna.search.strategies import _halving
from penna.search.strategies.base import Proposal, Strategy, untried
from penna.search.trials import Trial

#: The number of values from a numeric range.
LEVELS = 3
#: The most combinations of a family, and the most that are listed. Beyond the second, combinations are drawn at random,
#: because the first of a list differ only in the last hyperparameters.
MOST, LISTED = 500, 10_000


def make(space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the strategy."""
    return Grid(space, portfolio[:1], profile)


class Grid:
    """The baseline, then the combinations of all families in turn, shuffled by the seed."""

    def __init__(self, space: SearchSpace, baseline: Sequence[Recipe], profile: DatasetProfile) -> None:
        rng = np.random.default_rng(profile.seed)
        grids = [
            _some(family, hyperparameters, profile.seed, rng)
            for family, hyperparameters in space.families
            if hyperparameters
        ]
        rounds = itertools.chain.from_iterable(itertools.zip_longest(*grids))
        first_round = tuple(range(profile.folds))
        self.proposals = [Proposal(recipe, first_round, "baseline") for recipe in baseline]
        self.proposals += [Proposal(r, first_round, "grid") for r in rounds if r is not None]

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the next proposal, or None if nothing is left to try."""
        return untried(trials, self.proposals)

    def should_continue(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        """Return whether a running trial should go on."""
        return _halving.keep(trials, recipe.family, fraction, score)


def _some(family: str, hyperparameters: Sequence[Hyperparameter], seed: int, rng: np.random.Generator) -> list[Recipe]:
    """Return at most ``MOST`` combinations in random order."""
    listed = list(itertools.islice(_combinations(family, hyperparameters, seed), LISTED + 1))
    if len(listed) <= LISTED:
        return [listed[i] for i in rng.permutation(len(listed))[:MOST]]
    drawn = dict.fromkeys(_drawn(family, hyperparameters, seed, rng) for _ in range(2 * MOST))
    return list(drawn)[:MOST]


def _drawn(family: str, hyperparameters: Sequence[Hyperparameter], seed: int, rng: np.random.Generator) -> Recipe:
    """Return a random combination."""
    chosen: dict[str, Scalar] = {}
    for hyperparameter in hyperparameters:
        if hyperparameter.active(chosen):
            values = levels(hyperparameter)
            chosen[hyperparameter.name] = values[int(rng.integers(len(values)))]
    return Recipe.from_values(family, chosen, seed=seed)


def _combinations(family: str, hyperparameters: Sequence[Hyperparameter], seed: int) -> Iterator[Recipe]:
    def extend(chosen: dict[str, Scalar], rest: Sequence[Hyperparameter]) -> Iterator[dict[str, Scalar]]:
        if not rest:
            yield chosen
            return
        hyperparameter, *others = rest
        values = levels(hyperparameter) if hyperparameter.active(chosen) else None
        if values is None:
            yield from extend(chosen, others)
            return
        for value in values:
            yield from extend({**chosen, hyperparameter.name: value}, others)

    for chosen in extend({}, hyperparameters):
        yield Recipe.from_values(family, chosen, seed=seed)


def levels(hyperparameter: Hyperparameter) -> Sequence[Scalar]:
    """Return a hyperparameter's values, or ``LEVELS`` evenly spaced ones of its range (on its log scale, if any)."""
    if hyperparameter.values:
        return hyperparameter.values
    space = np.geomspace if hyperparameter.log else np.linspace
    points = space(hyperparameter.low, hyperparameter.high, LEVELS)
    if hyperparameter.whole:
        return sorted({round(p) for p in points})
    return [float(f"{p:.4g}") for p in points]
