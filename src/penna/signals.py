"""Signals that request a process to end, and temporary handlers for them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C, the signal of supervisors, and that of a closed terminal; some systems lack the last.
ENDING: tuple[int, ...] = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))


@contextmanager
def handled(
    handler: Callable[[int, FrameType | None], None], numbers: tuple[int, ...] = ENDING
) -> Iterator[tuple[int, ...]]:
    """Install a handler for these signals, and yield the ones that it handles.

    Ignored signals remain ignored: nohup and shells that put a job into the background rely on that. Python delivers
    signals to the main thread only, so nothing changes from another thread.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        active = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, handler) for number in active}
    try:
        yield tuple(before)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
