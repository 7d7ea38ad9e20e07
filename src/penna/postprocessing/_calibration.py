"""The score that calibration steps are fitted for: how well probabilities fit the truth."""

from penna import metrics
from penna.data.arrays import Array


def calibration_score(y: Array, outputs: Array) -> float:
    """Return the negative log loss of probabilities (n, k) for class indices (n,); higher is better."""
    return -metrics.log_loss(y, outputs)
