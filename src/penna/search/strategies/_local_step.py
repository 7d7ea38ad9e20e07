"""A step from a recipe to one nearby: one or two knobs turned a little. Values in, values out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.search.recipe import Knob, Recipe, Scalar

#: Width of a step in a numeric range, as a share of the range (of its logarithm where the knob says so).
STEP = 0.15


def step(recipe: Recipe, knobs: Sequence[Knob], rng: np.random.Generator) -> Recipe:
    """One or two of the recipe's active knobs changed; knobs that a change brings to life start at random."""
    active = [k for k in knobs if k.active(dict(recipe.knobs))]
    turned = {active[i].name for i in rng.permutation(len(active))[: 1 + int(rng.integers(2))]}
    # What the space does not know (a portfolio recipe may say more than a search may turn) stays as it is.
    chosen = {name: value for name, value in recipe.knobs if name not in {k.name for k in knobs}}
    for knob in knobs:
        if knob.active(chosen):
            old = recipe.get(knob.name)
            chosen[knob.name] = _turned(knob, old, rng) if knob.name in turned or old is None else old
    return Recipe.made(recipe.family, chosen, effort=recipe.effort, seed=recipe.seed)


def _turned(knob: Knob, old: Scalar, rng: np.random.Generator) -> Scalar:
    if knob.values:
        others = [v for v in knob.values if v != old] or list(knob.values)
        return others[int(rng.integers(len(others)))]
    low, high = (np.log(knob.low), np.log(knob.high)) if knob.log else (knob.low, knob.high)
    start = float(rng.uniform(low, high)) if old is None else _scaled(knob, old)
    moved = float(np.clip(start + rng.normal() * STEP * (high - low), low, high))
    value = float(np.exp(moved)) if knob.log else moved
    if knob.whole:
        return int(np.clip(round(value), knob.low, knob.high))
    return float(np.clip(float(f"{value:.4g}"), knob.low, knob.high))


def _scaled(knob: Knob, value: Any) -> float:
    return float(np.log(value)) if knob.log else float(value)
