"""Optuna's samplers behind ask and tell. The only file that meets optuna; it runs nothing and keeps no files."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from penna.search.recipe import Knob, Recipe, Scalar
from penna.search.trials import State, Trial


class Sampler:
    """Draws recipes of one family from its knobs; learns from all trials of that family."""

    def __init__(self, kind: str, family: str, knobs: Sequence[Knob], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.family = family
        self.knobs = tuple(knobs)
        with warnings.catch_warnings():
            # Optuna marks samplers that it has shipped for years as experimental.
            warnings.simplefilter("ignore")
            self.study = optuna.create_study(direction="maximize", sampler=_sampler(kind, seed, knobs))
        self._seen: set[int] = set()

    def ask(self, trials: Sequence[Trial], seed: int) -> Recipe:
        """A new recipe, given all that is known."""
        self._learn(trials)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = self._suggest(self.study.ask())
        return Recipe.made(self.family, chosen, seed=seed)

    def _suggest(self, asked: Any) -> dict[str, Scalar]:
        chosen: dict[str, Scalar] = {}
        for knob in self.knobs:
            if knob.active(chosen):
                chosen[knob.name] = _draw(asked, knob)
        return chosen

    def _learn(self, trials: Sequence[Trial]) -> None:
        import optuna

        for trial in trials:
            if trial.recipe.family != self.family or trial.number in self._seen or trial.state is State.SKIPPED:
                continue
            self._seen.add(trial.number)
            inside = self._inside(trial.recipe)
            if inside is None or (not math.isfinite(trial.score) and not trial.curve):
                continue
            # A pruned trial counts with the last score it showed: worse than what finished, better than nothing.
            value = trial.score if math.isfinite(trial.score) else trial.curve[-1][1]
            params, ranges = inside
            told = optuna.trial.create_trial(params=params, distributions=ranges, value=value)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.study.add_trial(told)

    def _inside(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The recipe as optuna's parameters, or None where a portfolio recipe lies outside the space."""
        params: dict[str, Any] = {}
        ranges: dict[str, Any] = {}
        for knob in self.knobs:
            if not knob.active(params):
                continue
            value, distribution = recipe.get(knob.name), _distribution(knob)
            try:
                if not distribution._contains(distribution.to_internal_repr(value)):
                    return None
            except (TypeError, ValueError):
                return None
            params[knob.name], ranges[knob.name] = value, distribution
        return params, ranges


def _sampler(kind: str, seed: int, knobs: Sequence[Knob]) -> Any:
    from optuna import samplers

    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    if kind == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=5)
    return samplers.TPESampler(seed=seed, n_startup_trials=5, multivariate=True, group=True)


def _distribution(knob: Knob) -> Any:
    from optuna import distributions

    if knob.values:
        return distributions.CategoricalDistribution(knob.values)
    if knob.whole:
        return distributions.IntDistribution(int(knob.low), int(knob.high), log=knob.log)
    return distributions.FloatDistribution(knob.low, knob.high, log=knob.log)


def _draw(asked: Any, knob: Knob) -> Scalar:
    if knob.values:
        value: Scalar = asked.suggest_categorical(knob.name, knob.values)
    elif knob.whole:
        value = asked.suggest_int(knob.name, int(knob.low), int(knob.high), log=knob.log)
    else:
        # Four digits say all that a knob needs, and keep recipes readable.
        value = float(f"{asked.suggest_float(knob.name, knob.low, knob.high, log=knob.log):.4g}")
    return value
