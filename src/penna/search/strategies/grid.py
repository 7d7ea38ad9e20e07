"""Grid search: a few values of every knob, all combinations or, of very many, some; the families in turn."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from penna.search.recipe import Knob, Profile, Recipe, Scalar, Space
from penna.search.strategies import _halving
from penna.search.strategies.base import Proposal, Strategy, untried
from penna.search.trials import Trial

#: Values taken from a numeric range.
LEVELS = 3
#: Combinations kept of one family: beyond, a grid is no longer a plan. Of more than can be listed they are drawn, since
#: the first of a list differ in the last knobs alone.
MOST, LISTED = 500, 10_000


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return Grid(space, portfolio[:1], profile)


class Grid:
    """The baseline, then each family's combinations, shuffled by the seed, one family after the other in turn."""

    def __init__(self, space: Space, baseline: Sequence[Recipe], profile: Profile) -> None:
        rng = np.random.default_rng(profile.seed)
        grids = [_some(family, knobs, profile.seed, rng) for family, knobs in space.families if knobs]
        rounds = itertools.chain.from_iterable(itertools.zip_longest(*grids))
        first_round = tuple(range(profile.folds))
        self.proposals = [Proposal(recipe, first_round, "baseline") for recipe in baseline]
        self.proposals += [Proposal(r, first_round, "grid") for r in rounds if r is not None]

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        return untried(trials, self.proposals)

    def keep(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        return _halving.keep(trials, recipe.family, fraction, score)


def _some(family: str, knobs: Sequence[Knob], seed: int, rng: np.random.Generator) -> list[Recipe]:
    """At most ``MOST`` combinations, in no order."""
    listed = list(itertools.islice(_combinations(family, knobs, seed), LISTED + 1))
    if len(listed) <= LISTED:
        return [listed[i] for i in rng.permutation(len(listed))[:MOST]]
    drawn = dict.fromkeys(_drawn(family, knobs, seed, rng) for _ in range(2 * MOST))
    return list(drawn)[:MOST]


def _drawn(family: str, knobs: Sequence[Knob], seed: int, rng: np.random.Generator) -> Recipe:
    """One combination."""
    chosen: dict[str, Scalar] = {}
    for knob in knobs:
        if knob.active(chosen):
            values = levels(knob)
            chosen[knob.name] = values[int(rng.integers(len(values)))]
    return Recipe.made(family, chosen, seed=seed)


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
