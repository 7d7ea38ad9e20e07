"""Temperature: probabilities made surer or less sure, all by one power, for the best log loss. Decides nothing anew.

Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
"""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.postprocessing._calibration import calibration_score
from penna.postprocessing.base import Score, normal, numbers

OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)
MEANING = "probabilities scaled to be as sure as they are right on validation rows"
AIM = calibration_score
#: With fewer rows even one number is a guess.
LEAST_ROWS = 200
_LEAST = 1e-7
#: Beyond, rows would be all sure or all even.
_WIDEST = 20.0


@dataclass(frozen=True)
class Temperature:
    """Temperature scaling: each probability to the power ``1 / degrees``."""

    degrees: float

    name = "temperature"

    def __call__(self, outputs: Array) -> Array:
        """Return the adjusted outputs."""
        logs = np.log(np.maximum(outputs.astype(np.float64), _LEAST)) / self.degrees
        return normal(np.exp(logs - logs.max(axis=1, keepdims=True)))

    def values(self) -> float:
        """Return what was fitted, as JSON."""
        return self.degrees


def fit(y: Array, outputs: Array, score: Score) -> Temperature:
    """Return the temperature of the least log loss; y (n,) class indices, outputs (n, k) probabilities."""
    from scipy.optimize import minimize_scalar  # serving does without

    logs = np.log(np.maximum(outputs.astype(np.float64), _LEAST))
    right = logs[np.arange(len(y)), y]

    def loss(power: float) -> float:
        scaled = np.exp(power) * logs
        top = scaled.max(axis=1)
        return float(np.mean(top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - np.exp(power) * right))

    edge = float(np.log(_WIDEST))
    found = minimize_scalar(loss, bounds=(-edge, edge), method="bounded", options={"xatol": 1e-4})
    return Temperature(float(np.exp(-found.x)))


def make(values: object) -> Temperature:
    """Return the step that was stored as ``values``."""
    degrees = float(numbers(values, ()))
    if not 1 / (2 * _WIDEST) <= degrees <= 2 * _WIDEST:
        raise ValueError("a temperature is out of range")
    return Temperature(degrees)
