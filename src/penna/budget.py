"""Budgets: one shared deadline, and limits for size and latency. Knows only the clock."""

import math
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Budget:
    """The user's limits. None is no limit.

    Attributes
    ----------
    seconds : float
        Wall-clock seconds of the whole fit.
    max_size_mb : float, optional
        Megabytes of the artifact on disk.
    max_latency_ms : float, optional
        Milliseconds to predict one text.
    """

    seconds: float = 600.0
    max_size_mb: float | None = None
    max_latency_ms: float | None = None

    def admits(self, megabytes: float | None, milliseconds: float | None) -> bool:
        """Return whether this size and latency are within the limits; unknown values count as within."""
        if self.max_size_mb is not None and megabytes is not None and megabytes > self.max_size_mb:
            return False
        return self.max_latency_ms is None or milliseconds is None or milliseconds <= self.max_latency_ms


#: The time, on the monotonic clock, by which this process must finish; a signal may set it.
_end = math.inf


def finish_within(seconds: float) -> None:
    """Limit every deadline of this process to this many seconds from now."""
    global _end
    _end = min(_end, time.monotonic() + seconds)


class Deadline:
    """A point in time on the monotonic clock. Every loop checks it; none keeps a clock of its own.

    Parameters
    ----------
    seconds : float
        Seconds from the start.
    started : float, optional
        The start on the monotonic clock. Default: now.
    reserve : float
        Seconds between this deadline and the time by which everything must finish.
    """

    def __init__(self, seconds: float, started: float | None = None, reserve: float = 0.0) -> None:
        self.seconds = seconds
        self.started = time.monotonic() if started is None else started
        self.reserve = reserve

    def __str__(self) -> str:
        return f"{self.seconds:g}s"

    def spent(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Return the seconds left; negative after the deadline."""
        return min(self.seconds - self.spent(), _end - time.monotonic() - self.reserve)

    def over(self) -> bool:
        """Return whether the deadline has passed."""
        return self.left() <= 0

    def before(self, reserve: float) -> "Deadline":
        """Return a deadline that is ``reserve`` seconds earlier."""
        return Deadline(self.seconds - reserve, self.started, self.reserve + reserve)


@dataclass(frozen=True)
class Resources:
    """Resources of a fit: a folder for caches, a deadline, a number of threads."""

    cache: Path
    deadline: Deadline
    threads: int


class OutOfTime(Exception):
    """The deadline passed before the fit had a usable result."""
