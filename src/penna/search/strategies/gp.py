"""Bayesian search with a Gaussian process and log expected improvement, with Optuna's GPSampler."""

from collections.abc import Sequence

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the strategy."""
    return _sampled.make("gp", space, portfolio, profile)
