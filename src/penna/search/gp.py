"""Bayesian search with a Gaussian process and log expected improvement, as Optuna's GPSampler does it."""

from collections.abc import Sequence

from penna.recipe import Profile, Recipe, Space
from penna.search import Strategy, _drawing


def make(space: Space, portfolio: Sequence[Recipe], profile: Profile) -> Strategy:
    return _drawing.make("gp", space, portfolio, profile)
