"""Readers that go away, closed streams, full disks: an exit code and a sentence, never a traceback."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from penna import tasks
from penna.artifact import bundle
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.models.linear import family as linear
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial, TrialLog

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a model and many trials, and rows for it."""
    folder = tmp_path_factory.mktemp("streams")
    texts = np.array([f"{word} film {i}" for i in range(20) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, target=np.array(["pos", "neg"] * 20, dtype=object), rows=np.arange(1, 41))
    task, recipe = tasks.find("auto", table), linear.portfolio(DatasetProfile(40, 2, 20, 10.0))[0]
    model = linear.fit(recipe, task, table, None, Resources(folder, Deadline(60), 1), lambda *_: True)
    ledger = TrialLog(folder / "run", {"metric": "accuracy"})
    for number in range(800):
        ledger.append(Trial(Recipe.of("linear", c=float(number)), State.COMPLETE, folds=(0,), scores=(0.9,)))
    facts = {"text_columns": ["text"], "target": "label"}
    bundle.write(folder / "run" / "model", task, "linear", model, facts)
    rows = [f"{text},{label}" for text, label in zip(texts, table.target, strict=True)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *rows * 60]) + "\n", encoding="utf-8")
    return folder


def shell(where: Path, line: str) -> tuple[int, str, str]:
    """A line of bash in which ``penna`` is the command; the exit code is that of the first part of a pipe."""
    penna = f'penna() {{ "{sys.executable}" -m penna "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", penna], cwd=where, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


#: What a fit tells while it works.
TELLING = """
from penna.budget import Deadline
from penna.cli import standard_streams as streams
from penna.terminal.progress import Console
streams.settle()
with Console(Deadline(60)) as progress:
    for number in range(2000):
        progress.event("phase", name=f"step {number}")
print("done")
"""
COMMANDS = (
    "evaluate run rows.csv",
    "evaluate run rows.csv --json",
    "predict run rows.csv",
    "explain run rows.csv --rows 40",
    "leaderboard run",
    "leaderboard run --json",
    "verify run",
    "fit --help",
    "--version",
)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_goes_away_ends_a_command_with_141(where: Path, command: str) -> None:
    # The reader is gone before anything is written.
    code, _, warned = shell(where, f"penna {command} 2>err | true")
    assert (code, warned) == (141, "")
    assert "Traceback" not in (where / "err").read_text("utf-8")
    assert "Exception ignored" not in (where / "err").read_text("utf-8")


@pytest.mark.slow
def test_a_reader_that_takes_the_first_lines_has_them(where: Path) -> None:
    code, said, warned = shell(where, "penna leaderboard run | head -n 2")
    assert (code, warned) == (141, "")
    assert "800 of 800 trials" in said


@pytest.mark.slow
@FULL
@pytest.mark.parametrize("command", COMMANDS)
def test_unwritable_standard_output_is_one_sentence(where: Path, command: str) -> None:
    code, _, warned = shell(where, f"penna {command} >/dev/full")
    assert code == 2
    last = warned.splitlines()[-1]
    assert last.startswith("error: standard output cannot be written (No space left on device")
    assert "Traceback" not in warned


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS[:6])
def test_a_closed_standard_output_is_an_error_of_one_sentence(where: Path, command: str) -> None:
    code, _, warned = shell(where, f"penna {command} >&-")
    assert code == 2
    assert warned.splitlines()[-1].startswith("error: standard output cannot be written (Bad file descriptor")


@pytest.mark.slow
@pytest.mark.parametrize("to", ["2>&-", pytest.param("2>/dev/full", marks=FULL), "2> >(true)"])
def test_work_goes_on_where_nobody_hears_of_errors(where: Path, to: str) -> None:
    assert shell(where, f"penna evaluate run rows.csv {to} >out")[0] == 0
    assert "accuracy" in (where / "out").read_text("utf-8")
    assert shell(where, f"penna evaluate nowhere rows.csv {to}")[0] == 2
    code = f'"{sys.executable}" -c "$TELLING" {to}'
    assert shell(where, f"TELLING='{TELLING}'; {code}")[:2] == (0, "done\n")


def test_standard_input_that_is_closed_holds_no_rows(where: Path) -> None:
    code, _, warned = shell(where, "penna predict run - <&-")
    assert (code, warned.count("\n")) == (2, 1)
    assert warned.startswith("error: ")
