"""Outside: how likely it must be that a word is in no entity, moved to where the metric is best.

Most words are outside, and what is most probable word by word misses entities that would be worth a guess: F1 forgives
a wrong one as long as more than half of its kind are right (Lipton et al. 2014, "Optimal Thresholding of Classifiers to
Maximize F1 Measure"). The odds of being outside are divided by one number; the order of the types stays.
"""

from dataclasses import dataclass

import numpy as np

from penna.data import ragged
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing.base import Score, normal, numbers

OUTPUT_KINDS = (OutputKind.TAGS,)
MEANING = "how likely a word must be in no entity, to raise the metric"
AIM = None
LEAST_ROWS = 100
#: How often a step of this kind asks for the score: twice on halves, and for each of the groups of a gain.
CALLS = 60
#: Numbers that are tried, and those around the best.
_TRIED = np.geomspace(0.25, 32, 15)
_LEAST, _MOST = 1e-3, 1e3


@dataclass(frozen=True)
class EntityThreshold:
    """``by``: what the odds of being outside are divided by; above one, more entities are answered."""

    by: float

    name = "entity_threshold"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        values, offsets = ragged.flat(outputs)
        moved = values.astype(np.float64)
        moved[:, 0] /= self.by
        return ragged.cut(normal(moved), offsets) if len(values) else outputs

    def values(self) -> list[float]:
        """Return what was fitted, as JSON."""
        return [self.by]


def fit(y: Array, outputs: Array, score: Score) -> EntityThreshold:
    """Return the middle of the three neighbours that score best together: a single peak is chance."""
    scores = np.array([score(y, EntityThreshold(float(by))(outputs)) for by in _TRIED])
    smooth = np.convolve(np.pad(scores, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    return EntityThreshold(float(_TRIED[int(smooth.argmax())]))


def make(values: object) -> EntityThreshold:
    """Return the step that was stored as ``values``."""
    (by,) = numbers(values, (1,)).tolist()
    if not _LEAST <= by <= _MOST:
        raise ValueError("what the odds of a post-processing step are divided by is out of range")
    return EntityThreshold(by)
