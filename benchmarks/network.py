"""Whether any command asks for the network, or writes into the user's folders: every family, every task, every command.

    python benchmarks/network.py [--budget 60s] [--only tag,doctor] [--out network.jsonl]

Each command is a fresh process under the filter of `watched.py`, with a home of its own, and lives on for 14 s after
onnxruntime was imported, which tries to report after ten. Prints a line for each: requested the network or not, files
outside of Penna's cache, the exit code, seconds. Bars: no attempt, no file, no other exit code than 0. Exit code 1
where one is missed. ``ORT_DISABLE_TELEMETRY=0`` in front of it shows what a failure looks like.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

WATCHED = Path(__file__).with_name("watched.py")
REPORTING = 14
#: Runs a command as ``penna`` does, and lives on until onnxruntime would have reported.
LASTING = f"""
import sys, time
from penna.cli import main
code = 0
try:
    main()
except SystemExit as left:
    code = left.code
if "onnxruntime" in sys.modules:
    time.sleep({REPORTING})
sys.exit(code)
"""
WORDS = {"money": ["card", "payment", "fee", "cash"], "film": ["film", "story", "actor", "scene"], "food": ["soup"] * 2}
FITS = {
    "linear": ("rows.csv", "--target", "label", "--families", "linear"),
    "trees": ("rows.csv", "--target", "label", "--families", "trees"),
    "frozen": ("rows.csv", "--target", "label", "--families", "frozen"),
    "contrastive": ("rows.csv", "--target", "label", "--families", "contrastive,linear"),
    "finetune": ("rows.csv", "--target", "label", "--families", "finetune,linear"),
    "multilabel": (
        "rows.csv",
        "--target",
        "labels",
        "--ignore-columns",
        "label",
        "--task",
        "multilabel",
        "--separator",
        "|",
    ),
    "regression": (
        "rows.csv",
        "--target",
        "price",
        "--ignore-columns",
        "label",
        "--ignore-columns",
        "labels",
        "--task",
        "regression",
    ),
    "token_classification": ("tags.jsonl",),
    "question_answering": ("squad.json",),
    "translation": ("corpus", "--source", "en", "--target", "de", "--task", "translation"),
}
#: Tasks whose answers are not explained.
PARTS = ("token_classification", "question_answering", "translation")


def write_rows(where: Path) -> None:
    """Small tables for every task, drawn from a seed."""
    draw = random.Random(0)
    lines, tags, articles, pairs = ["text,price,label,labels"], [], [], []
    for i in range(240):
        label = draw.choice(list(WORDS))
        words = [draw.choice(WORDS[label]) for _ in range(3)]
        lines.append(f"{' '.join(words)} number {i},{len(label) + draw.random():.2f},{label},{label}|{words[0]}")
        name = draw.choice(["Anna", "Omar"])
        tags.append(json.dumps({"tokens": ["here", name, *words], "ner_tags": ["O", "B-PER", "O", "O", "O"]}))
        context = f"{name} likes the {words[0]} of number {i}."
        answer = {"text": words[0], "answer_start": context.index(words[0])}
        asked = {"id": str(i), "question": f"What does {name} like?", "answers": [answer]}
        articles.append({"title": str(i), "paragraphs": [{"context": context, "qas": [asked]}]})
        pairs.append((f"the {words[0]} and the {words[1]} {i}", f"das {words[0]} und das {words[1]} {i}"))
    (where / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (where / "tags.jsonl").write_text("\n".join(tags) + "\n", encoding="utf-8")
    (where / "squad.json").write_text(json.dumps({"version": "1", "data": articles}), encoding="utf-8")
    for side, name in enumerate(("en", "de")):
        (where / f"corpus.{name}").write_text("\n".join(pair[side] for pair in pairs) + "\n", encoding="utf-8")
    (where / "plain.txt").write_text("\n".join(f"{en}. {de}." for en, de in pairs * 40), encoding="utf-8")


def commands(budget: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(what it is, the command's arguments), in an order in which each finds what it needs."""
    yield "doctor", ("doctor",)
    yield "check", ("check", "rows.csv", "--target", "label", "--budget", budget)
    for name, (data, *options) in FITS.items():
        run = f"run-{name}"
        yield name, ("fit", data, *options, "--budget", budget, "--out", run, "-q")
        yield name, ("evaluate", run, data)
        yield name, ("predict", run, data, "--out", f"{run}.csv")
        if name not in PARTS:
            yield name, ("explain", run, data, "--rows", "1", "--html", f"{run}.html")
        for command in ("leaderboard", "report", "verify"):
            yield name, (command, run)
    words = ("--vocab-size", "300", "--size", "tiny", "--layers", "2", "--hidden-size", "32", "--heads", "2")
    yield "pretrain", ("pretrain", "plain.txt", "--out", "pretrained", "--budget", budget, *words)
    yield "demo", ("demo", "--out", "demo", "--budget", budget)


def watch(where: Path, arguments: tuple[str, ...]) -> dict[str, object]:
    """Run one command; what it requested and what it left."""
    home, begun = where / "home", time.monotonic()
    variables = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run(
        [sys.executable, str(WATCHED), "-c", LASTING, *arguments], cwd=where, env=variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    left = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    ended = -done.returncode == signal.SIGSYS or done.returncode == 128 + signal.SIGSYS
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return {
        "asked": ended,
        "left": [name for name in left if not name.startswith("cache/penna/")],
        "code": done.returncode,
        "seconds": round(time.monotonic() - begun, 1),
        "said": last if done.returncode else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="60s", help="of each fit")
    parser.add_argument("--only", help="some of doctor, check, pretrain, demo and the fits, with commas")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    only = set(options.only.split(",")) if options.only else None
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        write_rows(where)
        for name, arguments in commands(options.budget):
            if only and name not in only:
                continue
            found = watch(where, arguments)
            bad = bool(found["asked"] or found["left"] or found["code"])
            missed += bad
            line = {"what": name, "command": " ".join(arguments[:2]), **found}
            print(f"{'MISSED' if bad else 'quiet ':6} {json.dumps(line)}", flush=True)
            if options.out:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    print(f"{missed} missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
