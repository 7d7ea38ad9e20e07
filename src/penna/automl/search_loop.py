"""One search: proposals in, trials out, always a usable model on disk. Knows families by name, never their insides."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from penna import plugins
from penna.automl import candidates, evaluate, label_noise
from penna.automl.best_model import BestModels
from penna.automl.chooser import Chooser
from penna.automl.cost_model import Afforded, CostModel, runs_unchanged
from penna.automl.evaluate import SearchProblem
from penna.automl.run_limits import Progress, RunLimits
from penna.automl.selection import OutOfFoldScores, Selection
from penna.automl.time_budget import TimeBudget
from penna.data.arrays import Array
from penna.models import pipeline
from penna.models.base import Cost, Model
from penna.postprocessing import oos_threshold
from penna.search.recipe import Recipe
from penna.search.strategies.base import Proposal
from penna.search.trials import State, Trial, TrialLog

#: Why a search ended after Ctrl-C.
STOPPED = "stopped by hand"


@dataclass(frozen=True)
class SearchResult:
    """The result of a search, for refit, artifact and report.

    Parameters
    ----------
    problem : SearchProblem
    limits : RunLimits
    families : tuple of str
    trials : tuple of Trial
    chooser : Chooser
        What can be served, for any number of seconds that are left.
    chosen : Selection or None
        The last choice of the running search.
    best_models : BestModels
        Fitted models in memory and on disk.
    baseline : Model or None
        The model of the first trial.
    noise_treatments : tuple of str
        Treatments of suspicious labels that were compared, best first.
    has_candidates : bool
        Whether any family offered a recipe for these rows.
    ended : str
        Why the search ended.
    """

    problem: SearchProblem
    limits: RunLimits
    families: tuple[str, ...]
    trials: tuple[Trial, ...]
    chooser: Chooser
    chosen: Selection | None
    best_models: BestModels
    baseline: Model | None
    noise_treatments: tuple[str, ...]
    has_candidates: bool
    ended: str

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C ended the search."""
        return self.ended == STOPPED


def run_search(
    problem: SearchProblem,
    families: Sequence[str],
    strategy: str,
    trial_log: TrialLog,
    limits: RunLimits,
    progress: Progress,
) -> SearchResult:
    """Search until time or proposals run out, or until Ctrl-C.

    Parameters
    ----------
    problem : SearchProblem
        Task, rows and folds.
    families : sequence of str
        Families to search.
    strategy : str
        Name of the search strategy.
    trial_log : TrialLog
        Log that takes the trials; a resumed run has some already.
    limits : RunLimits
    progress : Progress

    Returns
    -------
    SearchResult
    """
    search = _Search(problem, families, strategy, trial_log, limits, progress)
    ended = search.run()
    return SearchResult(
        problem=problem,
        limits=limits,
        families=search.families,
        trials=tuple(trial_log.trials),
        chooser=search.chooser,
        chosen=search.chosen,
        best_models=search.best_models,
        baseline=search.baseline,
        noise_treatments=search.noise_treatments[0],
        has_candidates=bool(search.portfolio),
        ended=ended,
    )


