"""Bad input at the command line: each gets one sentence that says what to do, exit code 2, and never a traceback."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from penna.cli import app

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

ROWS = [(f"a good film number {i}", "pos") if i % 2 else (f"a bad film number {i}", "neg") for i in range(60)]


def table(path: Path, rows: list[tuple[str, object]] = ROWS, header: str = "text,label") -> Path:
    path.write_text("\n".join([header, *(f'"{t}",{label}' for t, label in rows)]) + "\n", encoding="utf-8")
    return path


def refused(*arguments: object) -> str:
    """What is stated when a command is refused; checks the manner of it."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    said = result.stderr.splitlines()
    assert result.exit_code == 2, result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in said if line.startswith("error: ")]
    assert said[-1:] == errors, result.stderr
    return errors[0]


def fit(data: Path, out: Path, *options: object, target: str = "label") -> str:
    return refused("fit", data, "--target", target, "--budget", "6s", "--families", "linear", "--out", out, *options)


def test_a_missing_file(tmp_path):
    assert "nothing.csv" in fit(tmp_path / "nothing.csv", tmp_path / "run")


def test_a_wrong_column_with_the_near_one(tmp_path):
    said = fit(table(tmp_path / "t.csv"), tmp_path / "run", target="labl")
    assert "'labl'" in said
    assert "label" in said.replace("labl'", "")


def test_an_empty_file_and_an_empty_table(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "empty.csv" in fit(tmp_path / "empty.csv", tmp_path / "run")
    assert "row" in fit(table(tmp_path / "header.csv", []), tmp_path / "run")


def test_one_class(tmp_path):
    assert "one class" in fit(table(tmp_path / "t.csv", [(t, "pos") for t, _ in ROWS]), tmp_path / "run")


def test_a_class_with_one_row_is_named_with_the_way_out(tmp_path):
    said = fit(table(tmp_path / "t.csv", [*ROWS, ("a strange film", "odd")]), tmp_path / "run")
    assert "'odd'" in said
    assert "--rare-classes drop" in said


def test_all_texts_empty(tmp_path):
    assert "empty" in fit(
        table(tmp_path / "t.csv", [(" ", label) for _, label in ROWS]), tmp_path / "run", "--text", "text"
    )


def test_ten_rows(tmp_path):
    assert "10 rows" in fit(table(tmp_path / "t.csv", ROWS[:10]), tmp_path / "run")


def test_mixed_types_in_the_target(tmp_path):
    lines = [json.dumps({"text": t, "label": i if i % 3 else label}) for i, (t, label) in enumerate(ROWS)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    message = fit(tmp_path / "t.jsonl", tmp_path / "run")
    assert "column 'label'" in message
    assert "20 of 60 rows" in message


def test_a_truncated_parquet_file(tmp_path):
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    assert "cut.parquet" in fit(tmp_path / "cut.parquet", tmp_path / "run")


def test_an_output_folder_that_exists(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("precious")
    said = fit(table(tmp_path / "t.csv"), tmp_path / "run")
    assert "--resume" in said
    assert (tmp_path / "run" / "mine.txt").read_text() == "precious"


def test_resuming_in_a_folder_of_something_else(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    assert "no run to resume, but other files" in fit(table(tmp_path / "t.csv"), tmp_path / "run", "--resume")


@pytest.mark.parametrize(
    "options",
    [("--search-strategy", "magic"), ("--metric", "luck"), ("--families", "forest"), ("--max-size-mb", "-1"),
     ("--n-jobs", "0"), ("--rare-classes", "keep"), ("--test-size", "2"), ("--cv", "1")],
)  # fmt: skip
def test_an_option_with_a_wrong_value_is_named(tmp_path, options):
    message = fit(table(tmp_path / "t.csv"), tmp_path / "run", *options)
    assert " ".join(options) in message.replace("'", "")


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [("--text", "txt", "column 'txt'"), ("--group-column", "grp", "column 'grp'"),
     ("--test", "nowhere.csv", "file 'nowhere.csv'"), ("--budget", "0s", "budget of 0 s")],
)  # fmt: skip
def test_a_wrong_column_file_or_budget_is_named(tmp_path, option, value, named):
    assert named in fit(table(tmp_path / "t.csv"), tmp_path / "run", option, value)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run on sixty rows with warts that can be lived with: NUL bytes, a cell of 2 MB, an empty text."""
    folder = tmp_path_factory.mktemp("bad")
    warts = [("with a \0 inside, good", "pos"), ("bad " * 500_000, "neg"), ("", "pos")]
    data = table(folder / "t.csv", [*ROWS, *warts])
    arguments = ["fit", data, "--target", "label", "--budget", "20s", "--families", "linear", "--out", folder / "run"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr
    for words in ("NUL", "more than 100,000 characters", "empty text"):
        assert words in result.stderr
    assert "best so far" in result.stderr
    assert "test rows" in result.stdout
    return folder / "run"


def test_a_finished_run_answers_every_command(run, tmp_path):
    def penna(*arguments: object, typed: str | None = None) -> str:
        result = CliRunner().invoke(app, [str(a) for a in arguments], input=typed)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    data = table(tmp_path / "t.csv")
    assert json.loads(penna("evaluate", run, data, "--json"))["accuracy"][0] > 0.8
    assert "macro_f1" in penna("evaluate", run, data)
    assert json.loads(penna("leaderboard", run, "--json"))[0]["state"] == "complete"
    assert penna("predict", run, "-", typed="text\na good film\n").count("\n") == 2
    assert penna("predict", run, data, "--out", tmp_path / "out.csv") == ""
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 61
    assert Path(penna("report", run, "--out", tmp_path / "page.html").strip()).stat().st_size > 1000


def test_rows_without_the_models_columns(run, tmp_path):
    assert "text" in refused("predict", run, table(tmp_path / "t.csv", header="words,label"))


def test_evaluating_without_labels_or_with_unknown_ones(run, tmp_path):
    assert "'label'" in refused("evaluate", run, table(tmp_path / "a.csv", header="text,other"))
    assert "'new'" in refused("evaluate", run, table(tmp_path / "b.csv", [(t, "new") for t, _ in ROWS]))


def damaged(run: Path, tmp_path: Path) -> Path:
    """A copy of the artifact that a test may break."""
    import shutil

    return Path(shutil.copytree(run / "model", tmp_path / "model"))


def test_corrupted_artifact_is_named(run, tmp_path):
    model = damaged(run, tmp_path)
    part = max((model / "parts").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 0xFF
    part.write_bytes(content)
    assert part.name in refused("predict", model, table(tmp_path / "t.csv"))


def test_a_damaged_manifest(run, tmp_path):
    model = damaged(run, tmp_path)
    (model / "manifest.json").write_text('{"format": 1, "task"')
    assert "manifest.json" in refused("evaluate", model, table(tmp_path / "t.csv"))


def test_artifact_of_a_newer_format_is_refused(run, tmp_path):
    model = damaged(run, tmp_path)
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    (model / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    said = refused("predict", model, table(tmp_path / "t.csv"))
    assert "99" in said
    assert "update penna" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(run, tmp_path):
    (tmp_path / "out.csv").symlink_to("/dev/full")
    assert "space" in refused("predict", run, table(tmp_path / "t.csv"), "--out", tmp_path / "out.csv")


def test_a_damaged_ledger_is_not_resumed(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trials.jsonl").write_text("not json\n")
    assert "trials.jsonl" in refused("leaderboard", tmp_path / "run")
    assert "trials.jsonl" in fit(table(tmp_path / "t.csv"), tmp_path / "run", "--resume")
