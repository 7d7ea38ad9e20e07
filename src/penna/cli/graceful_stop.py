"""Signals at the command line: the first one lets a fit finish with the best so far, the second ends at once.

``raised`` surrounds every command: SIGTERM and SIGHUP end it as Ctrl-C does, so that unfinished files are removed.
``Stopping`` surrounds a fit: SIGINT, SIGTERM or SIGHUP interrupt its search, and the rest has the seconds of the grace.
If they do not suffice, the process ends, and the best model so far lies in the run folder. Signals that are ignored
when Penna starts (nohup, a job in the background) stay ignored.
"""

import contextlib
import os
import signal
import stat
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from penna import budget, signals
from penna.errors import PennaError, SettingError

#: Of them, what is kept for leaving: reports are written, libraries end their threads.
_LEAVING = 1.0
_SHOW_CURSOR = b"\x1b[?25h"


def seconds(grace: str) -> float:
    """Seconds of a grace that is written like a budget: 8, 8s, 2m. Raises SettingError."""
    from penna.durations import duration

    found = duration(grace)
    if found is None or not 0 < found < threading.TIMEOUT_MAX:
        raise SettingError(f"--grace {grace!r} is not a time: write it like 8s or 2m.")
    return found


class Interrupted(KeyboardInterrupt):
    """A signal requested an end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def code_of(error: KeyboardInterrupt) -> int:
    """Return the exit code of what a signal ended, as shells have it: 128 and its number."""
    return 128 + getattr(error, "number", signal.SIGINT)


def raised() -> contextlib.AbstractContextManager[tuple[int, ...]]:
    """While this is entered, SIGTERM and SIGHUP raise Interrupted."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _leave_terminal(number)
        raise Interrupted(number)

    return signals.handled(interrupt, tuple(n for n in signals.ENDING if n != signal.SIGINT))


class Stopping:
    """Listens to signals, and to the events of a fit, which say whether there is a search to be interrupted.

    ``progress``, where it is set, hears the events as well. ``taken`` is the signal that came, or None.
    """

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.progress: Any = None
        self.taken: int | None = None
        self._finishing = False
        self._timer: threading.Timer | None = None
        self._numbers: tuple[int, ...] = ()
        self._held = contextlib.ExitStack()

    def event(self, kind: str, **data: Any) -> None:
        """Hear an event, and tell it on."""
        if kind == "searched":
            self._finishing = True
        if self.progress is not None:
            self.progress.event(kind, **data)

    def __enter__(self) -> "Stopping":
        self._numbers = self._held.enter_context(signals.handled(self._take))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._held.close()
        if self.taken is not None and isinstance(error, PennaError):  # there was too little to finish with
            raise Interrupted(self.taken) from error

    def leave(self) -> None:
        """After a signal, end the process here, with all written: libraries may take seconds to end by themselves."""
        if self.taken is not None:
            sys.stdout.flush()
            os._exit(0)

    def _take(self, number: int, frame: FrameType | None) -> None:
        for each in self._numbers:
            signal.signal(each, signal.SIG_DFL)  # the second one ends at once, whatever runs
        self.taken = number
        _leave_terminal(number)
        _say(f"{signal.Signals(number).name}: finishing within {self.grace:g} s; once more ends at once")
        budget.finish_within(max(0.0, self.grace - _LEAVING))
        self._timer = threading.Timer(self.grace, _end, (number, self.grace))
        self._timer.daemon = True
        self._timer.start()
        if not self._finishing:
            raise Interrupted(number)


def _end(number: int, grace: float) -> None:
    _say(f"error: not finished within {grace:g} s: the best model so far, if any, is in the run folder; "
         "the same command with --resume goes on")  # fmt: skip
    os._exit(128 + number)  # model folders appear whole or not at all, so there is nothing to be put in order


def _say(text: str) -> None:
    """Write a line on stderr, past its buffer: a signal may come while that is written."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _leave_terminal(number: int) -> None:
    """Show the cursor again; after SIGHUP there is no terminal any more, and writing to it would be an error."""
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            if number == getattr(signal, "SIGHUP", None) and not os.isatty(stream) and _was_terminal(stream):
                os.dup2(os.open(os.devnull, os.O_RDWR), stream)
            elif stream == 2 and os.isatty(stream):
                os.write(stream, _SHOW_CURSOR)


def _was_terminal(stream: int) -> bool:
    """Whether this is a device like a terminal, and not /dev/null and the like."""
    kind = os.fstat(stream)
    return stat.S_ISCHR(kind.st_mode) and kind.st_rdev != Path(os.devnull).stat().st_rdev
