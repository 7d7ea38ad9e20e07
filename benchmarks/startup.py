"""How long Penna takes to start: ``import penna`` and ``penna --help``, and what they load. Fresh processes, medians.

    python benchmarks/startup.py [--runs 10] [--json]

Bars: import penna <= 0.3 s, penna --help <= 0.5 s, neither loads torch. Exit code 1 where one is missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": (["-c", "pass"], None),
    "import penna": (["-c", "import penna"], 0.3),
    "penna --help": (["-m", "penna", "--help"], 0.5),
    "penna fit --help": (["-m", "penna", "fit", "--help"], None),
}
HEAVY = ("torch", "transformers", "sklearn", "scipy", "pandas", "pyarrow", "numpy", "onnxruntime", "optuna", "rich")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {name: seconds(arguments, options.runs) for name, (arguments, _) in COMMANDS.items()}
    loaded = {"import penna": loaded_by("import penna"), "penna --help": loaded_by("import penna.cli")}
    if options.json:
        print(json.dumps({"seconds": figures, "loaded": loaded}, indent=2))
    else:
        for name, (_, bar) in COMMANDS.items():
            print(f"{name:18} {figures[name]:.3f} s" + (f"   (bar {bar} s)" if bar else ""))
        for name, modules in loaded.items():
            print(f"{name:18} loads of {', '.join(HEAVY)}: {', '.join(modules) or 'none'}")
    missed = [name for name, (_, bar) in COMMANDS.items() if bar and figures[name] > bar]
    sys.exit(1 if missed or any("torch" in modules for modules in loaded.values()) else 0)


def seconds(arguments: list[str], runs: int) -> float:
    """Median wall-clock seconds of a fresh process, after one run that warms the disk."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def loaded_by(code: str) -> list[str]:
    """Which of the heavy modules a fresh process holds after this code."""
    ask = f"{code}; import sys; print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    return subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.split()


if __name__ == "__main__":
    main()
