"""One search: proposals in, trials out, always a usable model on disk. Knows families by name, never their insides."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from penna.automl import candidates, evaluate, label_noise, selection
from penna.automl.best_model import BestModels
from penna.automl.cost_model import Affording, whole
from penna.automl.evaluate import Work
from penna.automl.selection import Choice, Evidence
from penna.budget import Deadline, Resources
from penna.data.arrays import Array
from penna.models import pipeline
from penna.models.base import Model
from penna.postprocessing import oos_threshold
from penna.search.runners import local
from penna.search.strategies.base import Proposal
from penna.search.trials import Ledger, State, Trial

#: Why a search ended, where Ctrl-C ended it.
STOPPED = "stopped by hand"
#: So much of the budget may be added for the exam of the model that lies on disk: else a search of hours would end with
#: its first, cheap model because its last trial took longer than it said.
GRACE = 0.02
#: A refit of a trusted recipe may be cut to this share of its steps before another model is served.
CUT = 0.4
#: Refits that take no more than this share of the budget are never given up for one more trial.
CHEAP = 0.1


class Progress(Protocol):
    def event(self, kind: str, **data: Any) -> None:
        """Told what happens, as it happens; the kinds are listed in docs/architecture.md."""
        ...


@dataclass(frozen=True)
class Goal:
    """Where a search writes, and what it must leave time for."""

    folder: Path
    deadline: Deadline
    resources: Resources
    exam_rows: int
    facts: Mapping[str, Any]  # goes into the manifest of every artefact of this run
    telling: float = 0.0  # seconds that come after the deadline, for what is told of the result
    adjusting: float = 0.0  # seconds in which last steps may be found, once the search is over


class Search:
    """The state of one search: the ledger, and which trial's model lies on disk."""

    def __init__(
        self, work: Work, families: Sequence[str], strategy: str, ledger: Ledger, goal: Goal, progress: Progress
    ):
        self.work, self.ledger, self.goal, self.progress = work, ledger, goal, progress
        self.families, self.portfolio = tuple(families), candidates.portfolio(work, families)
        self.trusted = candidates.trusted(work, self.portfolio)
        self.ways: tuple[tuple[str, ...], bool] = ((), False)  # of treating rows whose label is doubted
        self._make = partial(candidates.strategy, work, families, strategy)  # it reads off the trials where it stands
        self.strategy = self._make(self.portfolio)
        self.columns_tell: bool | None = None if work.profile.columns else False
        self.decided = not self.portfolio
        self.first_round = tuple(range(work.profile.folds))
        self.evidence = Evidence(work.task, self._truth, ledger.outputs, self.first_round)
        self.baseline: Model | None = None
        self.chosen: Choice | None = None
        self.too_large: set[frozenset[int]] = set()  # members that were over a ceiling once written and measured
        self._truths: dict[int, Array] = {}
        self.affording = Affording(work, goal.deadline, goal.exam_rows)
        wrote = self.affording.wrote
        self.best_models = BestModels(goal.folder, work, goal.facts, self.trusted, ledger.trials, wrote)
        self._fitted: Model | None = None  # of the last attempt
        self._choosing = self._spent_since = self._looking = 0.0

    def run(self) -> str:
        """Search until time or ideas run out, or Ctrl-C; returns why it ended."""
        try:
            return local.run(self.ask, self.attempt, self.told, self.ledger, self.left)
        except KeyboardInterrupt:  # perhaps after a model was written, and before its trial was
            self.best_models.reread(self.ledger.trials)
            return STOPPED

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """The strategy's next proposal, of what the trials so far leave to be proposed: they tell which ways there are
        of treating doubtful rows, and whether columns beside the text tell anything."""
        if not self.decided:
            ways = label_noise.ways(self.work, trials, self.evidence, self.portfolio[0])
            if ways != self.ways and (ways[0] or self.ways[0]):
                self.strategy = self._make(self.portfolio, *ways)
            self.ways, self.decided = ways, ways[1]
        if self.columns_tell is None:
            self.columns_tell = candidates.columns_tell(trials)
            if self.columns_tell is False:
                self.portfolio = candidates.without_columns(self.portfolio)
                self.strategy = self._make(self.portfolio, *self.ways)
        return self.strategy.ask(trials, left)

    def left(self) -> float:
        """Seconds that searching may still take: choosing once more and finishing what is chosen now come off first."""
        if self.best_models.empty:  # without a first model there is nothing to finish
            return self.goal.deadline.left()
        left = self.finishing() - self._choosing
        return left - self._reserve(left)

    def _reserve(self, left: float) -> float:
        """Seconds that finishing what is chosen now takes: in full where these are left, or few; else at the least."""
        if self.chosen is None:
            return 0.0
        members = [t for t, _ in self.chosen.members]
        whole = sum(self.refit_seconds(t) + self.answer_seconds(t) for t in members)
        cheap = whole <= CHEAP * self.goal.deadline.seconds
        return whole if whole <= left or cheap else sum(map(self.least_seconds, members))

    def finishing(self) -> float:
        """Seconds in which what is chosen could be fitted again and examined: last steps and writing come off first."""
        return self.goal.deadline.left() - self.finishing_seconds() - self.goal.adjusting

    def finishing_seconds(self) -> float:
        """Predicted seconds to finish what is chosen now, beside refits, writing and the exam."""
        return self.affording.finishing([t.recipe for t, _ in self.chosen.members] if self.chosen else [])

    def refit_seconds(self, trial: Trial) -> float:
        """Predicted seconds to fit a trial's recipe on all rows; none for a kept model that would learn little more."""
        kept = trial.number in self.best_models.numbers
        return 0.0 if kept and not self.work.refits else self.affording.refit(trial)

    def answer_seconds(self, trial: Trial) -> float:
        """Predicted seconds to write the model, and to answer the exam."""
        return self.affording.writing(trial.recipe) + self.affording.exam(trial)

    def least_seconds(self, trial: Trial) -> float:
        """What finishing takes at the least: a kept model can be served as it is, a trusted one learn for less."""
        share = CUT if trial.recipe.family == getattr(self.trusted, "family", None) else 1.0
        kept = trial.number in self.best_models.numbers
        return self.answer_seconds(trial) + (0.0 if kept else share * self.refit_seconds(trial))

    def choose(self, seconds: float) -> Choice | None:
        """The best choice that can be finished within ``seconds`` and stays under the ceilings."""
        return selection.best(self.ledger.trials, self.evidence, self._allowed(seconds), self.trusted)

    def in_full(self, choice: Choice | None, seconds: float) -> Choice | None:
        """The same choice; a trusted recipe that was tried for less than it asks for in full, where that fits."""
        if choice is None or self.trusted is None or not selection.alike(choice.members[0][0].recipe, self.trusted):
            return choice
        trial = choice.members[0][0]
        whole = self.refit_seconds(trial) * self.trusted.effort / trial.recipe.effort + self.answer_seconds(trial)
        if whole > seconds:
            return choice
        return replace(choice, members=((replace(trial, recipe=trial.recipe.but(effort=self.trusted.effort)), 1.0),))

    def others(self, seconds: float, most: int) -> list[Choice]:
        """Single trials of the first round that could be finished as well, best first; none where rows are too few."""
        if self.trusted:
            return []
        allowed = self._allowed(seconds)
        met = [t for t in self.ledger.trials if t.state is State.COMPLETE and t.folds == self.first_round]
        ranked = sorted((t for t in met if allowed([t])), key=lambda t: -t.score)
        return [Choice(((t, 1.0),), t.score, t.spread) for t in ranked[:most]]

    def _allowed(self, seconds: float) -> Callable[[Sequence[Trial]], bool]:
        def allowed(members: Sequence[Trial]) -> bool:
            size = sum(t.megabytes or 0.0 for t in members)
            answer = sum(t.milliseconds or 0.0 for t in members)
            kept = all(t.number in self.best_models.numbers for t in members)
            grace = GRACE * self.goal.deadline.seconds if kept else 0.0
            fits = sum(map(self.least_seconds, members)) <= seconds + grace and self.work.budget.admits(size, answer)
            return fits and frozenset(t.number for t in members) not in self.too_large

        return allowed

    def attempt(self, proposal: Proposal, left: float) -> tuple[Trial, Mapping[int, Array]]:
        """Run one proposal, smaller where it must be, or skip it with the reason."""
        afford = partial(self.affording.afford, trials=self.ledger.trials, resources=self.goal.resources)
        if label_noise.needed(proposal.recipe) and any(fold not in self.work.doubts for fold in proposal.folds):
            left -= self._looking
        afforded, folds = afford(proposal, left=left), proposal.folds
        while proposal.recipe == self.trusted and len(folds) > 1 and not whole(afforded, proposal.recipe):
            folds = folds[: len(folds) // 2]  # it is not for its score that it is served
            afforded = afford(replace(proposal, folds=folds), left=left)
        if not isinstance(afforded, str) and label_noise.needed(proposal.recipe) and (why := self.doubt(folds)):
            afforded = why
        if isinstance(afforded, str):
            skipped = Trial(proposal.recipe, State.SKIPPED, reason=afforded, origin=proposal.origin, asked=proposal.key)
            return skipped, {}
        recipe, cost = afforded
        seconds = cost.seconds * len(folds)
        predicted = seconds * self.affording.correction(recipe.family)
        self.progress.event("trial_start", recipe=str(recipe), predicted=predicted)

        def report(step: int, of: int, score: float) -> bool:
            self.progress.event("step", step=step, of=of, score=score)
            # A finalist runs on another fold or seed: its curve cannot be held against those of the first round.
            judged = proposal.origin != "finalist"
            return not judged or self.strategy.keep(self.ledger.trials, recipe, step / of, score)

        # However long it takes, what is chosen now can still be served as it is, or refitted where that is cheap; and
        # so can this.
        serving = max(self._reserve(0.0), self.affording.serving(recipe, cost))
        after = max(self.finishing_seconds(), self.affording.finishing([recipe])) + self.goal.adjusting + serving
        if self.best_models.empty:
            after = min(after, 0.5 * self.goal.deadline.left())
        resources = replace(self.goal.resources, deadline=self.goal.deadline.before(after))
        outcome = evaluate.evaluate(recipe, self.work, folds, resources, report)
        trial = replace(
            outcome.trial,
            predicted_seconds=round(predicted, 3),
            megabytes=cost.megabytes,
            milliseconds=cost.milliseconds,
            origin=proposal.origin,
            asked=proposal.key,
        )
        self.affording.took(trial, seconds)
        self._fitted = outcome.model
        return trial, outcome.outputs

    def doubt(self, folds: Sequence[int]) -> str:
        """Look for doubtful rows of these folds; why that failed, or ""."""
        if all(fold in self.work.doubts for fold in folds):
            return ""
        self.progress.event("phase", name="asking models for labels to doubt")
        begun = time.monotonic()
        why = label_noise.look(self.work, folds, replace(self.goal.resources, deadline=self.goal.deadline))
        self._looking = time.monotonic() - begun
        return why

    def told(self, trial: Trial) -> None:
        """A trial is in the ledger: its model may be the best so far, and another choice the best."""
        if self._fitted is not None:
            self._keep(trial, self._fitted)
            self._fitted = None
        self._spent_since += trial.seconds
        if self._spent_since >= 20 * self._choosing:  # a twentieth of the time is enough for choosing
            begun = time.monotonic()
            self.chosen = self.choose(max(0.0, self.finishing())) or self.chosen
            self._choosing, self._spent_since = time.monotonic() - begun, 0.0
        # Scores compare on the same folds: finalists met others.
        done = [t for t in self.ledger.trials if t.state is State.COMPLETE and t.folds == self.first_round]
        self.progress.event("trial_end", trial=trial, best=max(done, key=lambda t: t.score, default=None))

    def _keep(self, trial: Trial, model: Model) -> None:
        if trial.origin == "baseline":
            column = getattr(self.work.task, "rejects", None)
            self.baseline = pipeline.asked(
                trial.recipe, model, () if column is None else (oos_threshold.never(column),)
            )[1]
        self.best_models.add(trial, model)

    def _truth(self, fold: int) -> Array:
        if fold not in self._truths:
            self._truths[fold] = self.work.task.encode(self.work.table.take(self.work.folds[fold][1]))
        return self._truths[fold]
