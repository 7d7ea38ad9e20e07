"""Metrics with bootstrap intervals, in numpy alone, for serving.

n >= 1 everywhere. For classes, ``y`` (n,) are class indices and ``outputs`` (n, k) probabilities. For numbers, ``y`` is
(n,) and ``outputs`` (n, 1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from penna.data.arrays import Array

Rows = tuple[Array, ...]

#: Number of bins of the calibration error.
BINS = 15
#: More rows than this are not resampled in full: the deviation of a smaller sample is scaled instead.
_SAMPLE = 20_000


@dataclass(frozen=True)
class Metric:
    """A metric in two steps: what it needs of each row, then one number made of that.

    ``bootstrap`` redoes only the second step, which is why it is quick. The metric itself is called like a function:

    >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]))
    0.5
    """

    rows: Callable[[Array, Array], Rows]
    value: Callable[..., float]
    inflated: bool = False  # a resample is too large by nature: noise never cancels in an absolute value

    def __call__(self, y: Array, outputs: Array) -> float:
        """Return the metric of all rows."""
        return self.value(*self.rows(y, outputs))


def _hits(y: Array, outputs: Array) -> Rows:
    return (outputs.argmax(axis=1) == y,)


def _answers(y: Array, outputs: Array) -> Rows:
    return y, outputs.argmax(axis=1)


def _losses(y: Array, outputs: Array) -> Rows:
    probability = outputs[np.arange(len(y)), y].astype(np.float64)
    return (-np.log(np.clip(probability, 1e-7, 1.0)),)


def _confidences(y: Array, outputs: Array) -> Rows:
    confidence = outputs.max(axis=1).astype(np.float64)
    # Guo et al. close their bins on the right: (0, 1/15], (1/15, 2/15] ...
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return confidence, outputs.argmax(axis=1) == y, bins


def _misses(y: Array, outputs: Array) -> Rows:
    return (np.abs(y - outputs[:, 0].astype(np.float64)),)


def _residuals(y: Array, outputs: Array) -> Rows:
    return y, np.square(y - outputs[:, 0].astype(np.float64))


def _ranks(y: Array, outputs: Array) -> Rows:
    # A resample keeps the ranks of the whole: ranking each again would take a hundred times as long, for the same
    # result.
    return _rank(y), _rank(outputs[:, 0])


def _as_told(y: Array, outputs: Array) -> Rows:
    return y, outputs[:, 0].astype(np.float64)


def _rank(values: Array) -> Array:
    """Return ranks, (n,) float64; equal values share their mean rank."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    after = np.cumsum(counts)
    return np.asarray((after - (counts - 1) / 2)[at], np.float64)


def _mean(values: Array) -> float:
    return float(values.mean())


def _root(misses: Array) -> float:
    return float(np.sqrt(np.square(misses).mean()))


def _r2(y: Array, squares: Array) -> float:
    left, all_ = float(squares.mean()), float(y.var())
    if all_ > 0:
        return 1 - left / all_
    return 1.0 if left == 0 else 0.0  # equal targets leave nothing to explain: as in scikit-learn


def _correlation(a: Array, b: Array) -> float:
    if not (np.ptp(a) > 0 and np.ptp(b) > 0):  # the mean of equal values may differ from them by rounding
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt(a @ a) * np.sqrt(b @ b))
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else 0.0


def _levels(y: Array, outputs: Array) -> Rows:
    """Return the level of each row by the probability of a class, and whether it is of that class; (n, classes) each.

    Equal probabilities share a level. For two classes, the second represents both.
    """
    columns = np.arange(outputs.shape[1])[-1:] if outputs.shape[1] == 2 else np.arange(outputs.shape[1])
    levels = [np.unique(outputs[:, j], return_inverse=True)[1] for j in columns]
    return np.stack(levels, axis=1), y[:, None] == columns


def _by_level(levels: Array, inside: Array) -> tuple[Array, Array]:
    """Count rows inside and outside each class at each level, (classes that have both, levels) each."""
    k, most = levels.shape[1], int(levels.max()) + 1
    cell = (levels + most * np.arange(k)).ravel()
    both = np.bincount(cell, minlength=k * most).reshape(k, most)
    hits = np.bincount(cell[inside.ravel()], minlength=k * most).reshape(k, most)
    usable = (hits.sum(axis=1) > 0) & (hits.sum(axis=1) < both.sum(axis=1))
    return hits[usable], (both - hits)[usable]


def _roc_auc(levels: Array, inside: Array) -> float:
    hits, others = _by_level(levels, inside)
    if not len(hits):
        return 0.5  # rows of one class only: nothing to distinguish
    below = others.cumsum(axis=1) - others / 2  # ties count half
    return float(((hits * below).sum(axis=1) / (hits.sum(axis=1) * others.sum(axis=1))).mean())


def _average_precision(levels: Array, inside: Array) -> float:
    hits, others = (side[:, ::-1] for side in _by_level(levels, inside))
    if not len(hits):
        return float(inside.any())
    hits_above, seen = hits.cumsum(axis=1), (hits + others).cumsum(axis=1)
    precision = np.divide(hits_above, seen, out=np.zeros(seen.shape), where=seen > 0)
    return float(((hits * precision).sum(axis=1) / hits.sum(axis=1)).mean())


def _counts(y: Array, answers: Array) -> tuple[Array, Array, Array]:
    """Return true positives, predictions and rows of each class, (k,) each."""
    k = int(max(y.max(), answers.max())) + 1
    hits = np.bincount(y[y == answers], minlength=k)
    return hits, np.bincount(answers, minlength=k), np.bincount(y, minlength=k)


def _macro_f(y: Array, answers: Array, beta: float = 1.0) -> float:
    hits, answered, rows = _counts(y, answers)
    both = answered + beta**2 * rows
    return float(((1 + beta**2) * hits[both > 0] / both[both > 0]).mean())


