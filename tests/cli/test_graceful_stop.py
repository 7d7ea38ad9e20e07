"""Signals at the command line: the first one finishes a fit within its grace, the second ends at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from penna import budget, load, signals, tasks
from penna.artifact import bundle
from penna.budget import Deadline, Resources
from penna.cli.graceful_stop import Interrupted, Stopping, seconds
from penna.data.table import Table
from penna.errors import SettingError
from penna.models.linear import family as linear
from penna.search.recipe import DatasetProfile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
LOOP = """
import sys, time
from penna.cli.graceful_stop import Interrupted, Stopping
try:
    with Stopping(float(sys.argv[1])) as stopping:
        if sys.argv[2] == "finishing":
            stopping.event("searched", why="time")
        print("ready", flush=True)
        for _ in range(600):
            time.sleep(0.05)
except Interrupted as error:
    print(error, stopping.taken == error.number, flush=True)
"""


def start(*arguments: str, **more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **more,
    )  # type: ignore[call-overload, no-any-return]


def loop(grace: float, state: str, **more: object) -> "subprocess.Popen[str]":
    process = start("-c", LOOP, str(grace), state, **more)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def rows(n: int = 400) -> str:
    return "text,label\n" + "".join(f"{'good' if i % 2 else 'bad'} film number {i},{i % 2}\n" for i in range(n))


@pytest.mark.slow
def test_fit_packs_its_best_model_after_sigterm(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(rows(), encoding="utf-8")
    process = start(
        "-m", "penna", "fit", "rows.csv", "--target", "label", "--families", "linear", "--budget", "10m",
        "--grace", "20s", "--out", "run", cwd=tmp_path,
    )  # fmt: skip
    ledger = tmp_path / "run" / "trials.jsonl"
    while not (tmp_path / "run" / "model" / "manifest.json").exists() or ledger.read_text("utf-8").count("\n") < 3:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said, warned = process.communicate(timeout=20 + 10)
    assert "SIGTERM: finishing within 20 s" in warned
    assert process.returncode == 0, warned
    assert "artifact" in said
    opened = load(tmp_path / "run")
    assert not opened.manifest["preliminary"]
    assert len(opened.predict(["a good film"])) == 1


def test_a_signal_interrupts_a_search() -> None:
    process = loop(60, "searching")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == "SIGTERM True\n"


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(second: signal.Signals) -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C.
    process = loop(60, "finishing", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert "once more ends at once" in process.stderr.readline()
    assert process.poll() is None
    process.send_signal(second)
    process.communicate(timeout=30)
    assert process.returncode == -second


def test_end_of_grace_exits_with_the_signal_code() -> None:
    process = loop(0.2, "finishing")
    process.send_signal(signal.SIGTERM)
    assert "the best model so far, if any, is in the run folder" in process.communicate(timeout=30)[1]
    assert process.returncode == 143


def test_signals_that_are_ignored_stay_ignored() -> None:
    process = loop(60, "searching", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == "SIGTERM True\n"


@pytest.mark.slow
def test_a_prediction_that_gets_sigterm_leaves_no_half_a_file(tmp_path: Path) -> None:
    texts = np.array([f"{word} film {i}" for i in range(20) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, target=np.array(["pos", "neg"] * 20, dtype=object), rows=np.arange(1, 41))
    task, recipe = tasks.find("auto", table), linear.portfolio(DatasetProfile(40, 2, 20, 10.0))[0]
    model = linear.fit(recipe, task, table, None, Resources(tmp_path, Deadline(60), 1), lambda *_: True)
    bundle.write(tmp_path / "model", task, "linear", model, {"text_columns": ["text"], "target": "label"})
    asked = ("-m", "penna", "predict", "model", "-", "--out", "answers.csv")
    process = start(*asked, stdin=subprocess.PIPE, cwd=tmp_path)
    assert process.stdin is not None
    process.stdin.write("text\n" + "a good film\n" * 200_000)  # more than a pipe holds: it reads by now
    process.stdin.flush()
    process.send_signal(signal.SIGTERM)
    _, warned = process.communicate(timeout=60)
    assert process.returncode == 143
    assert warned.startswith("error: interrupted (SIGTERM)")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_process_that_must_finish_has_no_deadline_beyond_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_end", float("inf"))
    whole = Deadline(600)
    early = whole.before(5)
    budget.finish_within(8)
    budget.finish_within(60)  # later than what was requested before
    assert 7 < whole.left() <= 8
    assert 2 < early.left() <= 3
    assert whole.before(10).over()


def test_a_grace_is_a_time_above_zero() -> None:
    assert [seconds(grace) for grace in ("8", "8s", "0.5 s", "2m")] == [8, 8, 0.5, 120]
    for grace in ("", "soon", "0", "-3s"):
        with pytest.raises(SettingError, match="--grace"):
            seconds(grace)


def test_handlers_are_put_back_as_they_were() -> None:
    before = [signal.getsignal(number) for number in signals.ENDING]
    with Stopping(8):
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in signals.ENDING] == before
    assert Interrupted(signal.SIGTERM).args == ("SIGTERM",)
