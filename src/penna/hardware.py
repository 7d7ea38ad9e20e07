"""The resources that this process may use: limits of containers, and the load of other processes."""

import os
import threading
import time
from collections import deque
from pathlib import Path

#: Instruction sets with dot products of int8, on x86 and on Arm.
INT8_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
#: A task for one core: additions that depend on one another, so that no library can speed it up.
_ADDITIONS = 1 << 15
#: Seconds of such a task on an idle machine (Xeon, 2.6 GHz), and seconds of one measurement on all cores.
_QUIET, _WINDOW = 8e-5, 0.015
#: Seconds for which a measurement is valid, and the number to average: the load varies.
_FRESH, _KEPT = 2.0, 4
#: The maximum slowdown: a process that was stopped for a while would look slower.
_SLOWEST = 6.0

_measured: deque[tuple[float, float]] = deque(maxlen=_KEPT)  # when, and how many times as long as on a quiet machine


def cores() -> int:
    """Return the number of cores that this process may use; a container may limit them."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _first_line("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        allowed = min(allowed, max(int(quota) // int(period), 1))
    return allowed


def instruction_sets() -> frozenset[str]:
    """Return the instruction sets that /proc/cpuinfo names; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    names = (line.partition(":") for line in lines)
    return frozenset(next((v for k, _, v in names if k.strip() in ("flags", "Features")), "").split())


def int8_products() -> bool | None:
    """Return whether this processor has int8 dot products; None if the system does not tell."""
    known = instruction_sets()
    return bool(known & INT8_PRODUCTS) if known else None


def memory() -> int | None:
    """Return the bytes of memory that this process may use, None if unknown."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _first_line("/sys/fs/cgroup/memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def process_age() -> float:
    """Return the seconds since the start of this process; 0 if unknown."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # since boot
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def contention() -> float:
    """Return the slowdown of work on all cores, compared with an idle machine, from 1 to 6.

    It measures the work of all cores together: if other work holds one of two, it is 2. The result is the mean of the
    last few measurements, since the load varies.
    """
    now = time.monotonic()
    if not _measured or now - _measured[-1][0] > _FRESH:
        _measured.append((now, min(max(1 / max(_share(), 1e-3), 1.0), _SLOWEST)))
    return sum(times for _, times in _measured) / len(_measured)


def _share() -> float:
    """Return the share of an idle machine's work that all cores now complete."""
    import numpy as np

    ones, done, go = np.ones(_ADDITIONS), [0] * cores(), threading.Event()
    over = [0.0]

    def work(i: int) -> None:
        out = np.cumsum(ones)  # warm
        go.wait()
        while time.perf_counter() < over[0]:
            np.cumsum(ones, out=out)  # releases the lock for the other threads
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
