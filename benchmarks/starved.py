"""Fits next to other work: does the budget hold, and is what is served as good as the best finished trial?

A process of higher priority takes one core away at random moments. With ``--stop`` the fit is also stopped (SIGSTOP)
once for some seconds, which come off its wall clock.

    python benchmarks/starved.py DATA/trec6/train.csv.gz --encoder FOLDER --fits 10 --budget 30
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

#: Seconds for which the core is taken, and for which it is given back: from, to.
TAKEN, FREE = (1.0, 8.0), (0.5, 6.0)
SPIN = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass\n"


@contextlib.contextmanager
def thief(seed: int) -> Iterator[None]:
    """One core at a time is taken away at random moments."""
    over, rng = threading.Event(), random.Random(seed)

    def work() -> None:
        while not over.is_set():
            core = rng.randrange(os.cpu_count() or 1)
            hog = subprocess.Popen([sys.executable, "-c", SPIN, str(core)], preexec_fn=_urgent)
            over.wait(rng.uniform(*TAKEN))
            hog.kill()
            hog.wait()
            over.wait(rng.uniform(*FREE))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _urgent() -> None:
    with contextlib.suppress(PermissionError):
        os.nice(-19)


def stop_once(process: "subprocess.Popen[bytes]", after: float, seconds: float) -> None:
    """Stop the process once, for so many seconds."""
    time.sleep(after)
    if process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)


def fit(command: list[str], seed: int, stop: float, budget: float) -> tuple[float, int]:
    """Seconds on the clock, less those in which it was stopped, and the exit code of one fit."""
    with thief(seed):
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if stop:
            stop_once(process, random.Random(seed).uniform(0.2, 0.6) * budget, stop)
        code = process.wait()
        return time.monotonic() - begun - stop, code


def served(run: Path) -> tuple[str, float, float]:
    """What is served, its validation score, and that of the best finished trial, on the folds that both met.

    Trials are chosen by the mean less half a standard deviation; finalists are run again on folds that chose nobody,
    and then compared on all. A blend is scored on the first round, cross-fitted.
    """
    from penna.automl.selection import merged
    from penna.search import trials

    manifest = json.loads((run / "model" / "manifest.json").read_text())
    done = merged(trials.read(run / "trials.jsonl")[1])
    numbers = [m["trial"] for m in manifest["members"]]
    families = "+".join(sorted({m["recipe"]["family"] for m in manifest["members"]}))
    name = families + ("" if all(m["refitted"] for m in manifest["members"]) else " (kept)")
    if len(numbers) > 1:
        return name, manifest["validation"]["score"], max(t.scores[0] for t in done)
    mine = next(t for t in done if t.number == numbers[0])
    best = max((t for t in done if t.folds == mine.folds), key=lambda t: t.lower_score)
    return name, mine.lower_score, best.lower_score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--target", default="label")
    parser.add_argument("--encoder", action="append", default=[])
    parser.add_argument("--budget", type=float, default=30.0, help="seconds for each fit")
    parser.add_argument("--fits", type=int, default=10)
    parser.add_argument("--stop", type=float, default=0.0, help="seconds for which each fit is stopped once")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = []
    for i in range(args.fits):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command = [sys.executable, "-m", "penna", "fit", args.data, "--target", args.target, "--quiet"]
            command += ["--budget", f"{args.budget:g}s", "--out", str(run), "--seed", str(args.seed + i)]
            command += [part for name in args.encoder for part in ("--encoder", name)]
            wall, code = fit(command, args.seed + i, args.stop, args.budget)
            name, score, best = served(run) if code == 0 else ("-", float("nan"), float("nan"))
        rows.append({"fit": i, "exit": code, "seconds": wall, "served": name, "validation": score, "best trial": best})
        print(f"fit {i}: exit {code}, {wall:.1f} s of {args.budget:g}, {name} {score:.4f}, best trial {best:.4f}")
    walls = np.array([row["seconds"] for row in rows])
    worse = sum(row["validation"] < row["best trial"] - 1e-9 for row in rows)
    print(
        f"\nseconds: median {np.median(walls):.1f}, most {walls.max():.1f} of {args.budget:g}; served below the best "
    )
    print(f"finished trial: {worse} of {len(rows)}; failed: {sum(row['exit'] != 0 for row in rows)}")


if __name__ == "__main__":
    main()
