"""Tables with and without a line of names: no name becomes a row, no row a name, and weak decisions are named."""

import io
import json

import pytest
from typer.testing import CliRunner

from penna import AutoText
from penna.cli import app
from penna.data.readers.header import judged
from penna.data.readers.read_table import Form, read, stream
from penna.errors import TableError
from penna.inference.batch_predict import predict_file

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

TEXTS = [
    "Why was I charged for cash?",
    "How can I get a refund, please?",
    "I think a fee was applied.",
    "my card, lost",
]
LABELS = ["charge", "refund", "charge", "lost"]


def rows(*columns):
    return [list(cells) for cells in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    ("first", "rest", "names"),
    [
        (["text"], rows(TEXTS), True),
        (["Review Text"], rows(TEXTS), True),
        (["Kundenmeinung"], rows(TEXTS), True),
        (["tweet_text"], rows(["good", "so bad", "fine"]), True),
        (
            ["评论内容"],
            rows(["这个酒店的服务非常好我很喜欢", "房间太小而且很吵不会再来", "早餐不错位置也很方便"]),
            True,
        ),
        (["0"], rows(TEXTS), True),
        (["text", "label"], rows(TEXTS, LABELS), True),
        (["", "text", "label"], rows("012", TEXTS[:3], LABELS[:3]), True),
        (["0", "1", "2"], rows("012", TEXTS[:3], LABELS[:3]), True),
        (["When", "What did you like about our product and why?"], rows(["2024-01-02"] * 4, TEXTS), True),
        (["en", "de"], rows(TEXTS, TEXTS), True),
        ([TEXTS[0]], rows(TEXTS[1:]), False),
        (["这个酒店的服务非常好我很喜欢"], rows(["房间太小而且很吵不会再来", "早餐不错位置也很方便"]), False),
        (["Head hurting all day"], rows(TEXTS), False),
        (["charge", TEXTS[0]], rows(LABELS[1:], TEXTS[1:]), False),
        (["y", "works well and looks good"], rows(["n", "y", "n"], TEXTS[:3]), False),
        ([TEXTS[0], "3.5"], rows(TEXTS[1:], ["1", "2", "4"]), False),
        (["text", TEXTS[0]], rows(["text", "call", "mail", "call"], TEXTS), False),
        (["charge", TEXTS[0]], [["charge", TEXTS[0]], *rows(LABELS, TEXTS)], False),
        (["text", "label"], [*rows(TEXTS, LABELS), ["text", "label"], *rows(TEXTS, LABELS)], True),
        (["refund please"], [], False),
        (["label 0", "my card"], rows(["label 1", "label 2"], ["a film", "the bank"]), False),
        (["text"], [], True),
        (["text", "label"], [], True),
        (["hello"], rows(["hello there my dear friend", "oh, hello, how are you?", "that is fine with me"]), False),
    ],
)
def test_header_is_told_apart_from_a_row(first, rest, names):
    assert judged([first, *rest]).names is names


@pytest.fixture(scope="module")
def model():
    texts = [f"{text} {i}" for i in range(12) for text in TEXTS[:3]]
    return AutoText(budget=6, families=("linear",)).fit(texts, LABELS[:3] * 12).bundle_


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv"])
def test_a_file_of_texts_alone_has_one_answer_a_line(model, tmp_path, end, mark, name):
    path, out = tmp_path / name, tmp_path / "out.jsonl"
    path.write_text(mark + end.join(TEXTS) + end, encoding="utf-8", newline="")
    count, findings = predict_file(model, path, out)
    assert [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()] == TEXTS
    assert (count, [finding.kind for finding in findings]) == (4, ["header"])
    assert "was read as a row" in findings[0].message
    with pytest.warns(UserWarning, match="was read as a row"):
        assert len(model.predict(path)) == 4


def test_a_header_of_another_name_is_still_one(model, tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["Review Text", *(f'"{text}"' for text in TEXTS)]), encoding="utf-8")
    chunk = next(stream(tmp_path / "a.csv", text=("text",)))
    assert (chunk.columns, len(chunk.table)) == (("Review Text",), 4)


