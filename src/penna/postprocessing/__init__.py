"""Post-processing steps: thresholds and calibration, fitted on predictions for rows that no model was fitted on."""

from penna.postprocessing.base import (
    CALLS,
    ROOM,
    Adjustment,
    Score,
    StepType,
    apply,
    from_json,
    kinds,
    normal,
    numbers,
    same,
    suits,
    to_json,
)

__all__ = [
    "CALLS",
    "ROOM",
    "Adjustment",
    "Score",
    "StepType",
    "apply",
    "from_json",
    "kinds",
    "normal",
    "numbers",
    "same",
    "suits",
    "to_json",
]
