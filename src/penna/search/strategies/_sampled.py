"""A search that only draws: the baseline, then recipes from one sampler, the families in turn, then finalists."""

from collections.abc import Sequence

from penna.search.recipe import Profile, Recipe, Space
from penna.search.strategies.auto import Auto
from penna.search.strategies.base import Strategy


def make(kind: str, space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    """The cheapest recipe of each family comes first: it is what the sampler and the clock learn from."""
    firsts: dict[str, Recipe] = {}
    for recipe in portfolio:
        firsts.setdefault(recipe.family, recipe)
    return Auto(space, list(firsts.values()), profile, kind=kind, local=False)
