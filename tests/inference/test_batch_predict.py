"""Batch prediction: rows go out as they came in, with the prediction next to them; files appear whole or not at all."""

import bz2
import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.data.table import Field
from penna.errors import RunError, SettingError, TableError
from penna.inference.batch_predict import predict_file


class Counter:
    """A model whose likeliest class is the number of words, as far as there are classes."""

    text_columns = ("text",)
    pair = False
    fields: ClassVar[dict[str, Field]] = {}

    def __init__(self, k: int = 3, classes=None) -> None:
        self.classes = classes or tuple(f"c{i}" for i in range(k))

    def outputs(self, table) -> np.ndarray:
        words = np.array([len(text.split()) for text in table.full_text]) % len(self.classes)
        out = np.full((len(table), len(self.classes)), 0.25 / (len(self.classes) - 1), np.float32)
        out[np.arange(len(table)), words] = 0.75
        return out

    def decode(self, outputs) -> np.ndarray:
        return np.array(self.classes, dtype=object)[outputs.argmax(axis=1)]

    def to_text_spans(self, answers, table) -> np.ndarray:
        return answers

    def to_flat_cells(self, answers) -> list:
        return list(answers)


class Failing(Counter):
    """Breaks off in the second chunk."""

    error: BaseException = KeyboardInterrupt()

    def outputs(self, table) -> np.ndarray:
        if table.rows[0] > 1:
            raise self.error
        return super().outputs(table)


TEXTS = ["one, two", 'say "no"', "three\nlines\r\nhere", "", "很好 🙂", "a\rb"]


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "in.csv"
    pd.DataFrame({"id": range(6), "text": TEXTS, "note": ["x"] * 6}).to_csv(path, index=False, lineterminator="\r\n")
    return path


def rows_of(content: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_csv_keeps_rows_and_columns_and_adds_the_prediction(source, tmp_path):
    out = tmp_path / "out.csv"
    n, findings = predict_file(Counter(), source, out, chunk=4)
    written = rows_of(out.read_bytes().decode())
    assert n == len(written) == 6
    assert list(written[0]) == [
        "id",
        "text",
        "note",
        "prediction",
        "probability_c0",
        "probability_c1",
        "probability_c2",
    ]
    assert [row["text"] for row in written] == TEXTS
    assert [row["id"] for row in written] == list("012345")
    assert [row["prediction"] for row in written] == ["c2", "c2", "c0", "c0", "c2", "c2"]
    assert written[0]["probability_c2"] == "0.75"
    assert [(finding.kind, finding.rows) for finding in findings] == [("blank", (4,))]
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


@pytest.mark.parametrize("name", ["out.tsv", "out.csv.gz", "out.csv.bz2", "out.txt"])
def test_other_delimited_forms_read_back_the_same(source, tmp_path, name):
    predict_file(Counter(), source, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    content = gzip.decompress(content) if name.endswith(".gz") else content
    content = bz2.decompress(content) if name.endswith(".bz2") else content
    delimiter = "\t" if name == "out.tsv" else ","
    written = list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))
    assert [row["text"] for row in written] == TEXTS


def test_json_lines_keep_fields_and_list_five_likeliest(tmp_path):
    records = [{"text": "two words", "deep": {"a": [1, None]}, "n": 1.5, "nan": float("nan")}] * 3
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    predict_file(Counter(30), path, tmp_path / "out.jsonl", chunk=2)
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(written) == 3
    assert written[0]["deep"] == {"a": [1, None]}
    assert written[0]["nan"] is None
    assert (written[0]["prediction"], written[0]["probability"]) == ("c2", 0.75)
    assert [one["label"] for one in written[0]["top"]] == ["c2", "c0", "c1", "c3", "c4"]


def test_parquet_keeps_the_types_of_its_columns(tmp_path):
    frame = pd.DataFrame({"text": ["one two", "three"] * 5, "n": range(10), "when": pd.Timestamp("2024-01-01")})
    frame["empty"] = None
    frame.to_parquet(tmp_path / "in.parquet")
    predict_file(Counter(classes=(0, 1, 2)), tmp_path / "in.parquet", tmp_path / "out.parquet", chunk=4)
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert written["n"].tolist() == list(range(10))
    assert written["when"][0] == pd.Timestamp("2024-01-01")
    assert written["prediction"].tolist() == [2, 1] * 5
    assert written["probability_2"].tolist() == [0.75, 0.125] * 5


