"""The folder and the time limits of a run, and the listener to its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from penna.budget import Deadline, Resources

#: Values of ``precision``.
FP32, INT8, AUTO = "fp32", "int8", "auto"


class Progress(Protocol):
    """Receives the events of a fit."""

    def event(self, kind: str, **data: Any) -> None:
        """Receive one event; docs/architecture.md lists the kinds."""
        ...


@dataclass(frozen=True)
class RunLimits:
    """The folder of a run, and the time that it must leave for the steps after the search.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    deadline : Deadline
        End of the fit, without ``report_seconds``.
    resources : Resources
        Cache folder, deadline and threads of every fit.
    test_rows : int
        Rows that the final model predicts.
    facts : mapping
        Entries of every artifact's manifest.
    report_seconds, postprocess_seconds : float
        Seconds for column importances after the deadline, and for post-processing steps before it.
    runner, exporter : str
        Names of the runner in ``search/runners`` that runs the trials, and of the exporter in ``export`` that writes
        encoders.
    precision : str
        "fp32", "int8", or "auto": int8 if it costs less than ``tolerance``.
    tolerance : float
        Points of the metric.
    """

    folder: Path
    deadline: Deadline
    resources: Resources
    test_rows: int
    facts: Mapping[str, Any]
    report_seconds: float = 0.0
    postprocess_seconds: float = 0.0
    runner: str = "local"
    exporter: str = "onnx"
    precision: str = FP32
    tolerance: float = 0.5
