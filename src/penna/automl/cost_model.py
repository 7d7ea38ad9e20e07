"""Predicted seconds of trials, refits and the test set, corrected by how the last predictions turned out."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np

from penna.automl import evaluate
from penna.automl.evaluate import SearchProblem
from penna.budget import Deadline, Resources
from penna.encoders.load_time import ENCODER_TIMING, setup_seconds
from penna.hardware import contention
from penna.models.base import Cost, get_family
from penna.search.recipe import Recipe
from penna.search.strategies.base import Proposal
from penna.search.trials import State, Trial

#: Seconds that finishing takes on a quiet machine apart from refits, writing and the test set (measuring, the report):
#: with an encoder in the result, and without; and how much of it takes longer on a busy machine.
FINISHING, PLAIN_FINISHING, STRETCHED = 2.5, 1.2, 1.0
#: The share of what is left that is kept for finishing while there is no model at all.
FIRST = 0.5
#: The most of it on a busy machine, as a share of the budget.
MOST_FINISHING = 0.3
#: Seconds to write a model, before one of its kind was written: a graph of an encoder, or arrays.
ENCODED_WRITE, PLAIN_WRITE = 2.0, 0.2
#: Seconds that one test row may take, before a trial has shown it.
ENCODED_ROW, LINEAR_ROW = 4e-3, 5e-5
#: A text in a batch takes so much of the time that one alone takes.
IN_BATCH = 0.7
#: A first fine-tune is not cut below this share of its steps where a longer one fits without a refit.
SHORT = 0.5

#: A recipe with its cost, smaller than it was proposed where it must be; or why it cannot be run.
Afforded = tuple[Recipe, Cost] | str


class CostModel:
    """Predicts seconds for one search problem and deadline, and learns from every trial."""

    def __init__(self, problem: SearchProblem, deadline: Deadline, test_rows: int) -> None:
        self.problem, self.deadline, self.test_rows = problem, deadline, test_rows
        self._errors: dict[str, list[float]] = defaultdict(list)  # family -> seconds taken / seconds predicted
        self._writes: dict[tuple[object, ...], float] = {}  # seconds that the last write of such a model took
        self._loaded: set[tuple[object, ...]] = set()  # what was set up in this process: a resumed one begins anew

    def refit(self, trial: Trial) -> float:
        """Seconds to fit a trial's recipe on all rows."""
        train, valid = self.problem.folds[0]
        return 1.05 * trial.seconds / max(1, len(trial.folds)) * (len(train) + len(valid)) / len(train)

    def test_seconds(self, trial: Trial) -> float:
        """Seconds to answer the test set.

        The artifact runs in fp32, half as fast as a bf16 trial was scored; and a trial's vectors came from the cache.
        """
        scored = 2 / trial.rows_per_second if trial.rows_per_second else 0.0
        return max(self.test_rows * scored, self._answers(trial.latency_ms))

    def writing(self, recipe: Recipe) -> float:
        """Seconds to write the model of a recipe and to open it again."""
        default = (ENCODED_WRITE if recipe.get("encoder") else PLAIN_WRITE) * contention()
        return self._writes.get(_needs(recipe), default)

    def serving(self, recipe: Recipe, cost: Cost) -> float:
        """Seconds to write the model of a recipe that was not tried yet, and to answer the test set with it."""
        return self.writing(recipe) + self._answers(cost.latency_ms)

    def wrote(self, trial: Trial, seconds: float) -> None:
        """Note how long it took to write the model of a trial."""
        self._writes[_needs(trial.recipe)] = seconds

    def finishing(self, recipes: Sequence[Recipe]) -> float:
        """Seconds that finishing takes apart from refits, writing and the test set, as busy as the machine is just now.

        recipes: what is served comes of them.
        """
        least = FINISHING if any(recipe.get("encoder") for recipe in recipes) else PLAIN_FINISHING
        busy = least + STRETCHED * (contention() - 1)
        return max(least, min(busy, MOST_FINISHING * self.deadline.seconds))

    def correction(self, family: str) -> float:
        """Return the factor that corrects predictions for this family, from its last trials."""
        return float(np.clip(np.median(self._errors[family][-5:]), 0.5, 3.0)) if self._errors[family] else 1.0

    def record_duration(self, trial: Trial, predicted: float) -> None:
        """Learn from a finished trial; ``predicted`` are its seconds before correction."""
        if trial.state in (State.COMPLETE, State.PRUNED):
            self._loaded.add(_needs(trial.recipe))
        if trial.state is State.COMPLETE:
            self._errors[trial.recipe.family].append(trial.seconds / max(predicted, 1e-3))

    def afford(self, proposal: Proposal, trials: Sequence[Trial], resources: Resources, left: float) -> Afforded:
        """Return the proposal within ``left`` seconds.

        A fine-tune should leave time to be refitted; a first one may do without rather than be cut to a stump.
        """
        before = self.deadline.left()
        afforded = self._afford(proposal, trials, resources, left)
        spent = before - self.deadline.left()
        if spent < ENCODER_TIMING / 4:
            return afforded
        # Loading and timing an encoder took a part of the time that the fit had; now it is loaded.
        self._loaded.add(_needs(proposal.recipe))
        return self._afford(proposal, trials, resources, left - spent)

    def _afford(self, proposal: Proposal, trials: Sequence[Trial], resources: Resources, left: float) -> Afforded:
        family = proposal.recipe.family
        first = not any(t.recipe.family == family and t.state is State.COMPLETE for t in trials)
        # Networks are loaded, or made, and timed: those that begin anew say so themselves.
        slow = bool(proposal.recipe.get("encoder")) or get_family(family).FROM_SCRATCH
        setup = setup_seconds(loaded=_needs(proposal.recipe) in self._loaded)
        if slow and left < setup:
            return f"loading and timing an encoder takes up to {setup:.0f} s, {max(left, 0):.1f} s are left"
        correction = self.correction(family)
        left /= correction
        if proposal.phase == "finalist":  # its refit is what the reserve is for
            return evaluate.fit_to_budget(proposal.recipe, self.problem, proposal.folds, resources, left)
        answers = self.test_rows * (ENCODED_ROW if slow else LINEAR_ROW)
        after = self.finishing([proposal.recipe]) + self.writing(proposal.recipe) + answers
        if not any(t.state is State.COMPLETE for t in trials):  # a first model comes before all that may follow it
            after = min(after, FIRST * self.deadline.left())
        once = max(0.0, self.deadline.left() - after) / correction
        refitted = min(left, once / 2.3 if self.problem.refits else 0.9 * once)
        afforded = self._within(proposal, resources, refitted, once)
        short = isinstance(afforded, str) or afforded[0].fidelity < SHORT * proposal.recipe.fidelity
        if short and first:
            longer = self._within(proposal, resources, 0.75 * once, once)
            if not isinstance(longer, str):
                return longer
        return afforded

    def _within(self, proposal: Proposal, resources: Resources, seconds: float, once: float) -> Afforded:
        """Return the recipe within so many seconds, or fewer if its slow model could not predict the test set."""
        afford = partial(evaluate.fit_to_budget, proposal.recipe, self.problem, proposal.folds, resources)
        afforded: Afforded = afford(seconds)
        if isinstance(afforded, str):
            return afforded
        room = once - self._answers(afforded[1].latency_ms)
        return afforded if afforded[1].seconds * len(proposal.folds) <= room else afford(max(0.0, room))

    def _answers(self, milliseconds: float | None) -> float:
        """Seconds for the test set at so many milliseconds for one text."""
        return self.test_rows * IN_BATCH * (milliseconds or 0.0) / 1e3


def _needs(recipe: Recipe) -> tuple[object, ...]:
    """Return what has to be loaded, or made, and timed before the recipe runs; trees ask other models of the text."""
    return recipe.family, recipe.get("encoder"), recipe.get("text")


def runs_unchanged(afforded: Afforded, recipe: Recipe) -> bool:
    """Whether the recipe can be run as it was proposed."""
    return not isinstance(afforded, str) and afforded[0] == recipe
