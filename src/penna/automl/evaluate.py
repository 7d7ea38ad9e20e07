"""One recipe on some folds: what it costs, whether that fits, and what it scores. Learns from training rows only."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from penna.budget import Budget, OutOfTime, Resources
from penna.data import ragged
from penna.data.arrays import Array
from penna.data.table import Index, Table
from penna.errors import EncoderError
from penna.models.base import Cost, Model, Pruned, Report, get_family
from penna.preprocessing import label_noise, serialize
from penna.preprocessing.cleaning.base import NONE, Cleaning
from penna.preprocessing.label_noise import LabelNoise
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial
from penna.tasks.base import Task

#: Stands for a fold of all rows that a search may train on.
WHOLE = -1
#: A refit on all rows is worth its time if validation held back at least this share of them.
WORTH = 0.05
#: Errors of data, numbers, memory and disk inside a fit. Any other error is a fault of the code.
BROKEN = (RuntimeError, ValueError, LookupError, ArithmeticError, MemoryError, OSError)
#: Cleaned tables that stay in memory. Rows that cleaning does not change take no room.
MOST_CLEANED = 4
#: Fewer validation rows say nothing about throughput: their time is mostly overhead.
TIMED_ROWS = 50


@dataclass(frozen=True)
class Outcome:
    """A trial, the (rows, k) outputs on each fold's validation part, and the model of the last fold.

    The model reads cleaned texts: ``models.pipeline.wrap`` makes it read raw texts.
    """

    trial: Trial
    outputs: Mapping[int, Array] = field(default_factory=dict)
    model: Model | None = None


@dataclass(frozen=True)
class SearchProblem:
    """Task, rows and folds of a search: the same for every recipe."""

    task: Task
    table: Table
    folds: Sequence[tuple[Index, Index]]
    profile: DatasetProfile
    budget: Budget
    noise: str = "keep"  # how to treat suspicious labels; "auto": the search decides
    #: Fold -> estimated label noise of its training rows; ``WHOLE`` -> that of all rows. Estimated on demand.
    noise_by_fold: dict[int, LabelNoise] = field(default_factory=dict, repr=False)
    _cleaned: dict[str, Table] = field(default_factory=dict, repr=False)

    def table_for(self, recipe: Recipe) -> Table:
        """Return all rows, cleaned and serialized as the recipe has it, once for all its trials."""
        clean, row = recipe.get("clean", NONE), recipe.get(serialize.HYPERPARAMETER, False)
        if clean == NONE and not row:
            return self.table
        key = f"{clean} {row}"
        if key not in self._cleaned:
            while len(self._cleaned) >= MOST_CLEANED:
                del self._cleaned[next(iter(self._cleaned))]
            cleaned = Cleaning.of(clean)(self.table)
            self._cleaned[key] = serialize.written(cleaned, row) if row else cleaned
        return self._cleaned[key]

    def training(self, recipe: Recipe, fold: int) -> Table:
        """Return the training rows of a fold, or of all (``WHOLE``), with suspicious labels treated."""
        rows = self.searched if fold == WHOLE else self.folds[fold][0]
        how, table = recipe.get(label_noise.HYPERPARAMETER, label_noise.KEEP), self.table_for(recipe).take(rows)
        return table if how == label_noise.KEEP else label_noise.apply_treatment(table, self.noise_by_fold[fold], how)

    @property
    def refits(self) -> bool:
        """Whether a refit on all rows has enough more rows to be worth its time."""
        train, valid = self.folds[0]
        return len(valid) >= WORTH * (len(train) + len(valid))

    @property
    def searched(self) -> Index:
        """Sorted positions of all rows but the test set's."""
        return np.sort(np.concatenate(self.folds[0]))


