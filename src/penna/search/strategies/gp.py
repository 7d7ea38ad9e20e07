"""Bayesian search with a Gaussian process and log expected improvement, as Optuna's GPSampler does it."""

from collections.abc import Sequence

from penna.search.recipe import Profile, Recipe, Space
from penna.search.strategies import _sampled
from penna.search.strategies.base import Strategy


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _sampled.make("gp", space, portfolio, profile)
