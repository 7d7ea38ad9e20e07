"""Thresholds: a weight for each class, found for the metric that was chosen. With two classes it is a threshold.

What is likeliest is not what scores best in macro F1 or balanced accuracy, where a rare class counts as much as any
other (Elkan 2001, "The Foundations of Cost-Sensitive Learning", section 2). Weights move the answers, and the
probabilities with them.
"""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing.base import Score, normal, numbers, same

OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)
MEANING = "a weight for each class, to raise the metric"
AIM = None
#: With fewer rows a rare class has too few to place a threshold by.
LEAST_ROWS = 300
#: Factors that a class's weight is multiplied by, coarse first.
_FACTORS = (0.25, 0.5, 0.7, 1.4, 2.0, 4.0), (0.8, 0.9, 1.1, 1.25), (0.95, 1.05)
#: A class's weight stays within this of an equal one.
_WIDEST = 100.0
#: Classes that are tried in a round (with more, the rarest), and probabilities looked at: a second, whatever comes.
_MOST_CLASSES = 20
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class ClassWeights:
    """Probabilities times ``weights`` (k,), brought to a sum of one again."""

    weights: tuple[float, ...]

    name = "class_weights"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        return normal(same(outputs, len(self.weights)).astype(np.float64) * np.array(self.weights))

    def values(self) -> list[float]:
        """Return what was fitted, as JSON."""
        return list(self.weights)


def fit(y: Array, outputs: Array, score: Score) -> ClassWeights:
    """Weights by coordinate ascent on the score, the rarest class first; y (n,) class indices, outputs (n, k)."""
    k = outputs.shape[1]
    if len(y) > _MOST_VALUES // k:
        some = np.random.default_rng(0).choice(len(y), _MOST_VALUES // k, replace=False)
        y, outputs = y[some], outputs[some]
    order = np.argsort(np.bincount(y, minlength=k), kind="stable")[:_MOST_CLASSES]
    weights, best = np.ones(k), score(y, outputs)
    for factors in _FACTORS:
        for j in order:
            for factor in factors:
                tried = weights.copy()
                tried[j] = np.clip(tried[j] * factor, 1 / _WIDEST, _WIDEST)
                if (found := score(y, normal(outputs * tried))) > best:
                    weights, best = tried, found
    return ClassWeights(tuple(weights.tolist()))


def make(values: object) -> ClassWeights:
    """Return the step that was stored as ``values``."""
    weights = numbers(values, (None,))
    if (weights < 1 / (2 * _WIDEST)).any() or (weights > 2 * _WIDEST).any():
        raise ValueError("the weights of a post-processing step are out of range")
    return ClassWeights(tuple(weights.tolist()))
