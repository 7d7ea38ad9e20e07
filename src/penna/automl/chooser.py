"""The choice of what to serve, among trials that can be finished in time and stay under the ceilings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from penna.automl import selection
from penna.automl.selection import OutOfFoldScores, Selection
from penna.automl.time_budget import TimeBudget
from penna.search.trials import State, Trial

#: Share of the budget that the test set of a model on disk may overrun. Without it a search of hours would end with its
#: first, cheap model because its last trial took longer than predicted.
GRACE = 0.02


@dataclass(frozen=True)
class Chooser:
    """Chooses among the trials of a search.

    Parameters
    ----------
    time : TimeBudget
    trials : sequence of Trial
        The trials of the log; a running search appends to it.
    scores : OutOfFoldScores
    over_limit : frozenset of frozenset of int
        Trial numbers of choices that were over a ceiling once written and measured.
    """

    time: TimeBudget
    trials: Sequence[Trial]
    scores: OutOfFoldScores
    over_limit: frozenset[frozenset[int]] = frozenset()

    def choose(self, seconds: float) -> Selection | None:
        """Return the best choice that can be finished within ``seconds``; None if there is none."""
        return selection.best(self.trials, self.scores, self._allowed(seconds), self.time.few_shot_default)

    def at_full_fidelity(self, choice: Selection | None, seconds: float) -> Selection | None:
        """Return the choice, with the few-shot default at its full fidelity if that fits into ``seconds``."""
        default = self.time.few_shot_default
        if choice is None or default is None:
            return choice
        trial = choice.members[0][0]
        if not selection.same_method(trial.recipe, default):
            return choice
        refit = self.time.refit_seconds(trial) * default.fidelity / trial.recipe.fidelity
        if refit + self.time.answer_seconds(trial) > seconds:
            return choice
        full = replace(trial, recipe=trial.recipe.replace(fidelity=default.fidelity))
        return replace(choice, members=((full, 1.0),))

    def runners_up(self, seconds: float, most: int) -> list[Selection]:
        """Return up to ``most`` single trials that could be finished as well, best first.

        They are of the first round. The list is empty if rows are too few to choose by.
        """
        if self.time.few_shot_default:
            return []
        allowed = self._allowed(seconds)
        first = self.scores.first_round
        complete = [t for t in self.trials if t.state is State.COMPLETE and t.folds == first and allowed([t])]
        ranked = sorted(complete, key=lambda t: -t.score)
        return [Selection(((t, 1.0),), t.score, t.score_std) for t in ranked[:most]]

    def fitted(self) -> Selection | None:
        """Return the best fitted model under the ceilings, as a choice that needs no refit."""
        for trial in self.time.best_models.ranked():
            admitted = self.time.problem.budget.admits(trial.size_mb, trial.latency_ms)
            if admitted and frozenset([trial.number]) not in self.over_limit:
                return Selection(((trial, 1.0),), trial.score, trial.score_std)
        return None

    def without(self, choice: Selection) -> "Chooser":
        """Return a chooser that never returns this choice again."""
        return replace(self, over_limit=self.over_limit | {frozenset(t.number for t, _ in choice.members)})

    def _allowed(self, seconds: float) -> Callable[[Sequence[Trial]], bool]:
        time, budget = self.time, self.time.problem.budget

        def allowed(members: Sequence[Trial]) -> bool:
            size_mb = sum(t.size_mb or 0.0 for t in members)
            latency_ms = sum(t.latency_ms or 0.0 for t in members)
            fitted = {t.number for t in members} <= time.best_models.numbers
            grace = GRACE * time.limits.deadline.seconds if fitted else 0.0
            in_time = sum(map(time.least_seconds, members)) <= seconds + grace
            fits = in_time and budget.admits(size_mb, latency_ms)
            return fits and frozenset(t.number for t in members) not in self.over_limit

        return allowed
