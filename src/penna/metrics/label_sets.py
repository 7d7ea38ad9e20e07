"""Multilabel metrics, and the thresholds that maximize them. Numpy alone.

n >= 1 everywhere: ``y`` (n, k) is 0 or 1, ``outputs`` (n, k) the probability of each label on its own; a label is
predicted from 0.5 up. Every metric is a function of sums over rows, so that resampling costs one matrix product.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from penna.data.arrays import Array

#: Number of threshold levels: equal steps of log odds, up to this on either side of 0.
LEVELS, _REACH = 256, 9.2
#: Levels on either side over which a level's F1 is averaged: otherwise a threshold follows single rows. On goemotions
#: it is worth 0.005 of macro F1 on held-out rows, for thresholds fitted on 2,700 rows or on 700.
_WIDTH = 8.0
#: Maximum ratio of predictions of a label to rows that have it. If a model knows nothing of a label, the best F1 is to
#: predict it for every row (Lipton et al. 2014, section 5), which is useless.
MOST_GIVEN = 4
#: More rows than this are not resampled in full: the deviation of a smaller sample is scaled instead.
_SAMPLE = 20_000
_GROUPS = 20
#: Maximum number of values in memory at once.
_MOST_VALUES = 1 << 22
_LEAST = 1e-7


def _f1(hits: Array, answers: Array, rows: Array) -> Array:
    """Return 2 hits / (answers + rows); 0 if undefined."""
    both = answers + rows
    share: Array = np.divide(2 * hits, both, out=np.zeros(np.shape(both)), where=both > 0)
    return share


def _macro(hits: Array, answers: Array, rows: Array) -> Array:
    """Return mean F1 over the labels that occur in truth or predictions; labels are on the last axis."""
    occur = (answers + rows > 0).sum(axis=-1)
    return np.asarray(_f1(hits, answers, rows).sum(axis=-1) / np.maximum(occur, 1))


def _micro(hits: Array, answers: Array, rows: Array) -> Array:
    return _f1(hits.sum(axis=-1), answers.sum(axis=-1), rows.sum(axis=-1))


#: Metrics of predictions, from (..., k) hits, predictions and rows of each label.
_COUNTED: dict[str, Callable[[Array, Array, Array], Array]] = {"macro_f1": _macro, "micro_f1": _micro}
#: Metrics that are means over rows, in the order of ``_rows``' last columns.
_MEANS = ("subset_accuracy", "label_ranking_ap", "log_loss")
#: Metrics with their sign in a score; higher scores are better.
SIGNS = {"macro_f1": 1, "micro_f1": 1, "subset_accuracy": 1, "label_ranking_ap": 1, "log_loss": -1}


def value(name: str, y: Array, outputs: Array) -> float:
    """Return the metric at thresholds of 0.5.

    >>> value("micro_f1", np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.2], [0.6, 0.4]]))
    0.8
    """
    if name in _COUNTED:
        truth, predicted = y > 0, outputs >= 0.5
        return float(_COUNTED[name]((truth & predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0)))
    return float(_values(_rows(y, outputs).sum(axis=0, dtype=np.float64), len(y))[name])


def intervals(y: Array, outputs: Array, rounds: int = 1000, seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Return every metric as ``(value, low, high)``, with its 95 % bootstrap percentile interval (Efron 1979)."""
    rows = _rows(y, outputs)
    n, size = len(rows), min(len(rows), _SAMPLE)
    values = _values(rows.sum(axis=0, dtype=np.float64), n)
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, rounds, 50):
        drawn = [np.bincount(rng.integers(n, size=size), minlength=n) for _ in range(min(50, rounds - start))]
        parts.append(np.stack(drawn).astype(np.float32) @ rows)
    samples = _values(np.concatenate(parts).astype(np.float64), size)
    result = {}
    for name, one in values.items():
        # m out of n: the deviation of m rows shrinks with the square root (Bickel, Goetze and van Zwet 1997).
        spread = one + (samples[name] - one) * np.sqrt(size / n)
        low, high = np.quantile(spread, (0.025, 0.975))
        result[name] = (float(one), float(min(low, one)), float(max(high, one)))
    return result


def _rows(y: Array, outputs: Array) -> Array:
    """Return each row's summands, (n, 3 k + 3) float32: hits, predictions and rows of labels, and means."""
    truth, predicted = y > 0, outputs >= 0.5
    right = (truth == predicted).all(axis=1)
    p = np.clip(outputs.astype(np.float64), _LEAST, 1 - _LEAST)
    loss = -np.log(np.where(truth, p, 1 - p)).mean(axis=1)
    parts = (truth & predicted, predicted, truth, right[:, None], _ranked(truth, outputs)[:, None], loss[:, None])
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")


def _values(sums: Array, n: int) -> dict[str, Array]:
    """Return every metric from (..., 3 k + 3) sums over n rows."""
    k = (sums.shape[-1] - len(_MEANS)) // 3
    hits, answers, rows = (sums[..., i * k : (i + 1) * k] for i in range(3))
    counted = {name: metric(hits, answers, rows) for name, metric in _COUNTED.items()}
    return counted | {name: sums[..., 3 * k + i] / n for i, name in enumerate(_MEANS)}


