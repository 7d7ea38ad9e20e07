"""Nothing leaves this machine: every command runs where the kernel ends whatever asks for a socket of a network.

The kernel's filter is `benchmarks/watched.py`; it sees native code in any thread. onnxruntime writes ``deviceid`` and a
database when it is imported and looks up its maker's host ten seconds later: so the folders of the user are looked at,
and one process lives on for longer than that. That both would be found is shown with the reports switched on again.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from penna import tasks, telemetry
from penna.artifact import bundle
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.models.frozen import family as frozen
from penna.search.recipe import DatasetProfile

WATCHED = Path(__file__).parents[2] / "benchmarks" / "watched.py"
#: Seconds after its import in which onnxruntime tries to report, with something to spare.
REPORTING = 14
COMMANDS = """
import sys, time
import penna.cli

penna.cli._settle_libraries()

def penna_(*arguments):
    try:
        penna.cli.app(arguments)
    except SystemExit as left:
        assert not left.code, (arguments, left.code)

tiny, begun = sys.argv[1], time.monotonic()
penna_("doctor")
import onnxruntime
penna_("check", "rows.csv", "--target", "label", "--encoder", tiny, "--budget", "6s")
penna_("fit", "rows.csv", "--target", "label", "--encoder", tiny, "--budget", "12s", "--out", "run", "-q",
       "--families", "linear,frozen,finetune")
for run in ("run", "model"):
    penna_("evaluate", run, "rows.csv")
    penna_("predict", run, "rows.csv", "--out", f"{run}.csv")
    penna_("explain", run, "rows.csv", "--rows", "1", "--html", f"{run}.html")
penna_("leaderboard", "run")
penna_("report", "run")
time.sleep(max(0, REPORTING - (time.monotonic() - begun)))
""".replace("REPORTING", str(REPORTING))
IN_A_THREAD = """
import threading
from penna import load

answers = []
thread = threading.Thread(target=lambda: answers.append(load("model").predict(["a good card"])))
thread.start()
thread.join()
assert len(answers) == 1 and "onnxruntime" in __import__("sys").modules
"""
REPORTING_ON = f"import penna, onnxruntime, time; time.sleep({3 * REPORTING})"


def start(where: Path, code: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Code under the filter, with ``where`` for its working folder and ``where/home`` for the user's."""
    kept = {name: value for name, value in os.environ.items() if name not in telemetry.SWITCHES.values()}
    home = {"HOME": str(where / "home"), "XDG_CACHE_HOME": str(where / "home" / "cache")}
    return subprocess.Popen(
        [sys.executable, str(WATCHED), "-c", code, *arguments], cwd=where, env={**kept, **home, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def others(where: Path) -> list[str]:
    """What was written into the user's folders, but for Penna's own cache."""
    home = where / "home"
    found = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    return [name for name in found if not name.startswith("cache/penna/")]


@pytest.fixture(scope="module", autouse=True)
def _filter() -> None:
    found = subprocess.run([sys.executable, str(WATCHED)], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"the network cannot be watched here: {found.stdout.strip()}")


@pytest.fixture
def where(tmp_path: Path, tiny_bert: Path) -> Path:
    """A folder with rows and an artifact whose encoder onnxruntime runs."""
    draw = np.random.default_rng(0)
    words = {"money": ["card", "payment", "money"], "film": ["film", "story", "good"]}
    target = np.array([("money", "film")[i % 2] for i in range(160)], dtype=object)
    texts = np.array([f"{' '.join(draw.choice(words[label], 3))} {i}" for i, label in enumerate(target)], dtype=object)
    table = Table({"text": texts}, target=target, rows=np.arange(1, 161))
    recipe = frozen.portfolio(DatasetProfile(160, 2, 80, 20.0, encoders=(str(tiny_bert),)))[0]
    task = tasks.find("classification", table)
    model = frozen.fit(recipe, task, table, None, Resources(tmp_path / "unused", Deadline(120), 1), lambda *_: True)
    bundle.write(tmp_path / "model", task, "frozen", model, {"text_columns": ["text"], "target": "label"})
    rows = "".join(f"{text},{label}\n" for text, label in zip(texts, target, strict=True))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_no_command_asks_for_the_network(
    where: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("reporting")
    reporting = start(elsewhere, REPORTING_ON, ORT_DISABLE_TELEMETRY="0")
    code, said = ended(start(where, COMMANDS, str(tiny_bert)))
    assert code == 0, said[-3000:]
    assert others(where) == []
    telemetry_files = others(elsewhere)
    if not telemetry_files:  # an onnxruntime that has no telemetry
        reporting.kill()
    code, _ = ended(reporting)
    if telemetry_files and code != -signal.SIGSYS:
        pytest.fail("onnxruntime reports, and the filter did not see it")


@pytest.mark.slow
def test_model_in_a_thread_writes_nothing_and_needs_no_network(where: Path) -> None:
    code, said = ended(start(where, IN_A_THREAD))
    assert code == 0, said[-3000:]
    assert others(where) == []


def test_the_filter_sees_what_native_code_looks_up_in_a_thread(tmp_path: Path) -> None:
    looked = (
        "import ctypes, threading\n"
        "found, libc = ctypes.c_void_p(), ctypes.CDLL(None)\n"
        "look = lambda: libc.getaddrinfo(b'example.org', None, None, ctypes.byref(found))\n"
        "thread = threading.Thread(target=look); thread.start(); thread.join()"
    )
    assert ended(start(tmp_path, looked))[0] == -signal.SIGSYS


def test_telemetry_is_off_unless_the_user_enables_it(tmp_path: Path) -> None:
    told = "import os, penna; print([os.environ[name] for name in penna.telemetry.SWITCHES.values()])"
    assert ended(start(tmp_path, told, ORT_DISABLE_TELEMETRY=""))[1] == "['1', '1']\n"
    assert ended(start(tmp_path, told, ORT_DISABLE_TELEMETRY="0"))[1] == "['0', '1']\n"


def test_a_library_that_was_there_before_penna_is_named(tmp_path: Path) -> None:
    told = "import onnxruntime; from penna import telemetry; print(telemetry.state()['onnxruntime'])"
    assert (
        "imported before penna: import penna first, or set ORT_DISABLE_TELEMETRY=1" in ended(start(tmp_path, told))[1]
    )
    assert ended(start(tmp_path, told.replace("import onnxruntime; ", "")))[1].startswith("off")
