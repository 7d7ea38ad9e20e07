"""What people see holds nothing that a terminal, page or spreadsheet would obey; files of data hold what came in."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penna.budget import Deadline
from penna.cli import app
from penna.errors import TableError
from penna.escaping import HIDDEN, markdown, pictured, visible
from penna.inference.writers import harmless, writer
from penna.terminal import display
from penna.terminal.progress import Console

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

CLEAR, TITLE, TURNED, LINK = "\x1b[2Jgood", "\x1b]0;owned\x07", "a\u202eb\u200b", "[red]x[/red] [link=http://x]y[/link]"
FAMILY = "\U0001f469\u200d\U0001f467"


def hidden(text: str) -> list[str]:
    return HIDDEN.findall(text.replace("\n", ""))


@pytest.mark.parametrize("text", ["Größe 大 é", FAMILY, "می\u200cخواهم", "a\\x1b", ""])
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [("\x1b[2J", r"\x1b[2J"), ("\x9b1m", r"\x9b1m"), ("a\nb\tc\r", r"a\nb\tc\r"), ("\u2066x", r"\u2066x"),
     ("spam\u200d", r"spam\u200d"), ("\u200b", r"\u200b"), ("\U000e0041", r"\U000e0041"), ("\ud800", r"\ud800")],
)  # fmt: skip
def test_what_is_hidden_is_escaped(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text())
def test_any_text_is_shown_on_one_line_without_controls(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert len(once.splitlines()) <= 1
    assert all(ord(char) >= 32 and char != "\x7f" for char in once)
    assert len(pictured(text)) == len(text)


@pytest.mark.parametrize("label", [CLEAR, TITLE, TURNED, LINK, "two\nlines"])
def test_tables_facts_lines_and_progress_show_it_escaped(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    console = display.screen()
    display.table(console, label, (label, "n"), [(label, "1")], ("n",))
    display.facts(console, label, {label: label})
    console.print(f"note: {label}", style="yellow", soft_wrap=True)
    with Console(Deadline(60)) as progress:
        progress.event("table", rows=2, roles={label: "text"}, findings=[label])
        progress.event("skipped", name=label, reason=label)
        progress.event("phase", name=label)
    said = capsys.readouterr()
    assert not hidden(said.out + said.err + progress.line().plain)
    assert said.out.count(visible(label)) == 7
    assert said.err.count(visible(label)) == 5


def test_an_error_can_be_shown_as_it_is() -> None:
    assert str(TableError(f"no column {CLEAR}:\ngive another.")) == "no column \\x1b[2Jgood:\ngive another."


def test_json_is_the_same_document_in_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"labels": [CLEAR, TURNED, "\x9b1m", "\U000e0041", "大", "a\nb"]}
    display.as_json(document)
    said = capsys.readouterr().out
    assert not hidden(said)
    assert "大" in said
    assert json.loads(said) == document


def test_markdown_shows_text_and_nothing_of_its_own() -> None:
    for text in ("<img src=x onerror=y>", "[a](javascript:b)", "![x](y)", "`c`", "a|b", "# h", "www.a.b", "&lt;"):
        shown = markdown(text)
        assert not any(f"{sign}" in shown.replace(f"\\{sign}", "") for sign in "<[`|#&!" if sign in text)
    assert markdown("http://a.b") == "http\\://a.b"
    assert markdown("card_payment, 3 - 4") == "card_payment, 3 - 4"
    assert hidden(markdown(f"{CLEAR}\n{TURNED}")) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows whose labels and columns hold all of this, and a run on them."""
    where = tmp_path_factory.mktemp("hidden")
    labels = (CLEAR, TURNED, LINK, f"<b>{TITLE}</b>")
    with (where / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([f"text{TITLE}", f"label{CLEAR}"])
        rows.writerows([f"word{i % 4} is {TURNED} number {i} =1", labels[i % 4]] for i in range(160))
    said = penna(
        "fit", where / "rows.csv", "--target", f"label{CLEAR}", "--families", "linear", "--budget", "9s",
        "--out", where / "run",
    )  # fmt: skip
    assert visible(f"text{TITLE} (text)") in said
    return where


def penna(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    assert not hidden(result.stdout + result.stderr)
    return result.stdout + result.stderr


def test_commands_show_labels_columns_and_texts_escaped(run: Path) -> None:
    rows, model = run / "rows.csv", run / "run"
    said = penna("check", rows, "--target", f"label{CLEAR}", "--budget", "5s")
    assert visible(f"label{CLEAR} (target)") in said
    said = penna("evaluate", model, rows)
    for label in (CLEAR, TURNED, LINK):
        assert visible(label) in said
    assert r"\u202e" in penna("explain", model, rows, "--rows", 2)
    for command in (("leaderboard", model), ("verify", model), ("evaluate", model, rows, "--json")):
        penna(*command)


def test_the_model_card_shows_them_escaped_and_without_markup(run: Path) -> None:
    card = (run / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert not hidden(card)
    assert "label\\\\x1b\\[2Jgood" in card
    assert "<b>" not in card


def test_files_of_predictions_hold_what_came_in(run: Path) -> None:
    penna("predict", run / "run", run / "rows.csv", "--out", run / "answers.csv")
    with (run / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    assert {row["prediction"] for row in answers} >= {CLEAR, TURNED, LINK}
    assert TURNED in answers[0][f"text{TITLE}"]


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", ' "=1', "\ufeff=1", "\u200b=1", "＝1+1", "-cmd|' /C calc'!A0"],
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-2.5", "+3", "-1e-05", "-1,234.5", "-3 %", "a=b", "", "good", -2.5, None, True])
def test_numbers_and_plain_text_stay(cell: object) -> None:
    assert harmless(cell) == cell


def test_a_safe_file_is_safe_in_its_header_too() -> None:
    file = io.BytesIO()
    writer(file, "csv", safe=True).write({"=name": ["=1", "-2"], "p": [-0.5, 1]})
    assert file.getvalue().decode() == "'=name,p\n'=1,-0.5\n-2,1\n"


def test_safe_csv_is_for_files_that_a_spreadsheet_opens(run: Path) -> None:
    penna("predict", run / "run", run / "rows.csv", "--out", run / "safe.csv", "--safe-csv")
    result = CliRunner().invoke(
        app, ["predict", str(run / "run"), str(run / "rows.csv"), "--out", str(run / "x.jsonl"), "--safe-csv"]
    )
    assert result.exit_code == 2
    assert ".csv and .tsv" in result.stderr
    assert not (run / "x.jsonl").exists()
