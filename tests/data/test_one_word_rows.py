"""Tables with a word a row: put together to sentences and stated; the only text of a table is never left out."""

import io

import numpy as np
import pandas as pd
import pytest

from penna import tasks
from penna.automl import inputs
from penna.data import readers
from penna.errors import TableError
from penna.fit_config import FitConfig

SENTENCES = [
    [("Ann", "NN", "B-PER"), ("left", "VB", "O"), ("Rome", "NN", "B-LOC")],
    [("Nobody", "NN", "O"), ("came", "VB", "O")],
    [("Bob", "NN", "B-PER"), ("Lee", "NN", "I-PER"), ("met", "VB", "O"), ("Ann", "NN", "B-PER")],
] * 10
WORDS = [" ".join(word for word, _, _ in row) for row in SENTENCES]
TAGS = [tuple(tag for _, _, tag in row) for row in SENTENCES]


def table(number, names=("Sentence #", "Word", "POS", "Tag"), first_only=False):
    rows = [
        ("" if first_only and at else number(n), *cells)
        for n, row in enumerate(SENTENCES, 1)
        for at, cells in enumerate(row)
    ]
    return pd.DataFrame(rows, columns=list(names))


def as_csv(frame):
    return io.BytesIO(frame.to_csv(index=False).encode())


FRAMES = {
    "number in the first row": table("Sentence: {}".format, first_only=True),
    "number in every row": table("Sentence: {}".format),
    "plain numbers": table(str, ("sentence_id", "words", "pos", "labels")),
    "names of documents": table("doc{}.txt".format, ("file", "token", "pos", "ner")),
}


@pytest.mark.parametrize("form", FRAMES)
@pytest.mark.parametrize("way", ["file", "memory", "small pieces"])
def test_rows_of_words_become_sentences_with_a_note(monkeypatch, form, way):
    frame = FRAMES[form]
    if way == "small pieces":
        monkeypatch.setattr("penna.data.readers.read_table._PIECE", 20)
    target = frame.columns[-1]
    found, findings = readers.read(frame if way == "memory" else as_csv(frame), target=target, others=None)
    assert found.full_text.tolist() == WORDS
    assert found.target.tolist() == TAGS
    assert found.rows[:3].tolist() == [1, 4, 6]
    (said,) = [finding.message for finding in findings if finding.kind == "sentences of words"]
    assert "90 rows were joined to 30 sentences" in said
    assert tasks.find("auto", found).types == ("LOC", "PER")


def test_sentences_without_tags_are_joined_from_words():
    frame = FRAMES["number in the first row"].drop(columns="Tag")
    chunks = list(readers.stream(as_csv(frame), text=["Word"], chunk=25))
    assert [text for chunk in chunks for text in chunk.table.full_text] == WORDS
    assert chunks[0].cells["POS"][0] == ["NN", "VB", "NN"]


def test_tags_may_be_numbers_here_too():
    frame = table(str, ("sentence_id", "words", "pos", "labels"))
    frame["labels"] = frame["labels"].map({tag: i for i, tag in enumerate(["O", "B-PER", "I-PER", "B-LOC"])})
    found, _ = readers.read(as_csv(frame))
    assert found.text.keys() == {"words"}
    assert tasks.find("auto", found).types == ("1", "2", "3")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"sentence_id": range(60), "text": ["word"] * 60, "label": ["a", "b"] * 30}),  # each its own
        pd.DataFrame({"user_id": np.arange(60) // 6, "word": [f"w{i}" for i in range(60)], "label": ["a", "b"] * 30}),
        pd.DataFrame({"sentence_id": np.arange(60) // 6, "word": ["w"] * 60, "label": np.arange(60) / 7}),
        pd.DataFrame({"sentence": ["a whole one"] * 60, "word": ["w"] * 60, "label": ["O", "B-X"] * 30}),
    ],
)
def test_other_tables_stay_as_they_are(frame):
    found, findings = readers.read(as_csv(frame), target="label", others=None)
    assert len(found) == 60
    assert not any(finding.kind == "sentences of words" for finding in findings)


def test_tagged_words_without_sentence_column_are_reported():
    rng = np.random.default_rng(0)
    rows = [{"word": f"{word}{rng.integers(9)}", "tag": tag} for row in SENTENCES for word, _, tag in row]
    _, task, findings = inputs.read(rows, "tag", FitConfig(rare_classes="drop"))
    assert task.name == "token_classification"
    assert any("a column that numbers them" in finding.message for finding in findings)


VOCABULARY = {"a": ["apple", "ant", "axe", "arm", "ape", "ash"], "b": ["bee", "bat", "bus", "bag", "bow", "box"]}
LABELS = ["a", "b"] * 60


def rows_of(**columns):
    rng = np.random.default_rng(0)
    words = [str(rng.choice(VOCABULARY[label])) for label in LABELS]
    given = {
        name: [value(word, label) for word, label in zip(words, LABELS, strict=True)] for name, value in columns.items()
    }
    return [dict(zip([*given, "label"], row, strict=True)) for row in zip(*given.values(), LABELS, strict=True)]


def copy_of(word, label):
    return {"a": "NN", "b": "VB"}[label]


@pytest.mark.parametrize("name", ["item", "word", "text"])
def test_the_only_words_of_a_table_are_never_left_out(name):
    table, _, findings = inputs.read(rows_of(**{name: lambda w, _: w, "pos": copy_of}), "label", FitConfig())
    assert [*table.text, *table.columns] == [name]
    lost = [finding for finding in findings if "left out because they reveal" in finding.message]
    assert [finding.columns for finding in lost] == [("pos",)]


def test_fit_without_usable_rows_stops_with_a_reason():
    numbers = iter(range(200))
    rows = rows_of(pos=copy_of, code=lambda _, label: next(numbers) % 20 + 100 * (label == "a"))
    with pytest.raises(
        TableError, match=r"nothing is left to learn from: 'pos', 'code' alone give away column 'label'"
    ):
        inputs.read(rows, "label", FitConfig(text=()))


def test_lists_of_objects_are_no_text():
    rows = [{"turns": [{"from": "a", "value": f"words {i}"}], "label": "ab"[i % 2]} for i in range(40)]
    with pytest.raises(TableError, match="no column looks like text"):
        inputs.read(rows, "label", FitConfig())
