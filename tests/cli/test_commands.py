"""The command line: one sentence and exit code 2 for every bad input, JSON alone with --json, plain text in pipes."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from penna import doctor
from penna.budget import Deadline
from penna.cli import app
from penna.cli.commands import COMMANDS
from penna.cli.demo import unpack, unused
from penna.cli.errors import guarded, sentence
from penna.errors import TableError
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial, TrialLog
from penna.terminal.display import named_columns
from penna.terminal.progress import Console


def penna(*arguments: object, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], input=typed)


def a_trial(score: float = 0.9, **changes: object) -> Trial:
    given = {"folds": (0,), "scores": (score,), "score_std_errors": (0.01,), "seconds": 1.5, **changes}
    return Trial(Recipe.of("linear", c=1.0), State.COMPLETE, **given)


def test_help_names_every_command():
    result = penna("--help")
    assert result.exit_code == 0
    for command in ("fit", "evaluate", "predict", "explain", "leaderboard", "report", "demo", "doctor"):
        assert command in result.stdout


def test_the_version_is_one_line():
    assert penna("--version").stdout.startswith("penna 0.")


def test_an_error_of_ours_is_one_sentence_and_exit_code_2(capsys):
    def command() -> None:
        raise TableError("column 'x' is empty:\ngive another.")

    with pytest.raises(typer.Exit) as left:
        guarded(command)()
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == "error: column 'x' is empty: give another.\n"


def test_a_fault_of_penna_leaves_its_traceback_in_a_file(capsys):
    def command() -> None:
        raise KeyError("inside")

    with pytest.raises(typer.Exit) as left:
        guarded(command)()
    said = capsys.readouterr().err
    assert left.value.exit_code == 1
    assert said.count("\n") == 1
    assert "Traceback" not in said
    written = Path(said.rsplit(" ", 1)[1].rstrip(".\n"))
    assert "KeyError: 'inside'" in written.read_text(encoding="utf-8")
    written.unlink()


def test_traceback_is_shown_on_request(monkeypatch):
    def command() -> None:
        raise TableError("no rows.")

    monkeypatch.setenv("PENNA_TRACEBACK", "1")
    with pytest.raises(TableError):
        guarded(command)()


def test_an_interrupt_is_exit_code_130():
    def command() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        guarded(command)()
    assert left.value.exit_code == 130


def test_full_disk_message_has_a_remedy():
    said = sentence(OSError(errno.ENOSPC, "No space left on device", "runs/x"))
    assert "runs/x" in said
    assert "--resume" in said


def test_a_full_disk_is_known_inside_the_error_of_a_library():
    assert "no space is left" in sentence(RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"))


def test_a_file_that_may_not_be_written_is_named():
    assert sentence(PermissionError(errno.EACCES, "Permission denied", "out.csv")).startswith(
        "out.csv: permission denied"
    )


def test_a_wrong_option_is_exit_code_2():
    assert penna("fit", "x.csv", "--seed", "seven").exit_code == 2


def test_a_budget_that_is_no_time_is_one_sentence(tmp_path):
    result = penna("fit", "x.csv", "--budget", "soon", "--out", tmp_path / "run")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "'soon' is not a duration" in result.stderr


def test_no_families_is_one_sentence(tmp_path):
    result = penna("fit", "x.csv", "--families", ",", "--out", tmp_path / "run")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("command", [("leaderboard",), ("report",), ("evaluate", "x.csv"), ("predict", "x.csv")])
def test_a_run_that_is_not_there_is_one_sentence(tmp_path, command):
    result = penna(command[0], tmp_path / "nowhere", *command[1:])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "nowhere" in result.stderr


@pytest.fixture
def run(tmp_path) -> Path:
    ledger = TrialLog(tmp_path / "run", {"metric": "accuracy"})
    ledger.append(a_trial(0.8))
    ledger.append(a_trial(0.95))
    ledger.append(Trial(Recipe.of("frozen", encoder="a/[b]"), State.SKIPPED, reason="the encoder [b] is not here"))
    return tmp_path / "run"


def test_the_leaderboard_puts_the_best_first_and_gives_reasons(run):
    result = penna("leaderboard", run)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert "0.9500" in lines[2]
    assert "the encoder [b] is not here" in lines[4]


def test_the_leaderboard_as_json_is_json_alone(run):
    trials = json.loads(penna("leaderboard", run, "--json").stdout)
    assert [t["score"] for t in trials] == [0.95, 0.8, None]
    assert trials[2]["state"] == "skipped"
    assert len(json.loads(penna("leaderboard", run, "--json", "--top", 1).stdout)) == 1


def test_log_progress_shows_trials_and_the_best(capsys):
    with Console(Deadline(60)) as progress:
        progress.event("table", rows=1200, roles={"text": "text", "label": "target"}, findings=["3 rows are empty"])
        progress.event("plan", test_rows=200, folds=5, metric="accuracy", findings=["test rows: 2 are in the data"])
        progress.event("skipped", name="frozen", reason="no encoder")
        progress.event("trial_start", recipe="linear[c=1]", predicted=2.0)
        progress.event("step", step=1, of=4, score=0.5)
        progress.event("trial_end", trial=a_trial(), best=a_trial())
        progress.event("something new", x=1)
    said = capsys.readouterr().err
    for words in (
        "1,200 rows",
        "label (target)",
        "3 rows are empty",
        "200 test rows",
        "2 are in the data",
        "no encoder",
        "0.9000 ± 0.0100",
    ):
        assert words in said
    assert "best so far" in said


def test_live_line_shows_score_trial_and_time_left():
    progress = Console(Deadline(61))
    progress.event("trial_end", trial=a_trial(), best=a_trial())
    progress.event("trial_start", recipe="finetune[depth=6]", predicted=30.0)
    progress.event("step", step=3, of=9, score=0.77)
    line = progress.line().plain
    for words in ("left", "best 0.9000", "trial 2: 0:00 of about 0:30", "step 3 of 9: 0.7700", "finetune[depth=6]"):
        assert words in line


def test_doctor_finds_this_machine():
    found = doctor.machine()
    assert found["cores"] >= 1
    assert doctor.requirements()[0] == "charset-normalizer"
    assert "pytest" in doctor.requirements("dev")


def test_doctor_lists_shipped_encoders_and_their_faults(tiny_cycle, tiny_bert, tmp_path):
    shutil.copytree(tiny_cycle, tmp_path / "penna-mini")
    shutil.copytree(tiny_bert, tmp_path / "spoilt")
    (tmp_path / "spoilt" / "tokenizer.json").unlink()
    found = doctor.shipped(tmp_path)
    assert found["penna-mini"] == "(albert, 0.1 MB in use, 3 or 6 or 12 layers)"
    assert "no tokenizer" in found["spoilt"]
    assert doctor.shipped(tmp_path / "nothing") == {}


def test_the_demo_never_writes_over_a_folder(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2-data").mkdir()
    assert unused(tmp_path / "demo") == tmp_path / "demo-3"


def test_the_rows_of_the_demo_come_with_their_licence(tmp_path):
    data = unpack(tmp_path / "data")
    assert {"LICENSE", "README.md", "test.csv", "train.csv"} <= {p.name for p in data.iterdir()}
    assert (data / "train.csv").read_text(encoding="utf-8").startswith("text,label\n")
    assert len((data / "test.csv").read_text(encoding="utf-8").splitlines()) >= 801


def test_few_of_many_columns_are_named() -> None:
    roles = {f"c{i}": "numeric" for i in range(5000)} | {"note": "text", "label": "target"}
    told = named_columns(roles)
    assert "note (text), label (target)" in told
    assert "4,982 more (numeric)" in told
    assert len(told) < 500
    assert named_columns({"a": "text", "b": "numeric"}) == "a (text), b (numeric)"


def test_every_command_is_listed_and_imported_only_when_called():
    runner = CliRunner()
    listed = runner.invoke(app, ["--help"]).output
    for name, about in COMMANDS.items():
        assert f"  {name} " in listed
        assert about.help in listed
        assert runner.invoke(app, [name, "--help"]).exit_code == 0
    assert "Did you mean 'predict'?" in runner.invoke(app, ["predct"]).output
    code = "import sys, penna.cli; assert not [m for m in sys.modules if m in ('penna.cli.fit', 'penna.fit_config')]"
    subprocess.run([sys.executable, "-c", code], check=True)
