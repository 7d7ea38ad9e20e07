"""Bayesian search with tree-structured Parzen estimators (Bergstra et al. 2011, NeurIPS, section 4)."""

from collections.abc import Sequence

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the strategy."""
    return _sampled.make("tpe", space, portfolio, profile)
