"""Random search (Bergstra & Bengio 2012, JMLR 13)."""

from collections.abc import Sequence

from penna.recipe import Profile, Recipe, Space
from penna.search import Strategy, _drawing


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _drawing.make("random", space, portfolio, profile)
