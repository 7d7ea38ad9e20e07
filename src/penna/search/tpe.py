"""Bayesian search with tree-structured Parzen estimators (Bergstra et al. 2011, NeurIPS, section 4)."""

from collections.abc import Sequence

from penna.recipe import Profile, Recipe, Space
from penna.search import Strategy, _drawing


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _drawing.make("tpe", space, portfolio, profile)