class _Search:
    """The state of a running search, which no other module sees."""

    def __init__(
        self,
        problem: SearchProblem,
        families: Sequence[str],
        strategy: str,
        trial_log: TrialLog,
        limits: RunLimits,
        progress: Progress,
    ):
        self.problem, self.trial_log, self.limits, self.progress = problem, trial_log, limits, progress
        self.families, self.portfolio = tuple(families), candidates.portfolio(problem, families)
        self.few_shot_default = candidates.few_shot_default(problem, self.portfolio)
        self.noise_treatments: tuple[tuple[str, ...], bool] = ((), False)
        self._make = partial(candidates.strategy, problem, families, strategy)  # reads its state off the trials
        self.strategy = self._make(self.portfolio)
        self.columns_help: bool | None = None if problem.profile.columns else False
        self.noise_settled = not self.portfolio
        self.first_round = tuple(range(problem.profile.folds))
        self.scores = OutOfFoldScores(problem.task, self._truth, trial_log.outputs, self.first_round)
        self.baseline: Model | None = None
        self.chosen: Selection | None = None
        self._truths: dict[int, Array] = {}
        self.cost_model = CostModel(problem, limits.deadline, limits.test_rows)
        self.best_models = BestModels(
            limits.folder,
            problem,
            limits.facts,
            self.few_shot_default,
            trial_log.trials,
            self.cost_model.wrote,
            limits.exporter,
        )
        self.time = TimeBudget(problem, limits, self.cost_model, self.best_models, self.few_shot_default)
        self.chooser = Chooser(self.time, trial_log.trials, self.scores)
        self._fitted: Model | None = None  # the model of the last attempt
        self._choosing = self._spent_since = self._noise_seconds = 0.0

    def run(self) -> str:
        """Run trials to the end; return why it ended."""
        try:
            runner = plugins.find("search.runners", self.limits.runner)
            return str(runner.run(self.ask, self.attempt, self.on_trial_end, self.trial_log, self.seconds_left))
        except KeyboardInterrupt:  # perhaps after a model was written, and before its trial was
            self.best_models.reread(self.trial_log.trials)
            return STOPPED

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the strategy's next proposal; None if there is none.

        The trials so far settle how suspicious labels may be treated, and whether other columns help.
        """
        if not self.noise_settled:
            treatments = label_noise.noise_treatments(self.problem, trials, self.scores, self.portfolio[0])
            if treatments != self.noise_treatments and (treatments[0] or self.noise_treatments[0]):
                self.strategy = self._make(self.portfolio, *treatments)
            self.noise_treatments, self.noise_settled = treatments, treatments[1]
        if self.columns_help is None:
            self.columns_help = candidates.columns_help(trials)
            if self.columns_help is False:
                self.portfolio = candidates.without_columns(self.portfolio)
                self.strategy = self._make(self.portfolio, *self.noise_treatments)
        return self.strategy.ask(trials, left)

    def seconds_left(self) -> float:
        """Return the seconds left for trials.

        Choosing once more and finishing the current choice come off first.
        """
        if self.best_models.empty:  # without a first model there is nothing to finish
            return self.limits.deadline.left()
        left = self.time.left(self.chosen) - self._choosing
        return left - self.time.reserve(self.chosen, left)

    def attempt(self, proposal: Proposal, left: float) -> tuple[Trial, Mapping[int, Array]]:
        """Run one proposal, smaller if it must be, or skip it with the reason."""
        if label_noise.needed(proposal.recipe) and not label_noise.is_estimated(self.problem, proposal.folds):
            left -= self._noise_seconds
        afforded, folds = self._afford(proposal, left)
        if (
            not isinstance(afforded, str)
            and label_noise.needed(proposal.recipe)
            and (failure := self._estimate_label_noise(folds))
        ):
            afforded = failure
        if isinstance(afforded, str):
            phase, key = proposal.phase, proposal.key
            return Trial(proposal.recipe, State.SKIPPED, reason=afforded, phase=phase, proposal_key=key), {}
        recipe, cost = afforded
        seconds = cost.seconds * len(folds)
        predicted = seconds * self.cost_model.correction(recipe.family)
        self.progress.event("trial_start", recipe=str(recipe), predicted=predicted)

        def report(step: int, of: int, score: float) -> bool:
            self.progress.event("step", step=step, of=of, score=score)
            # A finalist runs on another fold or seed: its curve is not comparable with those of the first round.
            if proposal.phase == "finalist":
                return True
            return self.strategy.should_continue(self.trial_log.trials, recipe, step / of, score)

        resources = replace(self.limits.resources, deadline=self.limits.deadline.before(self._after(recipe, cost)))
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

    def on_trial_end(self, trial: Trial) -> None:
        """Record a finished trial: its model may be the best so far, and another choice the best."""
        if self._fitted is not None:
            self._keep(trial, self._fitted)
            self._fitted = None
        self._spent_since += trial.seconds
        if self._spent_since >= 20 * self._choosing:  # a twentieth of the time is enough for choosing
            started = time.monotonic()
            self.chosen = self.chooser.choose(max(0.0, self.time.left(self.chosen))) or self.chosen
            self._choosing, self._spent_since = time.monotonic() - started, 0.0
        # Scores compare on the same folds: finalists met others.
        done = [t for t in self.trial_log.trials if t.state is State.COMPLETE and t.folds == self.first_round]
        self.progress.event("trial_end", trial=trial, best=max(done, key=lambda t: t.score, default=None))

    def _afford(self, proposal: Proposal, left: float) -> tuple[Afforded, tuple[int, ...]]:
        """Return what of a proposal fits, and its folds: half of them if the few-shot default would be cut."""
        afford = partial(self.cost_model.afford, trials=self.trial_log.trials, resources=self.limits.resources)
        afforded, folds = afford(proposal, left=left), proposal.folds
        while (
            proposal.recipe == self.few_shot_default
            and len(folds) > 1
            and not runs_unchanged(afforded, proposal.recipe)
        ):
            folds = folds[: len(folds) // 2]  # it is not served for its score
            afforded = afford(replace(proposal, folds=folds), left=left)
        return afforded, folds

    def _after(self, recipe: Recipe, cost: Cost) -> float:
        """Return the seconds that must be left after a trial.

        However long it takes, the current choice can still be served as it is, or refitted if that is cheap; and so can
        the trial's own model.
        """
        serving = max(self.time.reserve(self.chosen, 0.0), self.cost_model.serving(recipe, cost))
        finishing = max(self.time.finishing(self.chosen), self.cost_model.finishing([recipe]))
        after = finishing + self.limits.postprocess_seconds + serving
        return min(after, 0.5 * self.limits.deadline.left()) if self.best_models.empty else after

    def _estimate_label_noise(self, folds: Sequence[int]) -> str:
        """Estimate the label noise of these folds; return why that failed, or ""."""
        if label_noise.is_estimated(self.problem, folds):
            return ""
        started = time.monotonic()
        failure = label_noise.estimate(self.problem, folds, self.limits.resources, self.progress)
        self._noise_seconds = time.monotonic() - started
        return failure

    def _keep(self, trial: Trial, model: Model) -> None:
        if trial.phase == "baseline":
            column = self.problem.task.oos_index
            steps = () if column is None else (oos_threshold.never(column),)
            self.baseline = pipeline.wrap(trial.recipe, model, steps)[1]
        self.best_models.add(trial, model)

    def _truth(self, fold: int) -> Array:
        if fold not in self._truths:
            self._truths[fold] = self.problem.task.encode(self.problem.table.take(self.problem.folds[fold][1]))
        return self._truths[fold]
