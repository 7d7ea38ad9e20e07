"""One search: proposals in, trials out, always a usable model on disk. Knows families by name, never their insides."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from penna import plugins
from penna.automl import candidates, evaluate, label_noise, selection
from penna.automl.best_model import BestModels
from penna.automl.cost_model import CostModel, runs_unchanged
from penna.automl.evaluate import SearchProblem
from penna.automl.selection import OutOfFoldScores, Selection
from penna.budget import Deadline, Resources
from penna.data.arrays import Array
from penna.models import pipeline
from penna.models.base import Model
from penna.postprocessing import oos_threshold
from penna.search.strategies.base import Proposal
from penna.search.trials import State, Trial, TrialLog

#: Why a search ended, where Ctrl-C ended it.
STOPPED = "stopped by hand"
#: So much of the budget may be added for the test set of the model that lies on disk: else a search of hours would end
#: with its first, cheap model because its last trial took longer than predicted.
GRACE = 0.02
#: A refit of a trusted recipe may be cut to this share of its steps before another model is served.
CUT = 0.4
#: Refits that take no more than this share of the budget are never given up for one more trial.
CHEAP = 0.1


class Progress(Protocol):
    """Gets the events of a fit."""

    def event(self, kind: str, **data: Any) -> None:
        """Told what happens, as it happens; the kinds are listed in docs/architecture.md."""
        ...


@dataclass(frozen=True)
class RunLimits:
    """Where a search writes, and what it must leave time for."""

    folder: Path
    deadline: Deadline
    resources: Resources
    test_rows: int
    facts: Mapping[str, Any]  # goes into the manifest of every artefact of this run
    telling: float = 0.0  # seconds that come after the deadline, for what is reported of the result
    adjusting: float = 0.0  # seconds in which post-processing steps may be found, once the search is over
    runner: str = "local"  # what runs the trials: a file in search/runners


class Search:
    """The state of one search: the trial log, and which trial's model lies on disk."""

    def __init__(
        self,
        work: SearchProblem,
        families: Sequence[str],
        strategy: str,
        ledger: TrialLog,
        goal: RunLimits,
        progress: Progress,
    ):
        self.problem, self.trial_log, self.limits, self.progress = work, ledger, goal, progress
        self.families, self.portfolio = tuple(families), candidates.portfolio(work, families)
        self.few_shot_default = candidates.few_shot_default(work, self.portfolio)
        self.noise_treatments: tuple[tuple[str, ...], bool] = ((), False)  # of treating rows whose label is doubted
        self._make = partial(candidates.strategy, work, families, strategy)  # it reads off the trials where it stands
        self.strategy = self._make(self.portfolio)
        self.columns_help: bool | None = None if work.profile.columns else False
        self.noise_settled = not self.portfolio
        self.first_round = tuple(range(work.profile.folds))
        self.evidence = OutOfFoldScores(work.task, self._truth, ledger.outputs, self.first_round)
        self.baseline: Model | None = None
        self.chosen: Selection | None = None
        self.over_limit: set[frozenset[int]] = set()  # members that were over a ceiling once written and measured
        self._truths: dict[int, Array] = {}
        self.cost_model = CostModel(work, goal.deadline, goal.test_rows)
        wrote = self.cost_model.wrote
        self.best_models = BestModels(goal.folder, work, goal.facts, self.few_shot_default, ledger.trials, wrote)
        self._fitted: Model | None = None  # of the last attempt
        self._choosing = self._spent_since = self._looking = 0.0

    def run(self) -> str:
        """Search until time or ideas run out, or Ctrl-C; returns why it ended."""
        try:
            runner = plugins.find("search.runners", self.limits.runner)
            return str(runner.run(self.ask, self.attempt, self.on_trial_end, self.trial_log, self.seconds_left))
        except KeyboardInterrupt:  # perhaps after a model was written, and before its trial was
            self.best_models.reread(self.trial_log.trials)
            return STOPPED

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the strategy's next proposal, of what the trials so far leave to be proposed.

        They tell which ways there are of treating doubtful rows, and whether columns other than the text tell anything.
        """
        if not self.noise_settled:
            ways = label_noise.noise_treatments(self.problem, trials, self.evidence, self.portfolio[0])
            if ways != self.noise_treatments and (ways[0] or self.noise_treatments[0]):
                self.strategy = self._make(self.portfolio, *ways)
            self.noise_treatments, self.noise_settled = ways, ways[1]
        if self.columns_help is None:
            self.columns_help = candidates.columns_help(trials)
            if self.columns_help is False:
                self.portfolio = candidates.without_columns(self.portfolio)
                self.strategy = self._make(self.portfolio, *self.noise_treatments)
        return self.strategy.ask(trials, left)

    def seconds_left(self) -> float:
        """Seconds that searching may still take: choosing once more and finishing what is chosen now come off first."""
        if self.best_models.empty:  # without a first model there is nothing to finish
            return self.limits.deadline.left()
        left = self.finish_reserve() - self._choosing
        return left - self._reserve(left)

    def _reserve(self, left: float) -> float:
        """Seconds that finishing what is chosen now takes: in full where these are left, or few; else at the least."""
        if self.chosen is None:
            return 0.0
        members = [t for t, _ in self.chosen.members]
        whole = sum(self.refit_seconds(t) + self.answer_seconds(t) for t in members)
        cheap = whole <= CHEAP * self.limits.deadline.seconds
        return whole if whole <= left or cheap else sum(map(self.least_seconds, members))

    def finish_reserve(self) -> float:
        """Seconds in which what is chosen could be fitted again and examined.

        Post-processing steps and writing come off first.
        """
        return self.limits.deadline.left() - self.finishing_seconds() - self.limits.adjusting

    def finishing_seconds(self) -> float:
        """Predicted seconds to finish what is chosen now, apart from refits, writing and the test set."""
        return self.cost_model.finishing([t.recipe for t, _ in self.chosen.members] if self.chosen else [])

    def refit_seconds(self, trial: Trial) -> float:
        """Predicted seconds to fit a trial's recipe on all rows; none for a kept model that would learn little more."""
        kept = trial.number in self.best_models.numbers
        return 0.0 if kept and not self.problem.refits else self.cost_model.refit(trial)

    def answer_seconds(self, trial: Trial) -> float:
        """Predicted seconds to write the model, and to answer the test set."""
        return self.cost_model.writing(trial.recipe) + self.cost_model.test_seconds(trial)

    def least_seconds(self, trial: Trial) -> float:
        """Return what finishing takes at the least.

        A kept model can be served as it is, a trusted one learn for less.
        """
        share = CUT if trial.recipe.family == getattr(self.few_shot_default, "family", None) else 1.0
        kept = trial.number in self.best_models.numbers
        return self.answer_seconds(trial) + (0.0 if kept else share * self.refit_seconds(trial))

    def choose(self, seconds: float) -> Selection | None:
        """Return the best choice that can be finished within ``seconds`` and stays under the ceilings."""
        return selection.best(self.trial_log.trials, self.evidence, self._allowed(seconds), self.few_shot_default)

    def at_full_fidelity(self, choice: Selection | None, seconds: float) -> Selection | None:
        """Return the same choice; a trusted recipe that was tried for less than it asks for in full, where that
        fits.
        """
        if (
            choice is None
            or self.few_shot_default is None
            or not selection.same_method(choice.members[0][0].recipe, self.few_shot_default)
        ):
            return choice
        trial = choice.members[0][0]
        whole = self.refit_seconds(
            trial
        ) * self.few_shot_default.fidelity / trial.recipe.fidelity + self.answer_seconds(trial)
        if whole > seconds:
            return choice
        return replace(
            choice,
            members=((replace(trial, recipe=trial.recipe.replace(fidelity=self.few_shot_default.fidelity)), 1.0),),
        )

    def runners_up(self, seconds: float, most: int) -> list[Selection]:
        """Single trials of the first round that could be finished as well, best first; none where rows are too few."""
        if self.few_shot_default:
            return []
        allowed = self._allowed(seconds)
        met = [t for t in self.trial_log.trials if t.state is State.COMPLETE and t.folds == self.first_round]
        ranked = sorted((t for t in met if allowed([t])), key=lambda t: -t.score)
        return [Selection(((t, 1.0),), t.score, t.score_std) for t in ranked[:most]]

    def _allowed(self, seconds: float) -> Callable[[Sequence[Trial]], bool]:
        def allowed(members: Sequence[Trial]) -> bool:
            size = sum(t.size_mb or 0.0 for t in members)
            answer = sum(t.latency_ms or 0.0 for t in members)
            kept = all(t.number in self.best_models.numbers for t in members)
            grace = GRACE * self.limits.deadline.seconds if kept else 0.0
            fits = sum(map(self.least_seconds, members)) <= seconds + grace and self.problem.budget.admits(size, answer)
            return fits and frozenset(t.number for t in members) not in self.over_limit

        return allowed

    def attempt(self, proposal: Proposal, left: float) -> tuple[Trial, Mapping[int, Array]]:
        """Run one proposal, smaller where it must be, or skip it with the reason."""
        afford = partial(self.cost_model.afford, trials=self.trial_log.trials, resources=self.limits.resources)
        if label_noise.needed(proposal.recipe) and any(fold not in self.problem.doubts for fold in proposal.folds):
            left -= self._looking
        afforded, folds = afford(proposal, left=left), proposal.folds
        while (
            proposal.recipe == self.few_shot_default
            and len(folds) > 1
            and not runs_unchanged(afforded, proposal.recipe)
        ):
            folds = folds[: len(folds) // 2]  # it is not for its score that it is served
            afforded = afford(replace(proposal, folds=folds), left=left)
        if (
            not isinstance(afforded, str)
            and label_noise.needed(proposal.recipe)
            and (why := self.estimate_label_noise(folds))
        ):
            afforded = why
        if isinstance(afforded, str):
            skipped = Trial(
                proposal.recipe, State.SKIPPED, reason=afforded, phase=proposal.phase, proposal_key=proposal.key
            )
            return skipped, {}
        recipe, cost = afforded
        seconds = cost.seconds * len(folds)
        predicted = seconds * self.cost_model.correction(recipe.family)
        self.progress.event("trial_start", recipe=str(recipe), predicted=predicted)

        def report(step: int, of: int, score: float) -> bool:
            self.progress.event("step", step=step, of=of, score=score)
            # A finalist runs on another fold or seed: its curve cannot be held against those of the first round.
            judged = proposal.phase != "finalist"
            return not judged or self.strategy.should_continue(self.trial_log.trials, recipe, step / of, score)

        # However long it takes, what is chosen now can still be served as it is, or refitted where that is cheap; and
        # so can this.
        serving = max(self._reserve(0.0), self.cost_model.serving(recipe, cost))
        after = max(self.finishing_seconds(), self.cost_model.finishing([recipe])) + self.limits.adjusting + serving
        if self.best_models.empty:
            after = min(after, 0.5 * self.limits.deadline.left())
        resources = replace(self.limits.resources, deadline=self.limits.deadline.before(after))
        outcome = evaluate.evaluate(recipe, self.problem, folds, resources, report)
        trial = replace(
            outcome.trial,
            predicted_seconds=round(predicted, 3),
            size_mb=cost.size_mb,
            latency_ms=cost.latency_ms,
            phase=proposal.phase,
            proposal_key=proposal.key,
        )
        self.cost_model.record_duration(trial, seconds)
        self._fitted = outcome.model
        return trial, outcome.outputs

    def estimate_label_noise(self, folds: Sequence[int]) -> str:
        """Look for doubtful rows of these folds; why that failed, or ""."""
        if all(fold in self.problem.doubts for fold in folds):
            return ""
        self.progress.event("phase", name="looking for suspicious labels")
        begun = time.monotonic()
        why = label_noise.estimate(self.problem, folds, replace(self.limits.resources, deadline=self.limits.deadline))
        self._looking = time.monotonic() - begun
        return why

    def on_trial_end(self, trial: Trial) -> None:
        """Take in a finished trial: its model may be the best so far, and another choice the best."""
        if self._fitted is not None:
            self._keep(trial, self._fitted)
            self._fitted = None
        self._spent_since += trial.seconds
        if self._spent_since >= 20 * self._choosing:  # a twentieth of the time is enough for choosing
            begun = time.monotonic()
            self.chosen = self.choose(max(0.0, self.finish_reserve())) or self.chosen
            self._choosing, self._spent_since = time.monotonic() - begun, 0.0
        # Scores compare on the same folds: finalists met others.
        done = [t for t in self.trial_log.trials if t.state is State.COMPLETE and t.folds == self.first_round]
        self.progress.event("trial_end", trial=trial, best=max(done, key=lambda t: t.score, default=None))

    def _keep(self, trial: Trial, model: Model) -> None:
        if trial.phase == "baseline":
            column = self.problem.task.oos_index
            self.baseline = pipeline.wrap(
                trial.recipe, model, () if column is None else (oos_threshold.never(column),)
            )[1]
        self.best_models.add(trial, model)

    def _truth(self, fold: int) -> Array:
        if fold not in self._truths:
            self._truths[fold] = self.problem.task.encode(self.problem.table.take(self.problem.folds[fold][1]))
        return self._truths[fold]
