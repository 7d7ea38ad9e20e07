"""The default search: baseline, portfolio with the cheapest first, TPE with successive halving, then finalists."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from penna.search.recipe import DatasetProfile, Recipe, SearchSpace
from penna.search.strategies import _halving, _local_step
from penna.search.strategies._optuna_sampler import Sampler
from penna.search.strategies.base import Proposal, Strategy, finished, untried
from penna.search.trials import State, Trial

MOST_FINALISTS = 3
#: A wide search overfits its validation rows (Liu & Wang 2021, "An Empirical Study on Hyperparameter Optimization for
#: Fine-Tuning"): beyond this many draws of one family, a better score is probably luck.
MOST_DRAWS = 24
#: After this many skipped draws of a family in a row, no other will fit either, unless this many seconds are left: a
#: run may be resumed with more time.
MOST_SKIPPED, AGAIN = 3, 20.0
#: Rows for one draw: on a few dozen rows, the best of many draws is the luckiest.
ROWS_A_DRAW = 25


def make(space: SearchSpace, portfolio: Sequence[Recipe], profile: DatasetProfile) -> Strategy:
    """Return the strategy; ``portfolio`` is in the order of trial, the baseline first."""
    return Auto(space, portfolio, profile)


class Auto:
    """Derives its state from the trials alone, so that a resumed run continues at the same point."""

    def __init__(
        self,
        space: SearchSpace,
        portfolio: Sequence[Recipe],
        profile: DatasetProfile,
        kind: str = "tpe",
        local: bool = True,
    ) -> None:
        self.portfolio, self.profile, self.kind, self.local = list(portfolio), profile, kind, local
        self.hyperparameters = {
            family: hyperparameters for family, hyperparameters in space.families if hyperparameters
        }
        self.first_round = tuple(range(profile.folds))
        self.samplers = {
            family: Sampler(kind, family, hyperparameters, profile.seed)
            for family, hyperparameters in self.hyperparameters.items()
        }

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the next proposal, or None if nothing is left to try."""
        return self._from_portfolio(trials) or self._drawn(trials, left) or self._finalist(trials)

    def should_continue(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        """Return whether a running trial should go on."""
        return _halving.keep(trials, recipe.family, fraction, score)

    def _from_portfolio(self, trials: Sequence[Trial]) -> Proposal | None:
        origins = ["baseline"] + ["portfolio"] * len(self.portfolio)
        return untried(
            trials, (Proposal(r, self.first_round, o) for r, o in zip(self.portfolio, origins, strict=False))
        )

    def _drawn(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        if any(t.phase == "finalist" for t in trials):
            return None
        # Predictions have errors: finalists get 1.5 times the seconds of their first round.
        spare = left - 1.5 * max(1, len(self.profile.again)) * sum(_fold_seconds(t) for t in self._finalists(trials))
        family = self._next_family(trials, spare)
        if family is None:
            return None
        # A sampler may repeat itself in a small space.
        draws = (self._draw(trials, family, attempt) for attempt in range(8))
        return untried(trials, (Proposal(recipe, self.first_round, self.kind) for recipe in draws))

    def _draw(self, trials: Sequence[Trial], family: str, attempt: int) -> Recipe:
        """Return a draw of the sampler, or in the default search every second time a step from the best recipe.

        Two dozen draws are few for ten hyperparameters: local steps then find more than a model of the whole space.
        """
        drawn = sum(t.phase == self.kind and t.recipe.family == family for t in trials)
        ranked = sorted((t for t in finished(trials) if t.recipe.family == family), key=lambda t: -t.lower_score)
        if self.local and ranked and drawn % 2 == 0:
            rng = np.random.default_rng([self.profile.seed, len(trials), attempt])
            return _local_step.step(ranked[0].recipe, self.hyperparameters[family], rng)
        return self.samplers[family].ask(trials, self.profile.seed)

    def _next_family(self, trials: Sequence[Trial], spare: float) -> str | None:
        """Return the family with the least time relative to its promise, among those whose typical trial still fits.

        Promise falls tenfold for every 5 % of score behind the best family, so a family that is far behind soon
        gets no more time.
        """
        most = min(MOST_DRAWS, self.profile.rows // ROWS_A_DRAW)
        best: dict[str, float] = {}
        seconds: dict[str, list[float]] = defaultdict(list)
        draws: dict[str, int] = defaultdict(int)
        skipped: dict[str, int] = defaultdict(int)  # consecutive skipped draws at the end
        for t in trials:
            if t.phase == self.kind:
                skipped[t.recipe.family] = skipped[t.recipe.family] + 1 if t.state is State.SKIPPED else 0
            if t.state is State.COMPLETE:
                best[t.recipe.family] = max(best.get(t.recipe.family, t.score), t.score)
                seconds[t.recipe.family].append(t.seconds)
            draws[t.recipe.family] += t.phase == self.kind
        top = max(best.values(), default=0.0)
        far = 0.05 * max(1.0, abs(top))  # an error in the units of the target is not a share of 1
        open_ = [
            f
            for f in best
            if f in self.samplers
            and draws[f] < most
            and (skipped[f] < MOST_SKIPPED or spare > AGAIN)
            and 1.2 * sorted(seconds[f])[len(seconds[f]) // 2] < spare
        ]
        return min(open_, key=lambda f: sum(seconds[f]) * 10 ** min((top - best[f]) / far, 100.0), default=None)

    def _finalists(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the best trials of the first round, at most two of one family."""
        ranked = sorted((t for t in finished(trials) if t.phase != "finalist"), key=lambda t: -t.lower_score)
        chosen: list[Trial] = []
        for t in ranked:
            if sum(c.recipe.family == t.recipe.family for c in chosen) < 2:
                chosen.append(t)
        return chosen[:MOST_FINALISTS]

    def _finalist(self, trials: Sequence[Trial]) -> Proposal | None:
        """Return the next finalist, on folds that it has not seen, or with another seed if it has seen all."""
        if others := self.profile.again or ((1,) if len(self.first_round) == 1 else ()):
            again = [Proposal(t.recipe, others, "finalist") for t in self._finalists(trials)]
        else:
            again = [
                Proposal(t.recipe.replace(seed=t.recipe.seed + 1), self.first_round, "finalist")
                for t in self._finalists(trials)
            ]
        return untried(trials, again)


def _fold_seconds(trial: Trial) -> float:
    return trial.seconds / max(1, len(trial.folds))
