"""How much a search may spend: one shared deadline, and the ceilings for size and latency. Knows only the clock."""

import math
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Budget:
    """What the user allows: seconds for all, megabytes on disk, milliseconds for one text. None is no ceiling."""

    seconds: float = 600.0
    max_size_mb: float | None = None
    max_latency_ms: float | None = None

    def admits(self, megabytes: float | None, milliseconds: float | None) -> bool:
        """Whether something this big and this slow is inside the ceilings (unknown counts as inside)."""
        if self.max_size_mb is not None and megabytes is not None and megabytes > self.max_size_mb:
            return False
        return self.max_latency_ms is None or milliseconds is None or milliseconds <= self.max_latency_ms


#: The moment by which this process must have finished, on the monotonic clock: a signal may ask for that at any time.
_end = math.inf


def finish_within(seconds: float) -> None:
    """Limit every deadline of this process to this many seconds from now."""
    global _end
    _end = min(_end, time.monotonic() + seconds)


class Deadline:
    """A moment on the monotonic clock. Every loop asks it how much is left; none keeps a clock of its own.

    ``reserve`` are seconds that it is before the moment by which all must have finished.
    """

    def __init__(self, seconds: float, started: float | None = None, reserve: float = 0.0) -> None:
        self.seconds = seconds
        self.started = time.monotonic() if started is None else started
        self.reserve = reserve

    def __str__(self) -> str:
        return f"{self.seconds:g}s"

    def spent(self) -> float:
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds left; negative when over."""
        return min(self.seconds - self.spent(), _end - time.monotonic() - self.reserve)

    def over(self) -> bool:
        return self.left() <= 0

    def before(self, reserve: float) -> "Deadline":
        """Return the same deadline, ``reserve`` seconds earlier."""
        return Deadline(self.seconds - reserve, self.started, self.reserve + reserve)


@dataclass(frozen=True)
class Resources:
    """What a fit may use: a folder for caches, a deadline to obey, a number of threads."""

    cache: Path
    deadline: Deadline
    threads: int


class OutOfTime(Exception):
    """The deadline came before the fit had anything usable."""
