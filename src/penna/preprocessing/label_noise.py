"""Label noise: suspicious rows, and their treatment in training: keep, down-weight, or drop.

Learns nothing: suspicions are passed in. Validation and test rows are never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Table
from penna.preprocessing.checks import label_errors
from penna.preprocessing.data_findings import FEW, of_rows
from penna.search.recipe import Hyperparameter, Recipe

HYPERPARAMETER = "noise"
KEEP, WEIGHT, DROP = "keep", "weight", "drop"
WAYS = (KEEP, WEIGHT, DROP)
#: Losses whose outputs can reveal label errors.
OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)
#: Dropped rows are more likely wrong than right.
_DROPPED = 0.5
_SURER = 0.2  # share of rows: where a model is most confident, a miss is more often the label's fault than the model's
#: With fewer misses among those, the possible gain is within noise. On six clean sets a first linear model misses 1 to
#: 5 % of them (10 and 14 % on offense and irony); with 10 % of the labels flipped, 10 % or more.
LEAST = 0.08
_LEAST_ROWS = 200


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """Suspicion of label errors, for n rows.

    Attributes
    ----------
    chance : ndarray of float32, shape (n,)
        The probability that the label is wrong; 0 without evidence.
    instead : ndarray of int, shape (n,)
        The class that models predict.
    sure : ndarray of shape (n,)
        The probability of that class.
    """

    chance: Array
    instead: Array
    sure: Array

    def take(self, rows: Array) -> "LabelNoise":
        """Return these rows."""
        return LabelNoise(self.chance[rows], self.instead[rows], self.sure[rows])

    def touched(self, how: str) -> Array:
        """Return the positions of rows that a treatment changes, the most suspicious first."""
        least = {KEEP: np.inf, WEIGHT: 1e-6, DROP: _DROPPED}[how]
        order = np.lexsort((-self.sure, -self.chance))
        return order[self.chance[order] >= least]


def doubts(y: Array, outputs: Array) -> LabelNoise:
    """Estimate label noise from y, (n,), and out-of-fold probabilities, (n, k).

    No class loses more than half of its rows: a class that models do not know is not a wrong one.
    """
    suspects = label_errors.suspects(y, outputs)
    chance = np.zeros(len(y), np.float32)
    chance[suspects.places] = suspects.chance
    sizes = np.maximum(np.bincount(y, minlength=outputs.shape[1]), 1)
    lost = np.bincount(y[chance >= _DROPPED], minlength=outputs.shape[1]) / sizes
    chance[(lost > 0.5)[y]] = 0
    instead, sure = np.zeros(len(y), np.int64), np.zeros(len(y), np.float32)
    instead[suspects.places], sure[suspects.places] = suspects.instead, suspects.sure
    return LabelNoise(chance, instead, sure)


def apply_treatment(table: Table, doubts: LabelNoise, how: str) -> Table:
    """Return the training rows, treated as a recipe requests.

    >>> table = Table({"text": np.array(["a", "b"], object)}, rows=np.arange(2))
    >>> doubted = LabelNoise(np.array([0, 0.75]), np.array([0, 1]), np.array([0, 0.9]))
    >>> len(apply_treatment(table, doubted, "drop")), apply_treatment(table, doubted, "weight").sample_weight.tolist()
    (1, [1.0, 0.25])
    """
    if how == DROP:
        return table.take(np.flatnonzero(doubts.chance < _DROPPED))
    if how == KEEP:
        return table
    own = 1.0 if table.sample_weight is None else table.sample_weight
    return replace(table, sample_weight=(own * (1 - doubts.chance)).astype(np.float32))


def suspicious(y: Array, outputs: Array) -> bool:
    """Return whether enough labels may be wrong to be worth a closer look.

    It is fast, and takes any model's outputs, (n, k), on rows that it was not trained on, with classes y, (n,).
    """
    if len(y) < _LEAST_ROWS:
        return False
    surest = np.argsort(-outputs.max(axis=1), kind="stable")[: max(1, int(_SURER * len(y)))]
    return bool(np.mean(outputs[surest].argmax(axis=1) != y[surest]) >= LEAST)


def hyperparameters(ways: Sequence[str]) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameter of label noise for every family's space."""
    return (Hyperparameter(HYPERPARAMETER, values=tuple(ways)),) if ways else ()


def offered(recipes: Sequence[Recipe], ways: Sequence[str], settled: bool) -> list[Recipe]:
    """Return a portfolio in which suspicious rows are treated.

    With one way, every recipe uses it. With several, the first recipe, already tried as it is, repeats with each other
    way. Once that is ``settled``, the others use the best way, the first of ``ways``. The first of each family repeats
    with all rows kept, to compare.
    """
    if not ways or not recipes:
        return list(recipes)
    if len(ways) == 1:
        return [recipe.replace(noise=ways[0]) for recipe in recipes]
    first, *others = recipes
    again = [first.replace(noise=way) for way in WAYS if way != KEEP]
    if not settled or ways[0] == KEEP:
        return [first, *again, *others]
    compared = {recipe.family: recipe for recipe in reversed(others) if recipe.family != first.family}
    return [first, *again, *(recipe.replace(noise=ways[0]) for recipe in others), *reversed(compared.values())]


def finding(table: Table, doubts: LabelNoise, how: str, classes: Sequence[Any], y: Array, why: str) -> list[Finding]:
    """Report suspicious rows and their treatment, with examples; y, (n,), are their classes, ``why`` the reason."""
    places = doubts.touched(WEIGHT if how == KEEP else how)
    examples = [
        label_errors.example(
            int(table.rows[i]), classes[y[i]], classes[doubts.instead[i]], doubts.sure[i], table.full_text[i]
        )
        for i in places[:FEW]
    ]
    treatment = {KEEP: "kept", WEIGHT: "down-weighted in training", DROP: "left out of training"}[how]
    return of_rows(
        "doubted label", f"suspicious labels, {treatment}", table.rows[places], of=len(table), examples=examples,
        does=why, change="--label-noise keep, weight or drop; or correct them in the file",
    )  # fmt: skip
