"""What the scripts share: files of results, ``penna fit`` as its users run it, the arguments that most of them take.

Nothing here knows what is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from penna import AutoText


def parser(doc: str | None, out: str, **usual: Any) -> argparse.ArgumentParser:
    """A parser of --data, --encoder, --seeds, --threads, --out, --table, and --budget where ``usual`` has one."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data")
    made.add_argument("--encoder", default="")
    if "budget" in usual:
        made.add_argument("--budget")
    made.add_argument("--seeds", nargs="*", type=int, default=[0])
    made.add_argument("--threads", type=int, default=2, help="cores to use; all if 0")
    made.add_argument("--out", type=Path, default=Path(out))
    made.add_argument("--table", type=Path, help="print the results that this file holds, as a table")
    made.set_defaults(**usual)
    return made


def read(file: Path) -> list[dict[str, Any]]:
    """The lines of a file of results; none where there is no file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Lines:
    """A file of results: what is in it already need not be computed again."""

    def __init__(self, file: Path) -> None:
        self.file, self.done = file, read(file)

    def has(self, key: Mapping[str, Any]) -> bool:
        return any(all(line.get(k) == v for k, v in key.items()) for line in self.done)

    def add(self, line: dict[str, Any]) -> None:
        print(json.dumps(line), flush=True)
        self.done.append(line)
        with self.file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


def rows(data: str, name: str, part: str) -> pd.DataFrame:
    """The train or test rows of a set, each cell as the file has it."""
    return pd.read_csv(Path(data) / name / f"{part}.csv.gz", keep_default_na=False, dtype=str)


def auto(args: argparse.Namespace, seed: int, **asked: Any) -> AutoText:
    """Of the arguments that all know; encoders are searched where one is named."""
    given = {"families": ("linear", "frozen", "finetune") if args.encoder else ("linear",), **asked}
    encoders = (args.encoder,) if args.encoder else ()
    return AutoText(args.budget, encoders=encoders, random_state=seed, n_jobs=args.threads or None, **given)


@dataclass(frozen=True)
class Ran:
    """A fit in a process of its own: its folder, what its artifact says, its seconds and the most memory it held."""

    out: Path
    manifest: dict[str, Any]
    wall: float
    gigabytes: float

    @property
    def facts(self) -> dict[str, Any]:
        """What a line of results says of any fit."""
        return {
            "wall": round(self.wall, 2),
            "peak_gb": round(self.gigabytes, 2),
            "megabytes": self.manifest["megabytes"],
            "one_text_ms": self.manifest["latency"]["one_text_ms"],
            "recipe": self.manifest["recipe"],
        }


def fitted(home: str, *arguments: Any) -> Ran:
    """``penna fit`` with these arguments, into a folder in ``home``. Raises CalledProcessError where it fails."""
    out = Path(home) / "run"
    command = [*map(str, (sys.executable, "-m", "penna", "fit", *arguments, "--out", out, "--quiet"))]
    # A cache of its own: nothing computed by an earlier run is reused.
    environment = {**os.environ, "PENNA_CACHE": str(Path(home) / "cache")}
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    return Ran(out, json.loads((out / "model" / "manifest.json").read_text()), wall, usage.ru_maxrss / 1e6)