def _mcc(y: Array, answers: Array) -> float:
    hits, answered, rows = (side.astype(np.float64) for side in _counts(y, answers))
    n = len(y)
    below = (n**2 - (answered**2).sum()) * (n**2 - (rows**2).sum())
    return float((n * hits.sum() - (answered * rows).sum()) / np.sqrt(below)) if below > 0 else 0.0


def _balanced_accuracy(y: Array, answers: Array) -> float:
    hits, _, rows = _counts(y, answers)
    return float((hits[rows > 0] / rows[rows > 0]).mean())


def _calibration_error(confidence: Array, hits: Array, bins: Array) -> float:
    gaps = np.bincount(bins, weights=hits - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(bins))


#: Share of rows whose most probable class is correct.
accuracy = Metric(_hits, _mean)
#: Mean F1 over the classes that occur in truth or predictions.
macro_f1 = Metric(_answers, _macro_f)
#: Mean F2 and mean F0.5: recall counts twice, or half, as much as precision (van Rijsbergen 1979).
macro_f2 = Metric(_answers, partial(_macro_f, beta=2.0))
macro_f05 = Metric(_answers, partial(_macro_f, beta=0.5))
#: Matthews' correlation of truth and predictions, for any number of classes (Gorodkin 2004); 0 is chance.
mcc = Metric(_answers, _mcc)
#: Mean recall over the classes that occur in truth.
balanced_accuracy = Metric(_answers, _balanced_accuracy)
#: Mean of -ln p(true class), p at least 1e-7. Lower is better.
log_loss = Metric(_losses, _mean)
#: Probability that a row of a class ranks above one of another; for several classes, the mean of each against the rest.
roc_auc = Metric(_levels, _roc_auc)
#: Mean precision over the ranked rows of a class; for two classes of the second, for several the mean.
average_precision = Metric(_levels, _average_precision)
#: Expected calibration error: mean gap between confidence and accuracy over 15 bins of equal width (Guo et al. 2017,
#: "On Calibration of Modern Neural Networks", section 2). Lower is better.
calibration_error = Metric(_confidences, _calibration_error, inflated=True)
#: Explained share of the target's variance: 1 - mean squared error / variance.
r2 = Metric(_residuals, _r2)
#: Root mean squared error, and mean absolute error. Lower is better.
rmse, mae = Metric(_misses, _root), Metric(_misses, _mean)
#: Pearson's and Spearman's (rank) correlation; 0 if all predictions are equal.
pearson, spearman = Metric(_as_told, _correlation), Metric(_ranks, _correlation)


def bootstrap(
    y: Array, outputs: Array, metric: Metric, rounds: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Return ``(value, low, high)``: the metric with its 95 % percentile interval over resampled rows.

    The interval of an inflated metric is corrected by the bootstrap's own bias.

    >>> value, low, high = bootstrap(np.array([0, 1] * 50), np.array([[0.9, 0.1]] * 100), accuracy)
    >>> value, low < 0.5 < high
    (0.5, True)
    """
    value, samples = _resample(y, outputs, metric, rounds, seed)
    low, high = np.quantile(samples, (0.025, 0.975))
    if metric.inflated:
        bias = float(samples.mean()) - value
        low, high = max(0.0, low - bias), high - bias
    return value, float(min(low, value)), float(max(high, value))


def bootstrap_error(y: Array, outputs: Array, metric: Metric, rounds: int = 200, seed: int = 0) -> float:
    """Return the bootstrap standard error of the metric."""
    return float(_resample(y, outputs, metric, rounds, seed)[1].std(ddof=1))


def _resample(y: Array, outputs: Array, metric: Metric, rounds: int, seed: int) -> tuple[float, Array]:
    """Return the metric, and its values on ``rounds`` resamples of the rows (Efron 1979)."""
    rows = metric.rows(y, outputs)
    value = metric.value(*rows)
    rng = np.random.default_rng(seed)
    n, size = len(y), min(len(y), _SAMPLE)
    samples = np.empty(rounds)
    for i in range(rounds):
        index = rng.integers(n, size=size)
        samples[i] = metric.value(*(row[index] for row in rows))
    # m out of n: the deviation of m rows shrinks with the square root (Bickel, Goetze and van Zwet 1997).
    return value, value + (samples - value) * np.sqrt(size / n)


def by_class(y: Array, outputs: Array) -> dict[str, Array]:
    """Return ``rows``, ``precision``, ``recall`` and ``f1`` of each class, (k,) arrays; 0 if undefined."""
    k = outputs.shape[1]
    matrix = confusion(y, outputs)
    hits, answered, rows = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
    share = {
        name: np.divide(above, below, out=np.zeros(k), where=below > 0)
        for name, above, below in (
            ("precision", hits, answered),
            ("recall", hits, rows),
            ("f1", 2 * hits, answered + rows),
        )
    }
    return {"rows": rows, **share}


def confusion(y: Array, outputs: Array) -> Array:
    """Return the confusion matrix, (k, k): rows are true classes, columns predictions."""
    k = outputs.shape[1]
    return np.bincount(y * k + outputs.argmax(axis=1), minlength=k * k).reshape(k, k)


def reliability(y: Array, outputs: Array) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, rows) of each non-empty bin of the calibration error."""
    confidence, hits, bins = _confidences(y, outputs)
    rows = np.bincount(bins, minlength=BINS)
    sure = np.bincount(bins, weights=confidence, minlength=BINS)
    right = np.bincount(bins, weights=hits, minlength=BINS)
    return [(float(sure[b] / rows[b]), float(right[b] / rows[b]), int(rows[b])) for b in range(BINS) if rows[b]]
