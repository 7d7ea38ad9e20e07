"""From a search to the artifact: refit the choice on all search rows, write it, then score the test set once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from penna.artifact import bundle
from penna.automl import failed_search, label_noise, package, postprocess, precision
from penna.automl.best_model import Fitted
from penna.automl.evaluate import BROKEN, WHOLE
from penna.automl.package import EnsembleMember, FitResult
from penna.automl.run_limits import INT8, Progress
from penna.automl.search_loop import SearchResult
from penna.automl.selection import Selection
from penna.budget import Deadline, OutOfTime
from penna.data.table import Table
from penna.errors import EncoderError, RunError
from penna.models.base import Model, get_family, truncation
from penna.preprocessing.label_noise import KEEP
from penna.report.record import Length
from penna.search.trials import Trial

#: The least and the most seconds in which the latency of one text, and of a batch, is measured.
MEASURING = (0.2, 1.0)
#: After Ctrl-C nobody wants to wait: the fitted model is served if its refit takes longer than this.
PATIENCE = 10.0


def refit(result: SearchResult, test: Table, progress: Progress) -> FitResult:
    """Refit the choice, write the artifact, and score the test set.

    Members are refitted on all rows but the test set's, as far as time allows. Post-processing steps are added if they
    help on rows that they were not fitted on. A choice over a ceiling once measured is given up for the next best.

    Parameters
    ----------
    result : SearchResult
    test : Table
        Rows of the test set.
    progress : Progress

    Returns
    -------
    FitResult

    Raises
    ------
    RunError
        If no model was finished under the ceilings.
    """
    deadline = result.limits.deadline
    if result.stopped:
        seconds = min(deadline.seconds, deadline.spent() + result.chooser.time.finishing(result.chosen) + PATIENCE)
        deadline = Deadline(seconds, deadline.started)
        patience = min(result.limits.postprocess_seconds, PATIENCE / 5)
        result = replace(result, limits=replace(result.limits, postprocess_seconds=patience))
    while True:
        choice, members = _Refit(result, deadline, progress).run()
        opened = package.write(result, choice, members)
        latency = bundle.latency(opened, test, seconds=float(np.clip(deadline.left() / 4, *MEASURING)))
        if result.problem.budget.admits(bundle.megabytes(opened.folder), latency["one_text_ms"]):
            break
        progress.event("skipped", name=str(choice), reason="over a ceiling once written and measured")
        result = replace(result, chooser=result.chooser.without(choice))
        result.best_models.overwritten()
    package.write_checkpoints(result, members)
    opened, chosen_precision = precision.choose(result, opened, choice, members, latency["batch_of_64_ms"] / 64e3)
    if chosen_precision.get("encoders") == INT8:
        latency = bundle.latency(opened, test, seconds=float(np.clip(deadline.left() / 4, *MEASURING)))
    outputs, task = opened.outputs(test), result.problem.task
    y = task.encode(test)
    return FitResult(
        bundle=opened,
        choice=choice,
        members=tuple(members),
        test_scores=task.measure(y, outputs),
        y=y,
        outputs=outputs,
        latency=latency,
        precision=chosen_precision,
        noise_findings=package.noise_findings(result.problem, result.noise_treatments, members),
        cleaning_findings=package.cleaning_findings(result.problem, members),
    )


@dataclass(frozen=True)
class _Refit:
    """One attempt to finish what a search found, until ``deadline``."""

    result: SearchResult
    deadline: Deadline
    progress: Progress

    def run(self) -> tuple[Selection, list[EnsembleMember]]:
        """Return what is served, and its models: refitted if time allows, else as they were fitted in the search."""
        result, chooser = self.result, self.result.chooser
        finished = result.best_models.finished
        left = self.deadline.left() - self._finishing() - result.limits.postprocess_seconds
        choice = chooser.choose(left)
        if finished is not None and (choice is None or choice.score <= finished.choice.score):
            return finished.choice, [_member(fitted, weight, done) for fitted, weight, done in finished.members]
        choice = chooser.at_full_fidelity(choice, left)
        if choice is not None:
            choice = self._postprocessed([choice, *chooser.runners_up(left, postprocess.MOST_OTHERS)])
        elif (choice := chooser.fitted()) is not None:
            choice = self._postprocessed([choice, *chooser.runners_up(0.0, postprocess.MOST_OTHERS)])
        members = [] if choice is None else self._members(choice)
        if choice is not None and members and len(members) < len(choice.members):
            choice = self._postprocessed([remaining(choice, members)])
        if not members and (fitted_choice := chooser.fitted()) is not None:  # every refit failed
            runners_up = chooser.runners_up(0.0, postprocess.MOST_OTHERS)
            choice = self._postprocessed([fitted_choice, *runners_up])
            members = [self._as_fitted(choice.members[0][0], 1.0)]
        if choice is None or not members:
            raise RunError(failed_search.reason(result))
        return choice, members

    def _finishing(self) -> float:
        return self.result.chooser.time.finishing(self.result.chosen)

    def _postprocessed(self, choices: Sequence[Selection]) -> Selection:
        """Return the first choice with its post-processing steps, or another that they make the better one."""
        limits, scores = self.result.limits, self.result.chooser.scores
        seconds = min(limits.postprocess_seconds, limits.deadline.left())
        choice = postprocess.choose_postprocessing(choices, scores, seconds) if seconds > 0 else choices[0]
        return postprocess.add_oos_threshold(choice, scores)

    def _members(self, choice: Selection) -> list[EnsembleMember]:
        """Refit every member on all rows, or serve it as fitted if time is short; weights sum to one.

        A member whose refit fails is left out, with a message.
        """
        time, best_models = self.result.chooser.time, self.result.best_models
        trials = [trial for trial, _ in choice.members]
        members: list[EnsembleMember] = []
        for i, (trial, weight) in enumerate(choice.members):
            others = sum(map(time.least_seconds, trials[i + 1 :])) + sum(map(time.answer_seconds, trials[: i + 1]))
            deadline = self.deadline.before(self._finishing() + others)
            enough = not self.result.problem.refits or time.refit_seconds(trial) > deadline.left()
            fitted = trial.number in best_models.numbers
            if fitted and enough:
                members.append(self._as_fitted(trial, weight))
            elif (model := self._refit(trial, deadline)) is not None:
                members.append(
                    EnsembleMember(trial, weight, model, True, cast(Length, truncation(trial.recipe, model)))
                )
            elif fitted:
                members.append(self._as_fitted(trial, weight))
        total = sum(m.weight for m in members)
        return [replace(m, weight=m.weight / total) for m in members]

    def _as_fitted(self, trial: Trial, weight: float) -> EnsembleMember:
        return _member(self.result.best_models.get(trial.number), weight, refitted=False)

    def _refit(self, trial: Trial, deadline: Deadline) -> Model | None:
        problem = self.result.problem
        rows = self._training_rows(trial)
        self.progress.event("phase", name=f"refitting {trial.recipe.family} on {len(rows):,} rows")
        resources = replace(self.result.limits.resources, deadline=deadline)
        fit = get_family(trial.recipe.family).fit
        try:
            model: Model = fit(trial.recipe, problem.task, rows, None, resources, lambda *_: True)
        except (OutOfTime, EncoderError, *BROKEN) as error:
            reason = f"{type(error).__name__}: {error}"
            self.progress.event("skipped", name=f"refit of #{trial.number}", reason=reason)
            return None
        return model

    def _training_rows(self, trial: Trial) -> Table:
        """Return all rows but the test set's, suspicious labels treated as the trial's recipe has it."""
        problem, recipe, resources = self.result.problem, trial.recipe, self.result.limits.resources
        if label_noise.needed(recipe) and label_noise.estimate(problem, (WHOLE,), resources, self.progress):
            recipe = recipe.replace(noise=KEEP)  # no time was left to estimate it
        return problem.training(recipe, WHOLE)


def remaining(choice: Selection, members: Sequence[EnsembleMember]) -> Selection:
    """Return the choice of the members that could be refitted.

    It has no post-processing, which was fitted on all of them.
    """
    trials = tuple((m.trial, m.weight) for m in members)
    if len(trials) > 1:
        return replace(choice, members=trials, last=())
    return Selection(trials, members[0].trial.score, members[0].trial.score_std)


def _member(fitted: Fitted, weight: float, refitted: bool) -> EnsembleMember:
    return EnsembleMember(fitted.trial, weight, fitted.model, refitted, fitted.truncation)
