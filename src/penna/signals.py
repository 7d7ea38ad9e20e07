"""Signals that ask a process to end, and who takes them for a while. A leaf: knows the system alone."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C, what supervisors send, and what a terminal sends that is closed; some systems lack the last.
ENDING: tuple[int, ...] = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))


@contextmanager
def handled(
    handler: Callable[[int, FrameType | None], None], numbers: tuple[int, ...] = ENDING
) -> Iterator[tuple[int, ...]]:
    """Yield the handler takes these signals; yields those that it does take.

    Signals that are ignored stay so: nohup and shells that put a job into the background mean it. Python hands signals
    to the main thread alone: nothing is changed from another.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, handler) for number in taken}
    try:
        yield tuple(before)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