def fit_to_budget(
    recipe: Recipe, problem: SearchProblem, folds: Sequence[int], resources: Resources, left: float
) -> tuple[Recipe, Cost] | str:
    """Return the recipe, shrunk if it must be to fit into ``left`` seconds and the ceilings, or why it cannot."""
    family = get_family(recipe.family)
    try:
        train = problem.table_for(recipe).take(problem.folds[folds[0]][0])
        cost: Cost = family.cost(recipe, problem.profile, train, resources)
        if cost.seconds * len(folds) > left:
            smaller = family.shrink(recipe, problem.profile, train, resources, left / len(folds))
            if smaller is not None:
                recipe, cost = smaller, family.cost(smaller, problem.profile, train, resources)
    except EncoderError as error:
        return str(error)
    if cost.seconds * len(folds) > left:
        return f"needs about {cost.seconds * len(folds):.1f} s, {max(left, 0):.1f} s are left for it"
    if not problem.budget.admits(cost.size_mb, cost.latency_ms):
        return f"would be {cost.size_mb or 0:.1f} MB and {cost.latency_ms or 0:.2f} ms: over the ceilings"
    return recipe, cost


def evaluate(
    recipe: Recipe, problem: SearchProblem, folds: Sequence[int], resources: Resources, report: Report
) -> Outcome:
    """Fit and score a recipe on these folds. Errors inside a fit become the state of the trial."""
    run = _Run(recipe, problem, resources, report)
    started = time.monotonic()
    state, reason = State.COMPLETE, ""
    try:
        for fold in folds:
            run.fold(fold)
    except Pruned:
        state, reason = State.PRUNED, f"behind its peers at step {run.curve[-1][0]}" if run.curve else "stopped"
    except (OutOfTime, EncoderError) as error:
        state, reason = State.SKIPPED, str(error) or "the time was up before it had anything usable"
    except BROKEN as error:
        state, reason = State.FAILED, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    trial = Trial(
        recipe,
        state,
        folds=tuple(run.outputs),
        scores=tuple(run.scores),
        score_std_errors=tuple(run.errors),
        seconds=round(time.monotonic() - started, 3),
        curve=tuple(run.curve),
        reason=reason,
        rows_per_second=round(run.rows_per_second, 1),
    )
    return Outcome(trial, run.outputs, run.model)


class _Run:
    """Scores and outputs of one recipe, fold by fold; those before a failed fold count."""

    def __init__(self, recipe: Recipe, problem: SearchProblem, resources: Resources, report: Report) -> None:
        self.recipe, self.problem, self.resources, self.report = recipe, problem, resources, report
        self.fit = get_family(recipe.family).fit
        self.curve: list[tuple[int, float]] = []
        self.scores: list[float] = []
        self.errors: list[float] = []
        self.outputs: dict[int, Array] = {}
        self.model: Model | None = None
        self.rows_per_second = 0.0

    def fold(self, fold: int) -> None:
        if self.scores and self.resources.deadline.over():
            raise OutOfTime("the time was up before all folds were done")
        train = self.problem.training(self.recipe, fold)
        valid = self.problem.table_for(self.recipe).take(self.problem.folds[fold][1])
        task = self.problem.task
        self.model = self.fit(self.recipe, task, train, valid, self.resources, self._watch)
        begun = time.monotonic()
        outputs = self.model.outputs(valid)
        if len(valid) >= TIMED_ROWS:
            self.rows_per_second = len(valid) / max(time.monotonic() - begun, 1e-6)
        if not ragged.finite(outputs):
            raise ArithmeticError("the model answers with numbers that are not finite")
        y = task.encode(valid)
        score = task.score(y, outputs)
        if not math.isfinite(score):
            raise ArithmeticError(f"its score is {score}")
        self.scores.append(score)
        self.errors.append(task.score_error(y, outputs))
        self.outputs[fold] = outputs

    def _watch(self, step: int, of: int, score: float) -> bool:
        if not self.scores and math.isfinite(score):  # the first fold's curve stands for the trial
            self.curve.append((step, score))
        return self.report(step, of, score)