def _ranked(truth: Array, outputs: Array) -> Array:
    """Return label ranking average precision of each row, (n,).

    It is 1 if a row has no label or all (Schapire and Singer 2000, "BoosTexter", as in scikit-learn).
    """
    out = np.ones(len(truth))
    step = max(1, _MOST_VALUES // truth.shape[1] ** 2)
    for start in range(0, len(truth), step):
        part, p = truth[start : start + step], outputs[start : start + step]
        above = p[:, None, :] >= p[:, :, None]  # [row, label, other]: the other is ranked as high as the label
        right = (above & part[:, None, :]).sum(axis=2)
        shares = np.where(part, right / above.sum(axis=2), 0).sum(axis=1)
        labels = part.sum(axis=1)
        informative = (labels > 0) & (labels < part.shape[1])
        out[start : start + step][informative] = shares[informative] / labels[informative]
    return out


def by_label(y: Array, outputs: Array) -> dict[str, Array]:
    """Return ``rows``, ``precision``, ``recall`` and ``f1`` of each label, (k,) arrays; 0 if undefined."""
    truth, predicted = y > 0, outputs >= 0.5
    hits, answers, rows = (truth & predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0)
    zeros = np.zeros(len(rows))
    return {
        "rows": rows,
        "precision": np.divide(hits, answers, out=zeros.copy(), where=answers > 0),
        "recall": np.divide(hits, rows, out=zeros.copy(), where=rows > 0),
        "f1": _f1(hits, answers, rows),
    }


def score(name: str, y: Array, outputs: Array) -> float:
    """Return the metric, higher is better; F1 uses thresholds that each half of the rows takes from the other.

    A model is judged by its value after the post-processing step has set thresholds, not by how well 0.5 happens to
    fit. On rare labels a model that never reaches 0.5 may rank best of all.
    """
    if name not in _COUNTED:
        return SIGNS[name] * value(name, y, outputs)
    return float(_crossed(name, _counts(_codes(outputs), y > 0, _half(len(y)), 2)))


def score_error(name: str, y: Array, outputs: Array) -> float:
    """Return the standard error of ``score``, by a jackknife over groups of rows.

    A bootstrap would take a hundred times as long.
    """
    most = _MOST_VALUES // (4 * LEVELS * y.shape[1])  # fewer groups for very many labels
    group = np.arange(len(y)) // 2 % min(_GROUPS, max(len(y) // 2, 1), max(most, 4))
    groups = int(group.max()) + 1
    if groups < 2:
        return 0.0
    if name in _COUNTED:
        parts = _counts(_codes(outputs), y > 0, 2 * group + _half(len(y)), 2 * groups)
        parts = parts.reshape(2, groups, 2, *parts.shape[2:])
        whole = parts.sum(axis=1)
        left = np.array([_crossed(name, whole - parts[:, g]) for g in range(groups)])
    else:
        rows = _rows(y, outputs)
        left = np.array([_values(rows[group != g].sum(axis=0), int((group != g).sum()))[name] for g in range(groups)])
    return float(np.sqrt((groups - 1) * left.var()))


def cuts(y: Array, outputs: Array, together: bool = False) -> Array:
    """Return the threshold of each label, (k,), with the best F1. ``together``: one for all, by micro F1."""
    counts = _counts(_codes(outputs), y > 0, np.zeros(len(y), np.int64), 1)[:, 0]
    odds = 2 * _REACH * _levels(counts, together) / LEVELS - _REACH
    return np.asarray(1 / (1 + np.exp(-odds)))


def _half(n: int) -> Array:
    return np.arange(n) % 2


def _codes(outputs: Array) -> Array:
    """Return the level of each probability, (n, k)."""
    p = np.clip(outputs, 1e-6, 1 - 1e-6)
    place = (np.log(p / (1 - p)) + _REACH) * (LEVELS / (2 * _REACH))
    codes: Array = np.clip(place, 0, LEVELS - 1).astype(np.int64)
    return codes


def _counts(codes: Array, truth: Array, part: Array, parts: int) -> Array:
    """Count all and correct probabilities of a label at or above each level, (2, parts, k, LEVELS) float64.

    ``part`` (n,) is the part of each row.
    """
    k = codes.shape[1]
    place = codes + LEVELS * (np.arange(k) + k * part[:, None])
    size, shape = parts * k * LEVELS, (parts, k, LEVELS)
    both = np.stack([np.bincount(flat, minlength=size).reshape(shape) for flat in (place.ravel(), place[truth])])
    return np.asarray(both[..., ::-1].cumsum(axis=-1)[..., ::-1], np.float64)


def _levels(counts: Array, together: bool) -> Array:
    """Return the best level of each label, (k,), from (2, k, LEVELS) counts at or above each level."""
    answers, hits = counts
    rows = hits[:, :1]
    pooled = _f1(hits.sum(axis=0), answers.sum(axis=0), rows.sum(axis=0)).argmax()
    if together:
        return np.full(len(hits), pooled)
    worth = _f1(hits, answers, np.broadcast_to(rows, hits.shape)) @ _smoothing()
    best = np.where(answers <= MOST_GIVEN * rows, worth, -1).argmax(axis=1)
    return np.where(rows[:, 0] > 0, best, pooled)  # nothing is known of a label without rows


@cache
def _smoothing() -> Array:
    """Return the (LEVELS, LEVELS) matrix that averages a level with its neighbors."""
    level = np.arange(LEVELS)
    near = np.exp(-0.5 * np.square((level[:, None] - level) / _WIDTH))
    return np.asarray(near / near.sum(axis=0))


def _crossed(name: str, counts: Array) -> Array:
    """Return the metric with thresholds of each half from the other; counts (2, 2 halves, k, LEVELS)."""
    k = np.arange(counts.shape[2])
    total = np.zeros((3, len(k)))
    for side in (0, 1):
        level = _levels(counts[:, 1 - side], together=name == "micro_f1")
        answers, hits = counts[:, side]
        total += np.stack([hits[k, level], answers[k, level], hits[:, 0]])
    return _COUNTED[name](*total)
