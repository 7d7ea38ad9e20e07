"""Doubting labels for a search: whether to look at all, doubts about the rows of a fold, which way of treating them is
ahead. Reads trials and asks models; chooses no recipe.

Doubts about a fold's training rows come from models that trained on other training rows of that fold, so that what is
measured on its validation rows stays honest. The same models answer the validation rows, too: that is what a refit on
all rows goes by.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna import extras
from penna.automl import cross_predict
from penna.automl.evaluate import WHOLE, SearchProblem
from penna.automl.selection import OutOfFoldScores
from penna.budget import Resources
from penna.data.arrays import Array
from penna.preprocessing import label_noise
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.label_noise import HYPERPARAMETER, KEEP, WAYS, LabelNoise
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial

AUTO = "auto"
#: Of the time that is left, the most that one look may take. Embeddings that are made for it are kept for all.
_SHARE = 0.3


def noise_treatments(
    work: SearchProblem, trials: Sequence[Trial], evidence: OutOfFoldScores, first: Recipe
) -> tuple[tuple[str, ...], bool]:
    """Return the ways of treating doubtful rows that a search may choose from, the best so far first.

    And whether that is the last word: all of them were tried on the portfolio's ``first`` recipe, or nothing is
    doubted. A way that could not be finished there is none.

    With "auto", nothing is doubted where the surest answers of the first model are right.
    """
    if work.noise == KEEP or not able(work):
        return (), True
    if work.noise != AUTO:
        return (work.noise,), True
    tried = [t for t in trials if t.state is State.COMPLETE and t.folds == evidence.first_round]
    if not tried or not _suspicious(tried[0], evidence):
        return (), bool(tried)
    wanted = {way: (first if way == KEEP else first.replace(noise=way)).id for way in WAYS}
    known = {t.proposal_key.split("@")[0]: t for t in trials}  # a recipe may have been shrunk to fit
    if any(key not in known for key in wanted.values()):
        return WAYS, False
    there = [way for way in WAYS if known[wanted[way]].state is State.COMPLETE]
    # Of equal scores the milder way: nothing is lost by it.
    return tuple(sorted(there, key=lambda way: -known[wanted[way]].score)) if len(there) > 1 else (), True


def able(work: SearchProblem) -> bool:
    """Whether suspicious labels of these rows can be found at all."""
    return work.task.loss in label_noise.LOSSES and bool(work.table.text) and not extras.missing("label errors")


def _suspicious(trial: Trial, evidence: OutOfFoldScores) -> bool:
    outputs = np.concatenate([evidence.outputs(trial, fold) for fold in trial.folds])
    return label_noise.suspicious(np.concatenate([evidence.truth(fold) for fold in trial.folds]), outputs)


def estimate(work: SearchProblem, folds: Sequence[int], resources: Resources) -> str:
    """Fill ``work.doubts`` for these folds, and for all rows; why that failed, or ""."""
    deadline = resources.deadline
    resources = replace(resources, deadline=deadline.before((1 - _SHARE) * max(deadline.left(), 0)))
    for fold in folds:
        if fold in work.doubts:
            continue
        train, valid = work.folds[0 if fold == WHOLE else fold]
        both = np.sort(np.concatenate([train, valid]))
        outputs = _answers(work, both, np.searchsorted(both, np.sort(valid)), resources)
        if outputs is None:
            return "no model was finished in time to find suspicious labels with"
        y = work.task.encode(work.table.take(both))
        if fold != WHOLE:
            train_index = np.searchsorted(both, train)
            work.doubts[fold] = _doubts(y[train_index], outputs[train_index])
        if WHOLE not in work.doubts:
            work.doubts[WHOLE] = _doubts(y, outputs)
    return ""


def _answers(work: SearchProblem, rows: Array, held: Array, resources: Resources) -> Array | None:
    """(n, k) of models that did not learn from the row they answer; from ``held`` (m,) positions none has learned."""
    cleanings = work.profile.cleanings  # what most trials read: its embeddings are made once
    table = work.table_for(Recipe.of("linear", clean=cleanings[0] if cleanings else NONE)).take(rows)
    encoders, seed = work.profile.encoders, work.profile.seed
    return cross_predict.answers(work.task, table, resources, encoders=encoders, seed=seed, held=held).outputs


def _doubts(y: Array, outputs: Array) -> LabelNoise:
    """Of rows without a prediction, where there are very many, nothing is doubted."""
    predicted = np.flatnonzero(np.isfinite(outputs).all(axis=1))
    found = label_noise.doubts(y[predicted], outputs[predicted])
    n = len(y)
    all_ = LabelNoise(np.zeros(n, np.float32), np.zeros(n, np.int64), np.zeros(n, np.float32))
    all_.chance[predicted], all_.instead[predicted], all_.sure[predicted] = found.chance, found.instead, found.sure
    return all_


def reason(work: SearchProblem, ways: Sequence[str], how: str) -> str:
    """Why doubtful rows are treated as they are, where the search was left these ``ways``, the best first."""
    if work.noise != AUTO:
        return "as requested"
    if not ways:
        return "no other way was finished in time"
    best = how == ways[0]
    return "that scored best on rows that are never touched" if best else "as in the recipe that is served"


def needed(recipe: Recipe) -> bool:
    """Whether a recipe treats doubtful rows, so that somebody must have looked."""
    return bool(recipe.get(HYPERPARAMETER, KEEP) != KEEP)
