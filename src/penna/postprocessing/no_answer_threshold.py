"""Silence: how likely it must be that a text holds no answer, moved to where the metric is best.

The null threshold of SQuAD 2.0 (Rajpurkar et al. 2018): what says "no answer" is divided by one number; which answer is
likeliest stays, and chances still sum to one.
"""

from dataclasses import dataclass

import numpy as np

from penna.data import ragged
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing.base import Score, numbers

OUTPUT_KINDS = (OutputKind.SPANS,)
MEANING = "how likely it must be that there is no answer, to raise the metric"
AIM = None
LEAST_ROWS = 50
#: How often a step of this kind asks for the score: twice on halves, and for each of the groups of a gain.
CALLS = 60
_TRIED = np.geomspace(1 / 64, 64, 13)
_LEAST, _MOST = 1e-3, 1e3


@dataclass(frozen=True)
class NoAnswerThreshold:
    """``by``: what both ends of "no answer" are divided by; above one, more questions are answered."""

    by: float

    name = "no_answer_threshold"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        values, offsets = ragged.flat(outputs)
        moved = values.astype(np.float32)
        moved[offsets[:-1][np.diff(offsets) > 0]] /= self.by
        return ragged.cut(ragged.shares(moved, offsets), offsets) if len(values) else outputs

    def values(self) -> list[float]:
        """Return what was fitted, as JSON."""
        return [self.by]


def fit(y: Array, outputs: Array, score: Score) -> NoAnswerThreshold:
    """Return the middle of the three neighbours that score best together: a single peak is chance."""
    scores = np.array([score(y, NoAnswerThreshold(float(by))(outputs)) for by in _TRIED])
    smooth = np.convolve(np.pad(scores, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    return NoAnswerThreshold(float(_TRIED[int(smooth.argmax())]))


def make(values: object) -> NoAnswerThreshold:
    """Return the step that was stored as ``values``."""
    (by,) = numbers(values, (1,)).tolist()
    if not _LEAST <= by <= _MOST:
        raise ValueError("what the odds of a post-processing step are divided by is out of range")
    return NoAnswerThreshold(by)
