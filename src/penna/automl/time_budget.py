"""Seconds that finishing takes: refits, writing and the test set of what is chosen. Predicts; runs nothing."""

from dataclasses import dataclass

from penna.automl.best_model import BestModels
from penna.automl.cost_model import CostModel
from penna.automl.evaluate import SearchProblem
from penna.automl.run_limits import FP32, RunLimits
from penna.automl.selection import Selection
from penna.search.recipe import Recipe
from penna.search.trials import Trial

#: A refit of the few-shot default may be cut to this share of its steps before another model is served.
CUT = 0.4
#: Refits that take at most this share of the budget are never given up for one more trial.
CHEAP = 0.1
#: Seconds to calibrate and write an artifact in int8, in those to write it in fp32.
INT8_WRITES = 3.0


@dataclass(frozen=True)
class TimeBudget:
    """Predicted seconds of everything that follows the search.

    Parameters
    ----------
    problem : SearchProblem
    limits : RunLimits
    cost_model : CostModel
    best_models : BestModels
        Fitted models, which can be served without a refit.
    few_shot_default : Recipe or None
        The recipe that is served if rows are too few to choose by.
    """

    problem: SearchProblem
    limits: RunLimits
    cost_model: CostModel
    best_models: BestModels
    few_shot_default: Recipe | None

    def left(self, choice: Selection | None) -> float:
        """Return the seconds left to refit a choice and to predict the test set.

        Post-processing and ``finishing`` come off first.
        """
        return self.limits.deadline.left() - self.finishing(choice) - self.limits.postprocess_seconds

    def finishing(self, choice: Selection | None) -> float:
        """Return the seconds to finish a choice, apart from refits, writing and the test set."""
        return self.cost_model.finishing([trial.recipe for trial, _ in choice.members] if choice else [])

    def reserve(self, choice: Selection | None, left: float) -> float:
        """Return the seconds to keep for a choice: in full if ``left`` allows it or they are few, else the least."""
        if choice is None:
            return 0.0
        members = [trial for trial, _ in choice.members]
        full = sum(self.refit_seconds(trial) + self.answer_seconds(trial) for trial in members)
        cheap = full <= CHEAP * self.limits.deadline.seconds
        return full if full <= left or cheap else sum(map(self.least_seconds, members))

    def refit_seconds(self, trial: Trial) -> float:
        """Return the seconds to fit a trial's recipe on all rows; 0 if its fitted model would learn little more."""
        return 0.0 if self._is_fitted(trial) and not self.problem.refits else self.cost_model.refit(trial)

    def answer_seconds(self, trial: Trial) -> float:
        """Return the seconds to write the model, in int8 too if requested, and to predict the test set."""
        quantized = self.limits.precision != FP32 and trial.recipe.get("encoder")
        writes = 1 + (INT8_WRITES if quantized else 0)
        return writes * self.cost_model.writing(trial.recipe) + self.cost_model.test_seconds(trial)

    def least_seconds(self, trial: Trial) -> float:
        """Return the least seconds that finishing a trial takes.

        A fitted model can be served as it is, and the few-shot default can be refitted with fewer steps.
        """
        default = self.few_shot_default
        share = CUT if default is not None and trial.recipe.family == default.family else 1.0
        return self.answer_seconds(trial) + (0.0 if self._is_fitted(trial) else share * self.refit_seconds(trial))

    def _is_fitted(self, trial: Trial) -> bool:
        return trial.number in self.best_models.numbers
