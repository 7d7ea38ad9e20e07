"""Bayesian search with tree-structured Parzen estimators (Bergstra et al. 2011, NeurIPS, section 4)."""

from collections.abc import Sequence

from penna.search.recipe import Profile, Recipe, Space
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _sampled.make("tpe", space, portfolio, profile)
