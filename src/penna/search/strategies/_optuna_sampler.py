"""Optuna's samplers behind ask and tell. The only module that imports optuna; it runs nothing and writes no files."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from penna.search.recipe import Hyperparameter, Recipe, Scalar
from penna.search.trials import State, Trial


class Sampler:
    """Draws recipes of one family from its hyperparameters; learns from all trials of that family."""

    def __init__(self, kind: str, family: str, hyperparameters: Sequence[Hyperparameter], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.family = family
        self.hyperparameters = tuple(hyperparameters)
        with warnings.catch_warnings():
            # Optuna still marks samplers as experimental that it has shipped for years.
            warnings.simplefilter("ignore")
            self.study = optuna.create_study(direction="maximize", sampler=_sampler(kind, seed, hyperparameters))
        self._seen: set[int] = set()

    def ask(self, trials: Sequence[Trial], seed: int) -> Recipe:
        """Return a new recipe, given all trials so far."""
        self._learn(trials)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = self._suggest(self.study.ask())
        return Recipe.from_values(self.family, chosen, seed=seed)

    def _suggest(self, trial: Any) -> dict[str, Scalar]:
        chosen: dict[str, Scalar] = {}
        for hyperparameter in self.hyperparameters:
            if hyperparameter.active(chosen):
                chosen[hyperparameter.name] = _draw(trial, hyperparameter)
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
            # A pruned trial counts with its last reported score: worse than a finished one, better than nothing.
            value = trial.score if math.isfinite(trial.score) else trial.curve[-1][1]
            params, ranges = inside
            finished = optuna.trial.create_trial(params=params, distributions=ranges, value=value)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.study.add_trial(finished)

    def _inside(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the recipe as Optuna's parameters, or None if a portfolio recipe is outside the space."""
        params: dict[str, Any] = {}
        ranges: dict[str, Any] = {}
        for hyperparameter in self.hyperparameters:
            if not hyperparameter.active(params):
                continue
            value, distribution = recipe.get(hyperparameter.name), _distribution(hyperparameter)
            try:
                if not distribution._contains(distribution.to_internal_repr(value)):
                    return None
            except (TypeError, ValueError):
                return None
            params[hyperparameter.name], ranges[hyperparameter.name] = value, distribution
        return params, ranges


def _sampler(kind: str, seed: int, hyperparameters: Sequence[Hyperparameter]) -> Any:
    from optuna import samplers

    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    if kind == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=5)
    return samplers.TPESampler(seed=seed, n_startup_trials=5, multivariate=True, group=True)


def _distribution(hyperparameter: Hyperparameter) -> Any:
    from optuna import distributions

    if hyperparameter.values:
        return distributions.CategoricalDistribution(hyperparameter.values)
    if hyperparameter.whole:
        return distributions.IntDistribution(int(hyperparameter.low), int(hyperparameter.high), log=hyperparameter.log)
    return distributions.FloatDistribution(hyperparameter.low, hyperparameter.high, log=hyperparameter.log)


def _draw(trial: Any, hyperparameter: Hyperparameter) -> Scalar:
    if hyperparameter.values:
        value: Scalar = trial.suggest_categorical(hyperparameter.name, hyperparameter.values)
    elif hyperparameter.whole:
        value = trial.suggest_int(
            hyperparameter.name, int(hyperparameter.low), int(hyperparameter.high), log=hyperparameter.log
        )
    else:
        # Four digits are enough for a hyperparameter, and keep recipes readable.
        low, high = hyperparameter.low, hyperparameter.high
        value = float(f"{trial.suggest_float(hyperparameter.name, low, high, log=hyperparameter.log):.4g}")
    return value
