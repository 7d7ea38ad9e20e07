"""Out of fold: what models answer for rows that they never saw. Sees a task, rows and a deadline; chooses nothing.

Linear models always, encoders where there are any; the answers of all that finished are averaged, because two kinds of
model seldom make the same mistake.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from penna.automl import evaluate
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget, Resources
from penna.data import splits
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders.load_time import setup_seconds
from penna.errors import TableError
from penna.models.base import get_family
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State
from penna.tasks.base import Task

_FOLDS = 5
_PART = 0.6  # of the time that is left, the most that linear models may take where encoders follow
_HEAD = 2.0  # seconds that a fold takes an encoder whose embeddings are kept


@dataclass(frozen=True, eq=False)
class Answers:
    """``outputs`` (n, columns), NaN in rows without a prediction, None where nothing finished; what was used.

    And what was skipped, with the reason.
    """

    outputs: Array | None
    used: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def answers(
    task: Task,
    table: Table,
    resources: Resources,
    *,
    encoders: Sequence[str] = (),
    seed: int = 0,
    doubted: Array | None = None,
    held: Array | None = None,
) -> Answers:
    """Fit on all folds but one, answer that one, for each; rows of equal text or of one group stay together.

    Beyond 20,000 rows a fold, the remaining rows are used for training only. ``doubted`` (n,) bool: rows that are
    answered, but not trained on. ``held`` (m,) positions of rows that take no part in folds, and are answered all the
    same.
    """
    rest = np.arange(len(table)) if held is None else np.setdiff1d(np.arange(len(table)), held)
    predicted_rows = rest[:0] if held is None else held
    some = table if held is None else table.take(rest)
    try:
        plan = splits.plan(some, task.strata(some), folds=_FOLDS, has_test=True, seed=seed)
    except TableError:
        return Answers(None, (), (("label_errors", "too few texts differ to learn from some and ask for others"),))
    train_mask = np.ones(len(table), bool) if doubted is None else ~doubted
    pairs = [(rest[train], rest[valid]) for train, valid in plan.folds]
    # What is held is answered by each, and the last one's answer stays.
    parts = [(train[train_mask[train]], np.concatenate([valid, predicted_rows])) for train, valid in pairs]
    parts = [pair for pair in parts if len(pair[0])]
    if not parts:
        return Answers(None, (), (("label_errors", "no row is left to learn from: all are doubted"),))
    problem = SearchProblem(task, table, parts, _profile(task, table, encoders, resources, seed), Budget())
    made: list[Array] = []
    used: list[str] = []
    skipped: list[tuple[str, str]] = []
    for recipe, seconds in _offered(problem, resources):
        outcome = _attempt(recipe, problem, resources, seconds)
        if isinstance(outcome, str):
            skipped.append((str(recipe), outcome))
        else:
            made.append(outcome)
            used.append(str(recipe))
    return Answers(np.mean(made, axis=0) if made else None, tuple(used), tuple(skipped))


def _profile(task: Task, table: Table, encoders: Sequence[str], resources: Resources, seed: int) -> DatasetProfile:
    return DatasetProfile(
        rows=len(table),
        classes=max(len(task.classes), 1),
        rows_in_smallest_class=int(np.bincount(task.strata(table)).min()),
        mean_characters=float(np.mean([len(text) for text in table.full_text[:20_000]])),
        encoders=tuple(encoders),
        seconds=resources.deadline.left(),
        folds=_FOLDS,
        seed=seed,
    )


def _offered(problem: SearchProblem, resources: Resources) -> Iterator[tuple[Recipe, float]]:
    """Yield each recipe with the seconds that its first fold may take."""
    folds, more = len(problem.folds), bool(problem.profile.encoders)
    for recipe in _linear(problem, resources):
        yield recipe, (_PART if more else 0.9) * resources.deadline.left() / folds
    for recipe in _frozen(problem.profile):
        # The first fold embeds all rows.
        yield recipe, 0.9 * resources.deadline.left() - _HEAD * (folds - 1)


def _linear(problem: SearchProblem, resources: Resources) -> list[Recipe]:
    """Logistic regression on words and characters, on words where time is short, and naive Bayes, which errs elsewhere.

    On sst2 with 10 % flipped labels, half of them are found at a precision of 0.50 by both, of 0.47 by the first.
    """
    family = get_family("linear")
    offered: list[Recipe] = family.portfolio(problem.profile)
    # Milder than what scores best: uncertainty is wanted.
    plain = [recipe.replace(c=3.0) for recipe in offered if _plain(recipe)]
    wide = next((recipe for recipe in plain if recipe["analyzer"] == "word+char"), plain[0])
    train = problem.table.take(problem.folds[0][0])
    seconds = family.cost(wide, problem.profile, train, resources).seconds * len(problem.folds)
    bayes = [recipe for recipe in offered if recipe.get("classifier") == "complement_nb"]
    return [wide if seconds < 0.5 * resources.deadline.left() else plain[0], *bayes[:1]]


def _plain(recipe: Recipe) -> bool:
    return recipe.get("classifier") == "logistic" and not recipe.get("nb") and not recipe.get("balanced")


def _frozen(profile: DatasetProfile) -> list[Recipe]:
    """Return recipes of each encoder at its two deepest depths, with a logistic head."""
    if not profile.encoders:
        return []
    offered = [r.replace(c=3.0) for r in get_family("frozen").portfolio(profile) if r.get("head") == "logistic"]
    kinds = {(recipe["encoder"], recipe["depth"]): recipe for recipe in offered}
    deepest = sorted(kinds, key=lambda kind: -kind[1])
    return [kinds[kind] for name in profile.encoders for kind in [k for k in deepest if k[0] == name][:2]]


def _attempt(recipe: Recipe, problem: SearchProblem, resources: Resources, seconds: float) -> Array | str:
    """(n, columns) answers, or why there are none."""
    if recipe.get("encoder") and seconds < (setup := setup_seconds()):
        return f"loading and timing an encoder takes up to {setup:.0f} s, {max(seconds, 0):.1f} s are left"
    afforded = evaluate.fit_to_budget(recipe, problem, (0,), resources, seconds)
    if isinstance(afforded, str):
        return afforded
    outcome = evaluate.evaluate(afforded[0], problem, range(len(problem.folds)), resources, lambda *_: True)
    if outcome.trial.state is not State.COMPLETE:
        return outcome.trial.reason or str(outcome.trial.state)
    width = next(iter(outcome.outputs.values())).shape[1]
    made = np.full((len(problem.table), width), np.nan, np.float32)
    for fold, outputs in outcome.outputs.items():
        made[problem.folds[fold][1]] = outputs
    return made
