"""Label noise in a search: whether to estimate it, the estimate for each fold, and the treatment that scores best.

The noise of a fold's training rows is estimated by models that were trained on other training rows of that fold, so
scores on its validation rows stay honest. The same models predict the validation rows, too: a refit on all rows uses
these estimates.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna import extras
from penna.automl import cross_predict
from penna.automl.evaluate import WHOLE, SearchProblem
from penna.automl.run_limits import Progress
from penna.automl.selection import OutOfFoldScores
from penna.budget import Resources
from penna.data.arrays import Array
from penna.preprocessing import label_noise
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.label_noise import HYPERPARAMETER, KEEP, WAYS, LabelNoise
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial

AUTO = "auto"
#: The largest share of the time left that one estimate may take. Its embeddings stay in the cache for all trials.
_SHARE = 0.3


def noise_treatments(
    problem: SearchProblem, trials: Sequence[Trial], scores: OutOfFoldScores, first: Recipe
) -> tuple[tuple[str, ...], bool]:
    """Return the treatments of suspicious labels that a search may choose from, and whether they are settled.

    The best treatment comes first. They are settled once each was tried on the portfolio's ``first`` recipe, or if
    nothing is suspicious; a treatment that could not be finished there is left out. With "auto", nothing is suspicious
    if the most confident predictions of the first model are right.
    """
    if problem.noise == KEEP or not able(problem):
        return (), True
    if problem.noise != AUTO:
        return (problem.noise,), True
    tried = [t for t in trials if t.state is State.COMPLETE and t.folds == scores.first_round]
    if not tried or not _suspicious(tried[0], scores):
        return (), bool(tried)
    wanted = {way: (first if way == KEEP else first.replace(noise=way)).id for way in WAYS}
    known = {t.proposal_key.split("@")[0]: t for t in trials}  # a recipe may have been shrunk to fit
    if any(key not in known for key in wanted.values()):
        return WAYS, False
    complete = [way for way in WAYS if known[wanted[way]].state is State.COMPLETE]
    # The sort is stable: of equal scores the milder treatment comes first.
    return tuple(sorted(complete, key=lambda way: -known[wanted[way]].score)) if len(complete) > 1 else (), True


def able(problem: SearchProblem) -> bool:
    """Whether suspicious labels of these rows can be found at all."""
    return (
        problem.task.output_kind in label_noise.OUTPUT_KINDS
        and bool(problem.table.text)
        and not extras.missing("label errors")
    )


def _suspicious(trial: Trial, scores: OutOfFoldScores) -> bool:
    outputs = np.concatenate([scores.outputs(trial, fold) for fold in trial.folds])
    return label_noise.suspicious(np.concatenate([scores.truth(fold) for fold in trial.folds]), outputs)


def is_estimated(problem: SearchProblem, folds: Sequence[int]) -> bool:
    """Whether the label noise of these folds is known."""
    return all(fold in problem.noise_by_fold for fold in folds)


def estimate(problem: SearchProblem, folds: Sequence[int], resources: Resources, progress: Progress) -> str:
    """Fill ``problem.noise_by_fold`` for these folds, and for all rows; return why that failed, or ""."""
    if is_estimated(problem, folds):
        return ""
    progress.event("phase", name="looking for suspicious labels")
    deadline = resources.deadline
    resources = replace(resources, deadline=deadline.before((1 - _SHARE) * max(deadline.left(), 0)))
    for fold in folds:
        if fold in problem.noise_by_fold:
            continue
        train, valid = problem.folds[0 if fold == WHOLE else fold]
        both = np.sort(np.concatenate([train, valid]))
        outputs = _answers(problem, both, np.searchsorted(both, np.sort(valid)), resources)
        if outputs is None:
            return "no model was finished in time to find suspicious labels with"
        y = problem.task.encode(problem.table.take(both))
        if fold != WHOLE:
            train_index = np.searchsorted(both, train)
            problem.noise_by_fold[fold] = _noise(y[train_index], outputs[train_index])
        if WHOLE not in problem.noise_by_fold:
            problem.noise_by_fold[WHOLE] = _noise(y, outputs)
    return ""


def _answers(problem: SearchProblem, rows: Array, held: Array, resources: Resources) -> Array | None:
    """(n, k) outputs of models that were not trained on the row; none was trained on the ``held`` (m,) positions."""
    cleanings = problem.profile.cleanings  # what most trials read: its embeddings are made once
    table = problem.table_for(Recipe.of("linear", clean=cleanings[0] if cleanings else NONE)).take(rows)
    encoders, seed = problem.profile.encoders, problem.profile.seed
    return cross_predict.answers(problem.task, table, resources, encoders=encoders, seed=seed, held=held).outputs


def _noise(y: Array, outputs: Array) -> LabelNoise:
    """Return the noise of (n,) rows; rows without a prediction, if there are very many, are not suspicious."""
    predicted = np.flatnonzero(np.isfinite(outputs).all(axis=1))
    found = label_noise.doubts(y[predicted], outputs[predicted])
    n = len(y)
    all_ = LabelNoise(np.zeros(n, np.float32), np.zeros(n, np.int64), np.zeros(n, np.float32))
    all_.chance[predicted], all_.instead[predicted], all_.sure[predicted] = found.chance, found.instead, found.sure
    return all_


def reason(problem: SearchProblem, ways: Sequence[str], how: str) -> str:
    """Return why suspicious labels are treated as they are; ``ways`` were compared, the best first."""
    if problem.noise != AUTO:
        return "as requested"
    if not ways:
        return "no other way was finished in time"
    best = how == ways[0]
    return "that scored best on rows that are never touched" if best else "as in the recipe that is served"


def needed(recipe: Recipe) -> bool:
    """Whether a recipe treats suspicious labels, so that they must be estimated first."""
    return bool(recipe.get(HYPERPARAMETER, KEEP) != KEEP)
