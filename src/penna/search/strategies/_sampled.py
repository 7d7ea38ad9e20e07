"""A search by one sampler: the baseline, then sampled recipes of all families in turn, then finalists."""

from collections.abc import Sequence

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies.auto import Auto
from penna.search.strategies.base import Strategy


def make(kind: str, space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return a strategy that starts with the cheapest recipe of each family, for the sampler and the cost model."""
    firsts: dict[str, Recipe] = {}
    for recipe in portfolio:
        firsts.setdefault(recipe.family, recipe)
    return Auto(space, list(firsts.values()), profile, kind=kind, local=False)
