"""Attacked artifacts of every family, and generated tables: what comes of them must be an answer or one sentence.

    python benchmarks/fuzz.py --count 5000 --tables 2000 --seed 0

Each case changes one thing in a small artifact (``tests/attacks.py``); in half of them, checksums and digest are made
anew, as whoever attacks would. A worker, a process of its own, opens it, lets it answer, explain, travel and be
verified, with 10 s and 2 GB for each case. Counted are raw errors (anything but a PennaError), hangs, aborts, memory in
excess, and, of artifacts whose digest was left as it was, answers that differ without a word.
"""

import argparse
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE)]
SECONDS, MEGABYTES = 10.0, 2048
#: What a case may end in; all others are faults.
FINE = ("refused", "answered")


class Worker:
    """A process that can be killed. It takes a case a line, and says a line of what came of it."""

    def __init__(self, home: Path, script: str = __file__) -> None:
        self.home, self.script = home, script
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
        if self.process is None or self.process.poll() is not None:
            self._start()
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case).encode() + b"\n")
        self.process.stdin.flush()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if select.select([self.process.stdout], [], [], 0.05)[0]:
                line = self.process.stdout.readline()
                if line:
                    return dict(json.loads(line))
                return self._ended("abort", f"ended with {self.process.wait()}")
            if _resident(self.process.pid) > 2 * MEGABYTES:
                return self._ended("memory", "more than twice the bound: killed")
        return self._ended("hang", f"no word for {SECONDS:g} s")

    def _start(self) -> None:
        given = [sys.executable, self.script, "--worker", str(self.home)]
        self.process = subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # it is ready

    def _ended(self, outcome: str, detail: str) -> dict[str, Any]:
        self.close()
        return {"outcome": outcome, "detail": detail}

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _resident(process: int) -> float:
    """Megabytes that a process holds now."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def work(home: Path) -> None:
    """The worker's side: one case after another."""
    import warnings

    from artifacts import Maker

    warnings.simplefilter("ignore")
    sound: dict[str, Any] = {}
    maker = Maker(home, home / "bert")
    said, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=said, flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here
        found = {"what": "", **_case(case, maker, sound)}
        if found["outcome"] in FINE and peak() > MEGABYTES:
            found["outcome"] = "memory"
        print(json.dumps({**found, "megabytes": peak()}), file=said, flush=True)


def peak() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))


def _case(case: dict[str, Any], maker: Any, sound: dict[str, Any]) -> dict[str, Any]:
    from attacks import attack, seal
    from penna import PennaError

    name, chance = case["name"], random.Random(f"{case['seed']} {case['number']}")
    rows = maker.rows(name)
    if name not in sound:
        sound[name] = _asked(maker.folder(name), rows)
    with tempfile.TemporaryDirectory(dir=maker.home) as home:
        folder = Path(home) / "model"
        shutil.copytree(maker.folder(name), folder)
        what = attack(folder, chance)
        if case["sealed"]:
            seal(folder)
        try:
            answers = _asked(folder, rows)
        except PennaError as error:
            one = "\n" not in str(error) and len(str(error)) < 2000
            return {"outcome": "refused" if one else "raw", "what": what, "detail": str(error)[:300]}
        except BaseException as error:  # all of it is what is looked for
            return {"outcome": "raw", "what": what, "detail": repr(error)[:300]}
    silent = not case["sealed"] and answers != sound[name]
    return {"outcome": "silent" if silent else "answered", "what": what, "other": answers != sound[name]}


def _asked(folder: Path, rows: Any) -> str:
    """Everything that one does with an artifact, as text."""
    import pickle

    import numpy as np

    from penna import TaskError, load, verify

    opened = load(folder)
    answers = list(opened.predict(rows))
    opened.to_flat_cells(answers)
    with suppress(TaskError):  # of answers that are no labels
        answers += np.round(opened.predict_proba(rows), 5).tolist()
    with suppress(TaskError):  # of answers that are neither labels nor numbers
        opened.explain(rows.take(np.arange(1)))
    verify(folder)
    if len(opened.classes) % 2:
        pickle.loads(pickle.dumps(opened))
    return repr(answers)


def cases(count: int, seed: int) -> Iterator[dict[str, Any]]:
    from artifacts import ROWS

    names = list(ROWS)
    for number in range(count):
        yield {"name": names[number % len(names)], "number": number, "seed": seed, "sealed": number // len(names) % 2}


def artifacts(count: int, seed: int, home: Path, log: Path) -> Counter[str]:
    """What came of so many attacks."""
    from artifacts import ROWS, Maker
    from conftest import _encoder

    if not (home / "bert").exists():
        (home / "bert").mkdir(parents=True)
        _encoder("bert", home / "bert")
    maker = Maker(home, home / "bert")
    for name in ROWS:
        maker.folder(name)
    found, worker = Counter[str](), Worker(home)
    with log.open("w") as lines:
        for case in cases(count, seed):
            end = worker(case)
            found[end["outcome"]] += 1
            found["sealed, and other answers"] += bool(end.get("other"))
            lines.write(json.dumps({**case, **end}) + "\n")
            if end["outcome"] not in FINE:
                print(json.dumps({**case, **end}), flush=True)
    worker.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="attacked artifacts")
    parser.add_argument("--tables", type=int, default=0, help="generated tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", type=Path, help="where artifacts are made, and kept for another run")
    parser.add_argument("--log", type=Path, default=Path("fuzz.jsonl"), help="a line for each case")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker)
        return
    with tempfile.TemporaryDirectory() as temporary:
        found = artifacts(given.count, given.seed, given.home or Path(temporary), given.log)
    print(json.dumps(dict(found.most_common())))
    wrong = sum(n for outcome, n in found.items() if outcome in ("raw", "hang", "abort", "memory", "silent"))
    if given.tables:
        import fuzz_tables

        wrong += fuzz_tables.run(given.tables, given.seed)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
