"""Texts line by line, a file for each column: read as a table, distinguished from tables, never shifted."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from penna.cli import app
from penna.data.readers.read_table import read, stream
from penna.errors import TableError

ENGLISH = ['a "red, hat', "", "two dogs; one cat", "\u2028 odd\x85 ends", "it's\ra day"]
GERMAN = ["ein roter Hut", "nichts", "zwei Hunde", "seltsame Enden 🙂", "ein Tag"]


def sides(folder: Path, english=ENGLISH, german=GERMAN, end="\n") -> Path:
    (folder / "train.en").write_bytes("".join(text + end for text in english).encode())
    (folder / "train.de").write_bytes(end.join(german).encode())
    return folder / "train"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["train", "train.en"])
def test_line_n_of_each_file_is_row_n(tmp_path, name, end):
    sides(tmp_path, end=end)
    table, findings = read(tmp_path / name, text=("en",), target="de")
    assert table.text["en"].tolist() == ENGLISH
    assert table.target.tolist() == GERMAN
    assert table.rows.tolist() == [1, 2, 3, 4, 5]
    assert findings == []
    assert (table.roles, table.target_name) == ({"en": "text", "de": "target"}, "de")


def test_files_may_be_packed_and_of_other_encodings(tmp_path):
    with gzip.open(tmp_path / "train.en.gz", "wt", encoding="utf-8") as file:
        file.write("one\ntwo\n")
    (tmp_path / "train.de").write_bytes("Stra\xdfe\ngr\xfcn\n".encode("cp1252"))
    table, findings = read(str(tmp_path / "train"), text="en", target="de")
    assert (table.text["en"].tolist(), table.target.tolist()) == (["one", "two"], ["Straße", "grün"])
    assert [finding.kind for finding in findings] == ["encoding"]


def test_files_of_unlike_length_are_refused(tmp_path):
    start = sides(tmp_path, ENGLISH[:3])
    with pytest.raises(TableError, match=r"train\.en has 3 and .*train\.de has 5 lines"):
        read(start, text=("en",), target="de")


def test_a_side_that_is_missing_is_named(tmp_path):
    sides(tmp_path)
    for name in ("train", "train.en"):
        with pytest.raises(TableError, match=r"train\.en, but no train\.fr next to it"):
            read(tmp_path / name, text=("en",), target="fr")
    with pytest.raises(TableError, match="there is no file"):
        read(tmp_path / "other", text=("en",), target="de")


def test_a_table_stays_a_table(tmp_path):
    (tmp_path / "pairs.csv").write_text("csv,de\na text,ein Text\n", encoding="utf-8")
    table, _ = read(tmp_path / "pairs.csv", text=("csv",), target="de")
    assert table.text["csv"].tolist() == ["a text"]
    for strange in ("x" * 5000, "~nobody-here/x", "a\0b", "", "."):
        with pytest.raises(TableError):
            read(strange, text=("en",), target="de")


def test_prediction_needs_only_texts_and_streams_rows(tmp_path):
    sides(tmp_path)
    for name in ("train", "train.en"):
        chunks = list(stream(tmp_path / name, text=("en",), chunk=2))
        assert [len(chunk.table) for chunk in chunks] == [2, 2, 1]
        assert [text for chunk in chunks for text in chunk.table.text["en"]] == ENGLISH
        assert chunks[2].table.rows.tolist() == [5]


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_any_texts_come_back(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("any")
    texts = ["first, of all", *texts, "last"]
    (folder / "a.en").write_bytes("".join(text + "\n" for text in texts).encode("utf-8-sig"))
    (folder / "a.de").write_bytes("\n".join(texts).encode("utf-8-sig"))
    table, _ = read(folder / "a", text=("en",), target="de")
    assert table.text["en"].tolist() == texts
    assert [text or "" for text in table.target] == [text.strip() for text in texts]


def test_two_files_are_fitted_examined_and_served(tmp_path):
    words = {"red": "rot", "cat": "Katze", "runs": "läuft", "here": "hier", "now": "jetzt"}
    rows = [[list(words)[(i * k + j) % 5] for j in range(5)] for i in range(12) for k in (1, 2, 3, 4)]
    english = [" ".join(row) + f" {i}" for i, row in enumerate(rows)]
    german = [" ".join(words[word] for word in row) + f" {i}" for i, row in enumerate(rows)]
    sides(tmp_path, english, german)
    run = str(tmp_path / "run")
    said = [["fit", str(tmp_path / "train"), "--source", "en", "--target", "de", "--budget", "20s", "--threads", "1",
             "--families", "linear", "--out", run, "--quiet"],
            ["evaluate", run, str(tmp_path / "train")],
            ["predict", run, str(tmp_path / "train.en"), "--out", str(tmp_path / "said.csv")]]  # fmt: skip
    for command in said:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert (tmp_path / "said.csv").read_text(encoding="utf-8").startswith("en,prediction")
