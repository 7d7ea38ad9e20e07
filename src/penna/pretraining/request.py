"""The values that a pretraining begins with and returns."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from penna.pretraining.run_folder import Folder
from penna.pretraining.settings import Settings


class Progress(Protocol):
    """Receives events: ``phase`` (name), ``notice`` (message) and ``line`` (each figure of a log line by its name)."""

    def event(self, kind: str, **data: Any) -> None:
        """Take one event; ignore kinds that are not known."""


#: Called with the kind of an event and its data.
Notify = Callable[..., None]


@dataclass(frozen=True)
class PretrainRequest:
    """The request: files, the names they were given by, the folder, the settings and when it began (monotonic)."""

    files: list[Path]
    given: tuple[str, ...]
    folder: Folder
    requested: Settings
    resume: bool
    started: float


@dataclass(frozen=True)
class Outcome:
    """The result of a pretraining.

    Attributes
    ----------
    encoder : Path
        The folder of the encoder, in Hugging Face form.
    steps, tokens : int
        Optimizer steps and tokens so far, without padding.
    seconds : float
        Seconds of this run and of the runs before it.
    measures : mapping of str to float
        Losses and accuracies, over the last tenth of the log.
    why : str
        "done", or "interrupted" by a signal (the same call continues).
    signal : int
        The signal that interrupted the run.
    """

    encoder: Path
    steps: int
    tokens: int
    seconds: float
    measures: Mapping[str, float]
    why: str
    signal: int = signal.SIGINT
