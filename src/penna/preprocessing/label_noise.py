"""Rows with a suspicious label, and what becomes of them in training: kept, weighed less, or dropped.

Learns nothing: the doubts are given. What a model is measured on is never touched.
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
#: Losses whose answers can show a label to be suspicious.
OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)
#: What is dropped is more likely wrong than right.
_DROPPED = 0.5
_SURER = 0.2  # of the rows: where a model is surest, a miss is more often the label's than the model's
#: With fewer misses among those, what could be gained is within noise. On six clean sets a first linear model misses 1
#: to 5 % of them (10 and 14 % on offence and irony), with 10 % of the labels flipped 10 % or more.
LEAST = 0.08
_LEAST_ROWS = 200


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """Of n rows: ``chance`` (n,) float32 that the label is wrong, 0 where nothing speaks for that.

    ``instead`` (n,) the class that models answer, ``sure`` (n,) with this probability.
    """

    chance: Array
    instead: Array
    sure: Array

    def take(self, rows: Array) -> "LabelNoise":
        """Return these rows."""
        return LabelNoise(self.chance[rows], self.instead[rows], self.sure[rows])

    def touched(self, how: str) -> Array:
        """Positions of the rows that a treatment changes, the most doubtful first."""
        least = {KEEP: np.inf, WEIGHT: 1e-6, DROP: _DROPPED}[how]
        order = np.lexsort((-self.sure, -self.chance))
        return order[self.chance[order] >= least]


def doubts(y: Array, outputs: Array) -> LabelNoise:
    """From y (n,) and (n, k) probabilities of models that did not learn from the row they answer.

    No class loses more than half of its rows: a class that models do not know is not a wrong one.
    """
    found = label_errors.suspects(y, outputs)
    chance = np.zeros(len(y), np.float32)
    chance[found.places] = found.chance
    sizes = np.maximum(np.bincount(y, minlength=outputs.shape[1]), 1)
    lost = np.bincount(y[chance >= _DROPPED], minlength=outputs.shape[1]) / sizes
    chance[(lost > 0.5)[y]] = 0
    instead, sure = np.zeros(len(y), np.int64), np.zeros(len(y), np.float32)
    instead[found.places], sure[found.places] = found.instead, found.sure
    return LabelNoise(chance, instead, sure)


def apply_treatment(table: Table, doubts: LabelNoise, how: str) -> Table:
    """Return the training rows as a recipe asks for them.

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
    """Whether so many labels may be wrong that it is worth looking.

    Quick, and by any model's answers, y (n,) and outputs (n, k), to rows that it did not see.
    """
    if len(y) < _LEAST_ROWS:
        return False
    surest = np.argsort(-outputs.max(axis=1), kind="stable")[: max(1, int(_SURER * len(y)))]
    return bool(np.mean(outputs[surest].argmax(axis=1) != y[surest]) >= LEAST)


def hyperparameters(ways: Sequence[str]) -> tuple[Hyperparameter, ...]:
    """Return what every family's space has besides its own."""
    return (Hyperparameter(HYPERPARAMETER, values=tuple(ways)),) if ways else ()


def offered(recipes: Sequence[Recipe], ways: Sequence[str], settled: bool) -> list[Recipe]:
    """Return a portfolio in which doubtful rows are treated.

    One way: in every recipe. Several: the first recipe, which was tried as it is, comes again with each other way; once
    that is ``settled`` the others go the best of them, the first of ``ways``, and the first of each family once more
    keeps all rows, to compare.
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
    """Return what was doubted and what became of it, with examples; y (n,) the rows' classes; ``why`` just that."""
    places = doubts.touched(WEIGHT if how == KEEP else how)
    examples = [
        label_errors.example(
            int(table.rows[i]), classes[y[i]], classes[doubts.instead[i]], doubts.sure[i], table.full_text[i]
        )
        for i in places[:FEW]
    ]
    treatment = {KEEP: "kept", WEIGHT: "weighed less in training", DROP: "left out of training"}[how]
    return of_rows(
        "doubted label", f"suspicious labels, {treatment}", table.rows[places], of=len(table), examples=examples,
        does=why, change="--label-noise keep, weight or drop; or correct them in the file",
    )  # fmt: skip