def test_empty_lines_count_except_at_the_end(tmp_path):
    (tmp_path / "a.txt").write_text(f"{TEXTS[0]}\n\n{TEXTS[1]}\n\n\n", encoding="utf-8")
    found = list(stream(tmp_path / "a.txt", text=("text",)))
    assert [text for chunk in found for text in chunk.table.text["text"]] == [TEXTS[0], "", TEXTS[1]]
    assert [number for chunk in found for number in chunk.table.rows] == [1, 2, 3]


def test_repeated_header_is_left_out_and_counted(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\ngood one,x\ntext,label\nbad one,y\n", encoding="utf-8")
    table, findings = read(tmp_path / "a.csv")
    assert table.target.tolist() == ["x", "y"]
    (finding,) = findings
    assert "1 (lines 3)" in finding.message


def test_quotes_in_lines_of_text_are_text(tmp_path):
    lines = ['"Never again', 'stated my wife"', 'a "good" film', '"Wow" and more']
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    assert next(stream(tmp_path / "a.txt", text=("text",))).table.text["text"].tolist() == lines


def test_texts_with_commas_are_no_cells(tmp_path):
    lines = ["Hello, where is it?", "Well, yes, thank you, bye.", "No."]
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    assert next(stream(tmp_path / "a.txt", text=("text",))).table.text["text"].tolist() == lines


def test_empty_lines_between_rows_of_a_table_are_counted(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\ngood one,x\n\n\nbad one,y\n\n", encoding="utf-8")
    table, findings = read(tmp_path / "a.csv")
    (finding,) = findings
    assert len(table) == 2
    assert "2 (lines 3, 4)" in finding.message


def test_table_without_header_is_refused_with_guesses(tmp_path):
    (tmp_path / "a.csv").write_text(
        "\n".join(f'{b},"{a}"' for a, b in zip(TEXTS, LABELS, strict=True)), encoding="utf-8"
    )
    with pytest.raises(
        TableError, match=r"looks like a row.*--no-header.*column_1 \(labels such as 'charge'\), column_2"
    ):
        read(tmp_path / "a.csv")
    with pytest.raises(TableError, match=r"add a header with 'text', 'label', or pass --no-header"):
        read(tmp_path / "a.csv", text=("text",), target="label")
    for form, target in ((Form(header=False), "column_1"), (Form(), "column_1")):
        table, findings = read(tmp_path / "a.csv", target=target, form=form)
        assert [finding.kind for finding in findings] == ["header"] * (form.header is None)
        assert (table.text["column_2"].tolist(), table.rows.tolist()) == (TEXTS, [1, 2, 3, 4])
    assert read(tmp_path / "a.csv", target="charge", form=Form(header=True))[0].rows.tolist() == [1, 2, 3]


def test_a_usual_name_of_targets_in_a_row_makes_no_header(tmp_path):
    (tmp_path / "a.csv").write_text("y,works well and looks good\nn,it broke after a day\ny,I like it a lot\n")
    with pytest.raises(TableError, match="looks like a row"):
        read(tmp_path / "a.csv")


def test_no_header_goes_through_every_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f'{label},"{text} {i}"' for i in range(20) for text, label in zip(TEXTS, LABELS, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")

    def run(*args):
        found = CliRunner().invoke(app, [*args])
        assert found.exit_code == 0, found.output
        return found.stdout

    run("check", "a.csv", "--no-header", "--target", "column_1", "--budget", "5")
    run("fit", "a.csv", "--no-header", "--target", "column_1", "--budget", "6", "--families", "linear", "--out", "run")
    assert json.loads(run("evaluate", "run", "a.csv", "--json"))["rows"] == 80
    assert len(run("predict", "run", "a.csv", "--no-header").splitlines()) == 81
    assert len(run("predict", "run", "a.csv").splitlines()) == 81
    assert len(json.loads(run("explain", "run", "a.csv", "--rows", "2", "--json"))) == 2


@pytest.mark.parametrize("line", ["Where is my card", "hi", "a b c", "Kundenmeinung"])
def test_single_line_is_a_text_unless_a_usual_name(line):
    """``echo "Where is my card" | penna predict run -`` has an answer; a file of a header alone has no rows."""
    (chunk,) = stream(io.BytesIO(f"{line}\n".encode()), text=("text",))
    assert chunk.table.text["text"].tolist() == [line]
    for name in ("text", "review"):
        with pytest.raises(TableError, match="no rows"):
            list(stream(io.BytesIO(f"{name}\n".encode()), text=("text",)))
