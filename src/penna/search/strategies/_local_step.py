"""A local step: one or two hyperparameters of a recipe change a little. Values in, values out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.search.recipe import Hyperparameter, Recipe, Scalar

#: Width of a step in a numeric range, as a share of the range (on a log scale if the hyperparameter has one).
STEP = 0.15


def step(recipe: Recipe, hyperparameters: Sequence[Hyperparameter], rng: np.random.Generator) -> Recipe:
    """Return the recipe with one or two of its active hyperparameters changed.

    Hyperparameters that become active by the change start at random.
    """
    active = [k for k in hyperparameters if k.active(dict(recipe.hyperparameters))]
    turned = {active[i].name for i in rng.permutation(len(active))[: 1 + int(rng.integers(2))]}
    # Values outside the space (a portfolio recipe may set more than a search may change) do not change.
    chosen = {name: value for name, value in recipe.hyperparameters if name not in {k.name for k in hyperparameters}}
    for hyperparameter in hyperparameters:
        if hyperparameter.active(chosen):
            old = recipe.get(hyperparameter.name)
            chosen[hyperparameter.name] = (
                _turned(hyperparameter, old, rng) if hyperparameter.name in turned or old is None else old
            )
    return Recipe.from_values(recipe.family, chosen, fidelity=recipe.fidelity, seed=recipe.seed)


def _turned(hyperparameter: Hyperparameter, old: Scalar, rng: np.random.Generator) -> Scalar:
    if hyperparameter.values:
        others = [v for v in hyperparameter.values if v != old] or list(hyperparameter.values)
        return others[int(rng.integers(len(others)))]
    low, high = (
        (np.log(hyperparameter.low), np.log(hyperparameter.high))
        if hyperparameter.log
        else (hyperparameter.low, hyperparameter.high)
    )
    start = float(rng.uniform(low, high)) if old is None else _scaled(hyperparameter, old)
    moved = float(np.clip(start + rng.normal() * STEP * (high - low), low, high))
    value = float(np.exp(moved)) if hyperparameter.log else moved
    if hyperparameter.whole:
        return int(np.clip(round(value), hyperparameter.low, hyperparameter.high))
    return float(np.clip(float(f"{value:.4g}"), hyperparameter.low, hyperparameter.high))


def _scaled(hyperparameter: Hyperparameter, value: Any) -> float:
    return float(np.log(value)) if hyperparameter.log else float(value)
