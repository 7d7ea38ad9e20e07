"""Targets of a head, and links from its margins to outputs. Serving imports this file: numpy only.

A number can be learned as itself, or as a class: cut into bins, the answer being the mean of the bins' values under
their probabilities (Imani and White 2018, "Improving Regression Performance with Distributional Losses"). On ratings
that is the better of the two.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.heads import classifier_chain
from penna.solvers.logistic import sigmoid, softmax
from penna.tasks.base import Task

#: Kind of link -> how many values go with so many columns of margins.
KINDS: dict[str, Callable[[int], int]] = {
    "softmax": lambda columns: 0,
    "identity": lambda columns: 0,
    "mean": lambda columns: max(columns, 2),
    "sigmoid": lambda columns: 0,
    "chain": lambda columns: columns * (columns + 1),
}
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class Link:
    """A function from margins (n, columns) to outputs.

    "softmax" gives probabilities, "sigmoid" the probability of each column, "identity" the margins themselves, "mean"
    the mean of ``values``, one for each column, under the probabilities. "chain" is "sigmoid" with ``values`` as the
    weights of a classifier chain.
    """

    kind: str = "softmax"
    values: tuple[float, ...] = ()

    def __call__(self, margins: Array, softmax: Callable[[Array], Array] = softmax) -> Array:
        """Return outputs, float32. One column of margins under a softmax stands for two classes."""
        if self.kind == "identity":
            return margins
        if self.kind == "sigmoid":
            return sigmoid(margins)
        if self.kind == "chain":
            return classifier_chain.walked(margins, self.values)
        return self.of(softmax(margins))

    def of(self, probabilities: Array) -> Array:
        """Return outputs from (n, classes) probabilities, where there are such."""
        if self.kind != "mean":
            return probabilities
        answers: Array = probabilities @ np.array(self.values, np.float32)[:, None]
        return answers

    def settled(self, outputs: Array, silent: Array) -> Array:
        """Return outputs in which empty rows, ``silent`` (n,), have the target's mean, which is 0.

        Probabilities are unchanged. The output for an empty text would be arbitrary: no model was trained on one.
        """
        if self.kind not in ("identity", "mean") or not silent.any():
            return outputs
        return np.where(silent[:, None], np.float32(0), outputs)

    def loss(self, probabilities: Array, y: Array) -> float:
        """Mean log loss of class indices ``y``, or of (n, columns) 0 and 1; of numbers, their mean square error."""
        if self.kind == "sigmoid":
            return float(-np.log(np.maximum(np.where(y > 0, probabilities, 1 - probabilities), 1e-9)).mean())
        if self.kind == "softmax":
            return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-9)).mean())
        return float(np.square(self.of(probabilities)[:, 0] - np.array(self.values)[y]).mean())

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"kind": self.kind, "values": list(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], columns: int) -> "Link":
        """Raise ValueError, KeyError or TypeError unless the link goes with so many columns of margins."""
        kind, values = str(data["kind"]), tuple(float(value) for value in data["values"])
        if kind not in KINDS or not all(map(math.isfinite, values)) or len(values) > _MOST_VALUES:
            raise ValueError("its answers are of no known kind")
        if len(values) != KINDS[kind](columns) or (kind == "identity" and columns != 1):
            raise ValueError("its answers do not go with its weights")
        if kind == "chain":
            classifier_chain.check(values, columns)
        return cls(kind, values)


#: Probabilities, of classes that exclude one another and of labels that do not.
SOFTMAX, SIGMOID = Link(), Link("sigmoid")


def silent(table: Table) -> Array:
    """(n,) bool: rows without a text."""
    return np.fromiter((not text or text.isspace() for text in table.full_text), bool, len(table))


@dataclass(frozen=True)
class Target:
    """The training target of a head.

    ``y``: class indices (n,) int64 below ``columns``, numbers (n,) float32, or 0 and 1 (n, columns) float32, as
    ``output_kind`` has it: binned numbers are learned as classes. ``weights`` (n,): weight of each row, or None.
    """

    y: Array
    columns: int
    output_kind: OutputKind
    link: Link
    weights: Array | None = None

    def take(self, rows: Array) -> "Target":
        """Return the targets of these rows."""
        return replace(self, y=self.y[rows], weights=None if self.weights is None else self.weights[rows])


def target_of(task: Task, table: Table, bins: int = 0) -> Target:
    """Return what is learned of this table's target; a number is cut into ``bins`` where that is above zero."""
    y = task.encode(table)
    if task.output_kind == OutputKind.CLASS_PROBABILITIES:
        return Target(y, task.columns, task.output_kind, SOFTMAX, table.sample_weight)
    if task.output_kind == OutputKind.LABEL_PROBABILITIES:
        return Target(y, task.columns, task.output_kind, SIGMOID, table.sample_weight)
    codes, values = cut(y, bins)
    if bins and len(values) > 1:
        link = Link("mean", tuple(values.tolist()))
        return Target(codes, len(values), OutputKind.CLASS_PROBABILITIES, link, table.sample_weight)
    return Target(y.astype(np.float32), 1, OutputKind.NUMBERS, Link("identity"), table.sample_weight)


def cut(y: Array, bins: int) -> tuple[Array, Array]:
    """(n,) codes and (k,) means of at most ``bins`` bins: each value its own where they are few, else equal shares.

    >>> codes, values = cut(np.array([1.0, 5.0, 5.0, 3.0]), 3)
    >>> codes.tolist(), values.tolist()
    ([0, 2, 2, 1], [1.0, 3.0, 5.0])
    """
    values, codes = np.unique(y, return_inverse=True)
    if len(values) > bins:
        edges = np.unique(np.quantile(y, np.linspace(0, 1, max(bins, 1) + 1)[1:-1]))
        codes = np.unique(np.searchsorted(edges, y, side="right"), return_inverse=True)[1]
    counts = np.bincount(codes)
    return codes.astype(np.int64), np.bincount(codes, weights=y) / counts
