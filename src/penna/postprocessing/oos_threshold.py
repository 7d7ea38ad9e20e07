"""Reject: what no class claims is answered with the class for what is out of scope.

A task asks for it; it is never tried like other post-processing steps, because no metric of a search pays for it.

The surest of the other classes decides, against a threshold (Hendrycks and Gimpel 2017, "A Baseline for Detecting
Misclassified and Out-of-Distribution Examples").
"""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.postprocessing.base import normal, numbers

#: No loss: see above.
OUTPUT_KINDS = ()
MEANING = "the out-of-scope class if no other is likely enough"
AIM = None
LEAST_ROWS = 0
#: Rows out of scope that a threshold can be placed by; with fewer it goes by the others alone.
FEWEST = 5
#: How frequent such rows are taken to be once the model is used: in training data they are what somebody thought of.
SHARE = 0.15
#: Of right answers, as many are given up where nothing out of scope is known.
GIVEN_UP = 0.03
_STEEP = (0.25, 0.5, 1.0, 2.0, 4.0)
_USUAL_STEEP = 1.0
_EDGE = 1e-7


@dataclass(frozen=True)
class OosThreshold:
    """Class ``column`` is the answer exactly where the log-odds of the surest other class are below ``place``.

    ``steep`` says how fast its probability grows beyond.
    """

    column: int
    place: float
    steep: float

    name = "oos_threshold"

    def __call__(self, outputs: Array) -> Array:
        """(n, k) probabilities; with a column more where the model knew nothing of the class."""
        columns = max(outputs.shape[1], self.column + 1)
        inside = _inside(outputs, self.column)
        odds = _share(inside) * np.exp(np.clip(self.steep * (self.place - _surest(inside)), -30, 30))
        out = np.empty((len(outputs), columns))
        out[:, np.arange(columns) != self.column] = inside / np.maximum(inside.sum(axis=1, keepdims=True), _EDGE)
        out[:, self.column] = odds
        return normal(out)

    def values(self) -> list[float]:
        """Return what was fitted, as JSON."""
        return [self.column, self.place, self.steep]


def never(column: int) -> OosThreshold:
    """Return a step that gives the class its column and hardly ever answers with it: before a threshold was found."""
    return OosThreshold(column, -12.0, _USUAL_STEEP)


def fit(y: Array, outputs: Array, column: int) -> OosThreshold:
    """From y (n,) class indices and (n, k) probabilities of rows that were not trained on.

    With rows out of scope: the threshold with the best sum of accuracy in scope and F1 out of scope, as these would be
    at a share of 15 %. Without: 3 % of the right answers are given up.
    """
    inside = _inside(outputs, column)
    sure, truth = _surest(inside), y - (y > column)
    out = y == column
    right = ~out & (inside.argmax(axis=1) == truth)
    if out.sum() < FEWEST or out.all():
        known = sure[right] if right.any() else sure
        return OosThreshold(column, float(np.quantile(known, GIVEN_UP)), _USUAL_STEEP)
    place = _place(sure, right, out)
    return OosThreshold(
        column, place, min(_STEEP, key=lambda steep: _loss(OosThreshold(column, place, steep), outputs, out))
    )


def make(values: object) -> OosThreshold:
    """Return the step that was stored as ``values``."""
    column, place, steep = numbers(values, (3,)).tolist()
    if column != int(column) or not 0 <= column < 1 << 20 or not 0 < steep <= 100 or abs(place) > 100:
        raise ValueError("the threshold of a post-processing step is out of range")
    return OosThreshold(int(column), place, steep)


def _inside(outputs: Array, column: int) -> Array:
    """(n, classes in scope) float64."""
    whole = outputs.astype(np.float64)
    return np.delete(whole, column, axis=1) if column < whole.shape[1] else whole


def _surest(inside: Array) -> Array:
    """(n,) log-odds of the surest class."""
    top = np.clip(inside.max(axis=1), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(top) - np.log1p(-top))


def _share(inside: Array) -> Array:
    """(n,) of the surest class, among those in scope: where the other class has as much, both are even."""
    return np.asarray(inside.max(axis=1) / np.maximum(inside.sum(axis=1), _EDGE))


def _place(sure: Array, right: Array, out: Array) -> float:
    """Return the threshold with the best sum, halfway between two rows."""
    order = np.argsort(sure, kind="stable")
    given_up = np.concatenate([[0], right[order].cumsum()])
    recalled, lost = (np.concatenate([[0], side[order].cumsum()]) / side.sum() for side in (out, ~out))
    accuracy = (right.sum() - given_up) / (~out).sum()
    f1 = 2 * SHARE * recalled / (SHARE * recalled + (1 - SHARE) * lost + SHARE)
    best = int(np.argmax(accuracy + f1))
    edges = np.concatenate([sure[order][:1] - 1, sure[order], sure[order][-1:] + 1])
    return float(edges[best : best + 2].mean())


def _loss(step: OosThreshold, outputs: Array, out: Array) -> float:
    """Log loss of telling what is out of scope, each side weighed by its share in use."""
    probability = np.clip(step(outputs)[:, step.column].astype(np.float64), _EDGE, 1 - _EDGE)
    return float(-SHARE * np.log(probability[out]).mean() - (1 - SHARE) * np.log1p(-probability[~out]).mean())
