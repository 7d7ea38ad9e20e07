"""Grid search: a few values of every knob, all combinations, the families in turn, in an order that covers early."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from penna.recipe import Knob, Profile, Recipe, Scalar, Space
from penna.search import Proposal, Strategy, _halving, untried
from penna.trials import Trial

#: Values taken from a numeric range.
LEVELS = 3
#: Combinations kept of one family: beyond, a grid is no longer a plan.
MOST = 500


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return Grid(space, portfolio[0], profile)


class Grid:
    """The baseline, then each family's combinations, shuffled by the seed, one family after the other in turn."""

    def __init__(self, space: Space, baseline: Recipe, profile: Profile) -> None:
        rng = np.random.default_rng(profile.seed)
        grids = []
        for family, knobs in space.families:
            if knobs:
                recipes = list(itertools.islice(_combinations(family, knobs, profile.seed), 20 * MOST))
                grids.append([recipes[i] for i in rng.permutation(len(recipes))[:MOST]])
        rounds = itertools.chain.from_iterable(itertools.zip_longest(*grids))
        first_round = tuple(range(profile.folds))
        self.proposals = [Proposal(baseline, first_round, "baseline")]
        self.proposals += [Proposal(r, first_round, "grid") for r in rounds if r is not None]

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        return untried(trials, self.proposals)

    def keep(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        return _halving.keep(trials, recipe.family, fraction, score)


def _combinations(family: str, knobs: Sequence[Knob], seed: int) -> Iterator[Recipe]:
    def extend(chosen: dict[str, Scalar], rest: Sequence[Knob]) -> Iterator[dict[str, Scalar]]:
        if not rest:
            yield chosen
            return
        knob, *others = rest
        values = levels(knob) if knob.active(chosen) else None
        if values is None:
            yield from extend(chosen, others)
            return
        for value in values:
            yield from extend({**chosen, knob.name: value}, others)

    for chosen in extend({}, knobs):
        yield Recipe.made(family, chosen, seed=seed)


def levels(knob: Knob) -> Sequence[Scalar]:
    """A knob's values, or ``LEVELS`` evenly spaced ones of its range (evenly in the logarithm where it says so)."""
    if knob.values:
        return knob.values
    space = np.geomspace if knob.log else np.linspace
    points = space(knob.low, knob.high, LEVELS)
    if knob.whole:
        return sorted({round(p) for p in points})
    return [float(f"{p:.4g}") for p in points]
