"""What of this machine this process may use: in a container, less than there is; and beside other work, less again."""

import os
import threading
import time
from collections import deque
from pathlib import Path

#: A piece of work for one core, in additions that wait for one another: no library makes it quicker.
_ADDITIONS, _TIMES = 1 << 15, 100
#: Seconds that it takes on a quiet machine (Xeon, 2.6 GHz).
_QUIET = 8e-3
#: Seconds for which a measurement holds, and how many are averaged: other work comes and goes.
_FRESH, _KEPT = 2.0, 4
#: No machine is counted as slower: a process that was stopped for a while would look so.
_SLOWEST = 6.0

_measured: deque[tuple[float, float]] = deque(maxlen=_KEPT)  # when, and how many times as long as on a quiet machine


def cores() -> int:
    """Cores that this process may use, which in a container can be fewer than there are."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _first_line("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        allowed = min(allowed, max(int(quota) // int(period), 1))
    return allowed


def memory() -> int | None:
    """Bytes that this process may use, None where the system does not say."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _first_line("/sys/fs/cgroup/memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def process_age() -> float:
    """Seconds since this process was started; 0 where the system does not say."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # since the machine was booted
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def contention() -> float:
    """How many times as long as on a quiet machine work on all cores takes just now, from 1 to 6.

    All cores are timed at once, since other work may hold one of them; the mean of the last few measurements counts.
    """
    now = time.monotonic()
    if not _measured or now - _measured[-1][0] > _FRESH:
        _measured.append((now, min(max(_slowest() / _QUIET, 1.0), _SLOWEST)))
    return sum(times for _, times in _measured) / len(_measured)


def _slowest() -> float:
    """Seconds that the slowest core takes for the same piece of work."""
    import numpy as np

    ones, taken = np.ones(_ADDITIONS), [0.0] * cores()

    def work(i: int) -> None:
        out, begun = np.empty_like(ones), time.perf_counter()
        for _ in range(_TIMES):
            np.cumsum(ones, out=out)  # which lets the other threads run
        taken[i] = time.perf_counter() - begun

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(taken))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(taken)


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