def test_many_classes_give_one_probability_in_a_csv(source, tmp_path):
    predict_file(Counter(21), source, tmp_path / "out.csv")
    assert list(rows_of((tmp_path / "out.csv").read_text())[0])[3:] == ["prediction", "probability"]
    predict_file(Counter(), source, tmp_path / "out.csv", probabilities=False)
    assert list(rows_of((tmp_path / "out.csv").read_text())[0])[3:] == ["prediction"]


def test_a_column_that_is_called_prediction_already_stays(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,prediction,probability_c0\nsome words,mine,7\n")
    _, findings = predict_file(Counter(2), path, tmp_path / "out.csv")
    assert [(f.kind, f.columns) for f in findings] == [("renamed column", ("prediction_2", "probability_c0_2"))]
    (row,) = rows_of((tmp_path / "out.csv").read_text())
    assert (row["prediction"], row["prediction_2"], row["probability_c0"]) == ("mine", "c0", "7")
    assert row["probability_c0_2"] == "0.75"


def test_rows_that_cannot_be_parsed_are_left_out_and_named(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,n\none two,1\nbad,row,here\nthree,3\n")
    n, (finding,) = predict_file(Counter(), path, tmp_path / "out.csv")
    assert n == 2
    assert (finding.kind, finding.count, finding.rows) == ("ragged", 1, (3,))


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n"), max_size=20)


@settings(max_examples=80, deadline=None)
@given(cells=st.lists(st.tuples(ANY, ANY), min_size=1, max_size=6), chunk=st.integers(1, 4))
def test_any_cell_comes_out_as_it_went_in(cells, chunk):
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([("text", "other"), *cells])
    out = io.BytesIO()
    n, _ = predict_file(Counter(), io.BytesIO(content.getvalue().encode()), out, chunk=chunk)
    assert n == len(cells)
    assert [(row["text"], row["other"]) for row in rows_of(out.getvalue().decode())] == cells


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no"), OSError(28, "No space left on device")])
def test_nothing_is_left_behind_when_it_breaks_off(source, tmp_path, error):
    out = tmp_path / "out.csv"
    out.write_text("older")
    model = Failing()
    model.error = error
    with pytest.raises(RunError if isinstance(error, OSError) else type(error)):
        predict_file(model, source, out, chunk=1)
    assert out.read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence(source, tmp_path):
    link = tmp_path / "out.csv"
    link.symlink_to("/dev/full")
    with pytest.raises(RunError, match="no space is left"):
        predict_file(Counter(), source, link)
    assert link.is_symlink()


def test_a_device_is_written_to_and_not_replaced(source):
    assert predict_file(Counter(), source, "/dev/null")[0] == 6
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("in.csv", SettingError, "the file that is read"),
        ("no/out.csv", RunError, "make it first"),
        ("folder.csv", RunError, "is a folder"),
        ("out.xlsx", SettingError, "end its name in"),
        ("out.parquet.gz", SettingError, "end its name in"),
    ],
)
def test_a_destination_that_cannot_work_is_refused(source, tmp_path, name, kind, words):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(kind, match=words):
        predict_file(Counter(), source, tmp_path / name)


def test_source_without_texts_is_refused_and_leaves_nothing(source, tmp_path):
    model = Counter()
    model.text_columns = ("texts",)
    with pytest.raises(TableError, match="did you mean 'text'"):
        predict_file(model, source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


PIPE = """
import sys
sys.path.insert(0, {folder!r})
from test_batch_predict import Counter
from penna.inference.batch_predict import predict_file
rows, findings = predict_file(Counter(), "-", "-", chunk=100)
print(rows > 0, file=sys.stderr)
"""


def piped(command: str, texts: int) -> subprocess.CompletedProcess[str]:
    script = PIPE.format(folder=str(Path(__file__).parent))
    content = "text\n" + "some words\n" * texts
    return subprocess.run(
        ["bash", "-c", f'"$0" -W error -c "$1" {command}', sys.executable, script],
        input=content, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_standard_input_to_standard_output():
    done = piped("", 250)
    assert len(rows_of(done.stdout)) == 250
    assert done.stderr.strip() == "True"


def test_a_reader_who_leaves_early_is_no_error():
    done = piped("| head -n 2", 100_000)
    assert done.stdout.splitlines()[1].startswith("some words,c2,")
    assert done.stderr.strip() == "True"
