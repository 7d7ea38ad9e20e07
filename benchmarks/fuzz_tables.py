"""Generated tables of many shapes, formats, encodings, compressions and kinds of damage: read, checked, and answered.

    python benchmarks/fuzz_tables.py --count 2000 --seed 0

Each table is drawn from its number alone (``_tables.py``). A worker, a process of its own, reads, checks, evaluates
and answers it, with 10 s and 2 GB for all of that. Counted are raw errors (anything but a PennaError in a line), hangs,
aborts, memory in excess, and, of tables that were not damaged, rows that were lost or texts that were changed without a
word. Exit code 1 where there is any.
"""

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from _tables import Drawn, drawn
from fuzz import FINE, MEGABYTES, Worker, peak

_LONGEST_MESSAGE = 2000
#: Seconds for the checks of a table: models of labels are not what is looked at.
_CHECKING = 1.5


def run(count: int, seed: int, home: Path | None = None, log: Path | None = None) -> int:
    """How many of so many tables came to a wrong end."""
    with tempfile.TemporaryDirectory() as temporary:
        place = home or Path(temporary)
        _model(place)
        worker, found, ended = Worker(place, __file__), Counter[str](), list[str]()
        for number in range(count):
            end = {"number": number, **worker({"number": number, "seed": seed})}
            found[end["outcome"]] += 1
            ended.append(json.dumps(end))
            if end["outcome"] not in FINE:
                print(ended[-1], flush=True)
        worker.close()
    if log is not None:
        log.write_text("\n".join(ended) + "\n")
    print(json.dumps(dict(found.most_common())))
    return sum(n for outcome, n in found.items() if outcome not in FINE)


def _model(home: Path) -> None:
    """What answers the tables."""
    from penna import AutoText

    if not (home / "run" / "model").exists():
        texts = [f"{word} words number {i}" for i in range(40) for word in ("good", "bad")]
        AutoText(budget=15, families=("linear",), out=home / "run").fit(texts, ["a", "b"] * 40)


def work(home: Path) -> None:
    """The worker's side: one table after another."""
    from penna import load

    warnings.simplefilter("ignore")
    model = load(home / "run")
    said, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=said, flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here
        with tempfile.TemporaryDirectory(dir=home) as folder:
            table = drawn(case["seed"], case["number"], Path(folder))
            found = _tried(table, model)
        found["outcome"] = "memory" if found["outcome"] in FINE and peak() > MEGABYTES else found["outcome"]
        print(json.dumps({**found, "what": table.what, "megabytes": peak()}), file=said, flush=True)


def _tried(table: Drawn, model: Any) -> dict[str, Any]:
    """Everything that one does with a table; the first wrong end."""
    from penna.errors import PennaError

    steps, ends = (("read", _read), ("predict", _predict), ("evaluate", _evaluate), ("check", _check)), list[str]()
    for name, step in steps:
        try:
            wrong = step(table, model)
        except PennaError as error:
            short = "\n" not in str(error) and len(str(error)) < _LONGEST_MESSAGE
            wrong = "" if short else f"a message of {len(str(error))} characters: {str(error)[:200]!r}"
            ends.append(f"{name}: {str(error)[:150]}")
        except BaseException as error:  # all of it is what is looked for
            wrong = f"raw: {error!r}"[:300]
        if wrong:
            kind = "lost" if wrong.startswith("lost") else "raw"
            return {"outcome": kind, "detail": f"{name}: {wrong}"}
    return {"outcome": "refused" if len(ends) == len(steps) else "answered", "detail": "; ".join(ends)[:300]}


def _read(table: Drawn, model: Any) -> str:
    from penna.data import readers

    found, findings = readers.read(table.path, target=table.target, need_target=table.target is not None)
    if table.damaged or findings:
        return ""
    if len(found) != len(table.texts):
        return f"lost: {len(found)} of {len(table.texts)} rows, and no finding"
    texts = next(iter(found.text.values())).tolist()
    changed = [i for i, (a, b) in enumerate(zip(texts, table.texts, strict=True)) if a != b]
    return f"lost: text {changed[0]} is {texts[changed[0]][:60]!r}" if changed and table.plain else ""


def _predict(table: Drawn, model: Any) -> str:
    from penna.inference.batch_predict import predict_file

    out = table.path.with_name("out.jsonl")
    rows, findings = predict_file(model, table.path, out)
    written = out.read_text(encoding="utf-8").count("\n")
    if rows != written:
        return f"lost: {written} lines for {rows} rows"
    if table.damaged or findings or rows == len(table.texts):
        return ""
    return f"lost: {rows} answers to {len(table.texts)} rows, and no finding"


def _evaluate(table: Drawn, model: Any) -> str:
    model.evaluate(table.path, target=table.target)
    return ""


def _check(table: Drawn, model: Any) -> str:
    from penna.automl.data_check import check
    from penna.budget import Deadline

    check(table.path, table.target, budget=Deadline(_CHECKING))
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="generated tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", type=Path, help="where the model is made, and kept for another run")
    parser.add_argument("--log", type=Path, help="a line for each table")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker)
        return
    sys.exit(bool(run(given.count, given.seed, given.home, given.log)))


if __name__ == "__main__":
    main()
