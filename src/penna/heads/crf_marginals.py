"""How likely each tag of a chain is: forwards and backwards over rows of words (Rabiner 1989). Numpy alone."""

from collections.abc import Iterator

import numpy as np

from penna.data.arrays import Array

#: What it costs to go to a tag that may not follow: so little that it shows nowhere, and still a number.
NEVER = -30.0
#: What is less likely than the likeliest by more than this is as good as never: so no weight is nought, and no sum of
#: weights, however sure the scores.
_WIDEST = 120.0
#: Rows, and padded words, that are worked on together.
_ROWS, _WORDS = 64, 16_384


def marginals(scores: Array, lengths: Array, transitions: Array) -> list[Array]:
    """Return the probabilities (words, k) float32 of each row from flat scores (words, k)."""
    step = _weights(transitions.astype(np.float64), None)
    starts = np.cumsum(lengths) - lengths
    out: list[Array] = [np.zeros((0, scores.shape[1]), np.float32)] * len(lengths)
    for part in _parts(lengths):
        longest = int(lengths[part].max())
        at = starts[part][:, None] + np.minimum(np.arange(longest), lengths[part][:, None] - 1)
        local = _weights(scores[at].astype(np.float64), 2)
        inside = np.arange(longest) < lengths[part][:, None]
        both = _both_ways(local, inside, step)
        for i, row in enumerate(part):
            out[row] = both[i, : lengths[row]].astype(np.float32)
    return out


def _weights(scores: Array, axis: int | None) -> Array:
    """Return the exponentials of scores, 1 for the highest along the axis (of all if None)."""
    below = scores - scores.max(axis=axis, keepdims=True)
    return np.asarray(np.exp(np.maximum(below, -_WIDEST)))


def _parts(lengths: Array) -> Iterator[Array]:
    """Rows that have words, shortest first, few of the long ones at once."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    first = 0
    while first < len(order):
        sizes = lengths[order[first : first + _ROWS]]
        fit = int((sizes * np.arange(1, len(sizes) + 1) <= _WORDS).sum())
        yield order[first : first + max(fit, 1)]
        first += max(fit, 1)


def _both_ways(local: Array, inside: Array, step: Array) -> Array:
    """(b, s, k) probabilities; local (b, s, k) and step (k, k) are weights, inside (b, s) bool."""
    b, s, k = local.shape
    forward, backward = np.empty((b, s, k)), np.ones((b, s, k))
    forward[:, 0] = local[:, 0]
    for t in range(1, s):
        moved = (forward[:, t - 1] / forward[:, t - 1].sum(axis=1, keepdims=True)) @ step
        forward[:, t] = np.where(inside[:, t, None], moved * local[:, t], forward[:, t - 1])
    for t in range(s - 2, -1, -1):
        after = backward[:, t + 1] * local[:, t + 1]
        moved = after @ step.T
        backward[:, t] = np.where(inside[:, t + 1, None], moved / moved.sum(axis=1, keepdims=True), 1.0)
    both = forward * backward
    return np.asarray(both / both.sum(axis=2, keepdims=True))
