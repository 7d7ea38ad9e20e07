"""What of this machine may be used."""

import os
import subprocess
import sys

import pytest

from penna import hardware


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not bind processes to cores")
def test_a_process_bound_to_one_core_counts_one() -> None:
    bound = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    told = "from penna import hardware as machine; print(machine.cores())"
    done = subprocess.run([sys.executable, "-c", f"{bound}; {told}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_there_is_at_least_one_core_and_some_memory() -> None:
    assert 1 <= hardware.cores() <= (os.cpu_count() or 1)
    assert (hardware.memory() or 1 << 20) >= 1 << 20


def test_a_process_knows_how_long_it_runs():
    code = "import time; time.sleep(0.2); from penna import hardware as machine; print(machine.process_age())"
    age = float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 0.2 <= age < hardware.process_age() + 60


def test_contention_is_a_factor_from_one_on():
    assert 1 <= hardware.contention() <= 6
