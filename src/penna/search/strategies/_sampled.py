"""A search that only draws: the baseline, then recipes from one sampler, the families in turn, then finalists."""

from collections.abc import Sequence

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies.auto import Auto
from penna.search.strategies.base import Strategy


def make(kind: str, space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the cheapest recipe of each family comes first: it is what the sampler and the clock learn from."""
    firsts: dict[str, Recipe] = {}
    for recipe in portfolio:
        firsts.setdefault(recipe.family, recipe)
    return Auto(space, list(firsts.values()), profile, kind=kind, local=False)
