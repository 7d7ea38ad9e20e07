"""What of this machine this process may use: in a container, less than there is; and next to other work, less again."""

import os
import threading
import time
from collections import deque
from pathlib import Path

#: A piece of work for one core: additions that wait for one another, so that no library makes it quicker.
_ADDITIONS = 1 << 15
#: Seconds that a piece takes on a quiet machine (Xeon, 2.6 GHz), and for which all cores are kept at it.
_QUIET, _WINDOW = 8e-5, 0.015
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

    It is what all cores together get done that counts: where other work holds one of two, it is 2. The mean of the last
    few measurements is given, since other work comes and goes.
    """
    now = time.monotonic()
    if not _measured or now - _measured[-1][0] > _FRESH:
        _measured.append((now, min(max(1 / max(_share(), 1e-3), 1.0), _SLOWEST)))
    return sum(times for _, times in _measured) / len(_measured)


def _share() -> float:
    """How much of the work of a quiet machine all cores get done in a moment."""
    import numpy as np

    ones, done, go = np.ones(_ADDITIONS), [0] * cores(), threading.Event()
    over = [0.0]

    def work(i: int) -> None:
        out = np.cumsum(ones)  # warm
        go.wait()
        while time.perf_counter() < over[0]:
            np.cumsum(ones, out=out)  # which lets the other threads run
            done[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(done))]
    for thread in threads:
        thread.start()
    over[0] = time.perf_counter() + _WINDOW
    go.set()
    for thread in threads:
        thread.join()
    return sum(done) * _QUIET / (_WINDOW * len(done))


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
