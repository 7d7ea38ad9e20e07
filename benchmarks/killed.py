"""Fits that are killed (kill -9) at a random moment, and the same command again with ``--resume``.

What must hold: the second run finishes within the rest of the budget, repeats no finished trial, and at every moment
``model/`` opens if it is there.

    python benchmarks/killed.py DATA/trec6/train.csv.gz --kills 50 --budget 15
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

#: Beyond the rest of the budget, the seconds that a resumed run may take.
SPARE = 5.0


def opens(run: Path) -> bool:
    """Whether ``model/`` is not there, or opens in a process of its own and answers."""
    if not (run / "model").exists():
        return True
    code = "import sys; from penna import load; load(sys.argv[1]).predict(['a text'])"
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code, run], capture_output=True).returncode == 0


def trials_of(run: Path) -> list[object]:
    from penna.search import trials

    return list(trials.read(run / "trials.jsonl")[1]) if trials.begun(run) else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--target", default="label")
    parser.add_argument("--encoder", action="append", default=[])
    parser.add_argument("--families", default="linear,frozen")
    parser.add_argument("--budget", type=float, default=15.0)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, over, faults = random.Random(args.seed), [], []
    for i in range(args.kills):
        with tempfile.TemporaryDirectory() as folder:
            run, after = Path(folder) / "run", rng.uniform(0.2, args.budget * 0.98)
            command = [sys.executable, "-m", "penna", "fit", args.data, "--target", args.target, "--quiet"]
            command += ["--budget", f"{args.budget:g}s", "--out", str(run), "--families", args.families, "--resume"]
            command += [part for name in args.encoder for part in ("--encoder", name)]
            begun = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            killed = time.monotonic() - begun
            before, sound = trials_of(run), opens(run)
            begun = time.monotonic()
            code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
            seconds = time.monotonic() - begun
            done = trials_of(run)
            again = [t.proposal_key for t in done]  # type: ignore[attr-defined]
            rest = max(0.0, args.budget - killed)
            over.append(seconds - rest)
            wrong = [
                name
                for name, bad in {
                    "model/ does not open": not sound or not opens(run) or not (run / "model").exists(),
                    f"exit code {code}": code != 0,
                    "a finished trial is gone": done[: len(before)] != before,
                    "a proposal was tried twice": len(set(again)) < len(again),
                    "late": over[-1] > SPARE,
                }.items()
                if bad
            ]
            faults += wrong
            print(
                f"{i}: killed after {killed:.1f} s with {len(before)} trials; resumed: {seconds:.1f} s of {rest:.1f}, "
                f"{len(done)} trials{'; ' if wrong else ''}{', '.join(wrong)}",
                flush=True,
            )
    print(f"\nseconds beyond the rest of the budget: median {np.median(over):.1f}, most {max(over):.1f}")
    print(f"faults: {len(faults)} in {args.kills} kills ({', '.join(sorted(set(faults))) or 'none'})")


if __name__ == "__main__":
    main()
