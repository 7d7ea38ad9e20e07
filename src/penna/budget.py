"""How much a search may spend: one shared deadline, and the ceilings for size and latency. Knows only the clock."""

import re
import time
from dataclasses import dataclass

from penna.errors import SettingError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_seconds(text: str | float) -> float:
    """Seconds from ``"30s"``, ``"10m"``, ``"1.5h"``, ``"90"`` or a number.

    >>> parse_seconds("10m")
    600.0
    """
    if isinstance(text, int | float):
        seconds = float(text)
    else:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|)\s*", text.lower())
        if not found:
            raise SettingError(f"budget {text!r} is not a time: write it like 30s, 10m or 1.5h.")
        seconds = float(found[1]) * _UNITS[found[2]]
    if not 5 <= seconds < 1e7:
        raise SettingError(f"a budget of {seconds:g} s cannot work: give at least 5s (and a finite number).")
    return seconds


@dataclass(frozen=True)
class Budget:
    """What the user allows: seconds for all, megabytes on disk, milliseconds for one text. None is no ceiling."""

    seconds: float = 600.0
    megabytes: float | None = None
    milliseconds: float | None = None

    def admits(self, megabytes: float | None, milliseconds: float | None) -> bool:
        """Whether something this big and this slow is inside the ceilings (unknown counts as inside)."""
        if self.megabytes is not None and megabytes is not None and megabytes > self.megabytes:
            return False
        return self.milliseconds is None or milliseconds is None or milliseconds <= self.milliseconds


class Deadline:
    """A moment on the monotonic clock. Every loop asks it how much is left; none keeps a clock of its own."""

    def __init__(self, seconds: float, started: float | None = None) -> None:
        self.seconds = seconds
        self.started = time.monotonic() if started is None else started

    def spent(self) -> float:
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds left; negative when over."""
        return self.seconds - self.spent()

    def over(self) -> bool:
        return self.left() <= 0

    def before(self, reserve: float) -> "Deadline":
        """The same deadline, ``reserve`` seconds earlier."""
        return Deadline(self.seconds - reserve, self.started)
