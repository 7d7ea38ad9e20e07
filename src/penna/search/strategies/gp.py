"""Bayesian search with a Gaussian process and log expected improvement, as Optuna's GPSampler does it."""

from collections.abc import Sequence

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the step or objective that these values describe."""
    return _sampled.make("gp", space, portfolio, profile)
