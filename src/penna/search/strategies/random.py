"""Random search (Bergstra & Bengio 2012, JMLR 13)."""

from collections.abc import Sequence

from penna.search.recipe import Profile, Recipe, Space
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _sampled.make("random", space, portfolio, profile)
