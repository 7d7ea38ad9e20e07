"""Cuts: where each label begins to be given, found for its F1, and moved to 0.5.

A label that few rows have is best given long before it is likelier than not (Lipton et al. 2014, "Optimal Thresholding
of Classifiers to Maximize F1 Measure"). Odds are divided by those of the cut, so that order and certainty stay.
"""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.metrics import label_sets
from penna.postprocessing.base import Score, numbers, same

OUTPUT_KINDS = (OutputKind.LABEL_PROBABILITIES,)
MEANING = "a threshold for each label, to raise the metric"
AIM = None
#: With fewer rows 0.5 is as good a guess.
LEAST_ROWS = 50
#: How often a step of this kind asks for the score: twice, and for each of the groups that a gain is judged by.
CALLS = 60
#: A cut lies within this of 0 and 1.
_LEAST = 1e-4


@dataclass(frozen=True)
class LabelThresholds:
    """``at`` (k,): the probability from which each label is given."""

    at: tuple[float, ...]

    name = "label_thresholds"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        at, p = np.array(self.at), np.clip(same(outputs, len(self.at)).astype(np.float64), 0, 1)
        given, not_given = p * (1 - at), (1 - p) * at
        return np.asarray(given / (given + not_given), np.float32)

    def values(self) -> list[float]:
        """Return what was fitted, as JSON."""
        return list(self.at)


def fit(y: Array, outputs: Array, score: Score) -> LabelThresholds:
    """Return a cut for each label, or one for all of them where that scores better on rows that did not teach it.

    Y (n, k) of 0 and 1, outputs (n, k).
    """
    learn, ask = (np.arange(len(y)) % 2 == side for side in (0, 1))
    tried = {together: _made(y[learn], outputs[learn], together) for together in (False, True)}
    together = max(tried, key=lambda one: score(y[ask], tried[one](outputs[ask])))
    return _made(y, outputs, together)


def _made(y: Array, outputs: Array, together: bool) -> LabelThresholds:
    at = label_sets.cuts(y, outputs, together)
    return LabelThresholds(tuple(np.clip(at, _LEAST, 1 - _LEAST).tolist()))


def make(values: object) -> LabelThresholds:
    """Return the step that was stored as ``values``."""
    at = numbers(values, (None,))
    if (at <= 0).any() or (at >= 1).any():
        raise ValueError("the cuts of a post-processing step are not between 0 and 1")
    return LabelThresholds(tuple(at.tolist()))
