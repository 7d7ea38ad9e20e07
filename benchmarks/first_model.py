"""Seconds from process start to the first usable model on disk, and wall clock against the budget.

    python benchmarks/first_model.py DATA/banking77/train.csv.gz --target label --budget 30s [--encoder FOLDER]

Starts ``penna fit`` as a user would, watches the run folder, and prints when ``model/manifest.json`` appeared, when the
process ended, and by how much that was over the budget. Repeat with --runs; the medians count.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from penna.durations import parse_seconds


def run(args: argparse.Namespace) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "run"
        command = [sys.executable, "-m", "penna", "fit", args.data, "--target", args.target, "--budget", args.budget]
        command += ["--out", str(out), "--quiet"]
        command += ["--encoder", args.encoder] if args.encoder else []
        command += ["--families", args.families] if args.families else []
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        first = float("nan")
        while process.poll() is None:
            if first != first and (out / "model" / "manifest.json").exists():
                first = time.monotonic() - started
            time.sleep(0.02)
        wall = time.monotonic() - started
        if process.returncode or not (out / "report.html").exists():
            sys.exit(f"the run failed with exit code {process.returncode}")
        return first, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--target", default="label")
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--families", default="")
    parser.add_argument("--runs", type=int, default=1)
    args = parser.parse_args()
    seconds = parse_seconds(args.budget)
    firsts, walls = zip(*(run(args) for _ in range(args.runs)), strict=True)
    allowed = 1.03 * seconds + 3
    print(f"first model  {statistics.median(firsts):.2f} s (median of {args.runs}; largest {max(firsts):.2f})")
    print(f"wall clock   {statistics.median(walls):.2f} s of {seconds:g} (largest {max(walls):.2f}; bar {allowed:.1f})")


if __name__ == "__main__":
    main()
