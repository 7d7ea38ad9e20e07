"""Targets of several labels, however they are written: lists of 0 and 1, Python's lists, signs that are hinted at."""

import io
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import tasks
from penna.automl import inputs
from penna.data import python_literals, readers
from penna.data.readers import multi_targets
from penna.errors import PennaError, TaskError
from penna.fit_config import FitConfig

NAMES = ["joy", "love", "anger", "fear"]
SETS = [row for size in (1, 2, 1) for row in itertools.combinations(NAMES, size)] * 8
TEXTS = [f"some words, number {i} of them" for i in range(len(SETS))]
FLAGS = [[int(name in row) for name in NAMES] for row in SETS]
PLACES = [tuple(np.flatnonzero(row).tolist()) for row in FLAGS]


def as_lines(cells):
    rows = zip(TEXTS, cells, strict=True)
    return io.BytesIO("\n".join(json.dumps({"text": text, "label": cell}) for text, cell in rows).encode())


def as_csv(cells):
    return io.BytesIO(pd.DataFrame({"text": TEXTS, "label": cells}).to_csv(index=False).encode())


def objects(rows):
    out = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        out[i] = row
    return out


HOLDERS = {
    "a list": (TEXTS, FLAGS),
    "a list of arrays": (TEXTS, [np.array(row) for row in FLAGS]),
    "an array": (TEXTS, np.array(FLAGS)),
    "a Series": (TEXTS, pd.Series(FLAGS)),
    "a Series of arrays": (TEXTS, pd.Series([np.array(row, float) for row in FLAGS])),
    "an array of lists": (TEXTS, objects(FLAGS)),
    "a column": (pd.DataFrame({"text": TEXTS, "label": objects(FLAGS)}), "label"),
    "a column of tuples of bool": (
        pd.DataFrame({"text": TEXTS, "label": [tuple(map(bool, r)) for r in FLAGS]}),
        "label",
    ),
    "JSON lines": (as_lines(FLAGS), "label"),
    "CSV": (as_csv([str(row) for row in FLAGS]), "label"),
    "CSV of pandas": (as_csv([str(np.array(row)) for row in FLAGS]), "label"),
    "CSV with blanks": (as_csv([" ".join(map(str, row)) for row in FLAGS]), "label"),
    "CSV with commas": (as_csv([",".join(map(str, row)) for row in FLAGS]), "label"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_lists_of_0_and_1_are_a_matrix_whatever_holds_them(holder):
    source, y = HOLDERS[holder]
    table, task, _ = inputs.read(source, y, FitConfig())
    assert (task.name, task.classes, task.matrix) == ("multilabel", (0, 1, 2, 3), True)
    assert table.target.tolist() == PLACES
    assert task.encode(table).astype(int).tolist() == FLAGS


def test_label_matrix_is_read_the_same_in_evaluation():
    _, task, _ = inputs.read(as_lines(FLAGS), "label", FitConfig())
    task = tasks.restore(json.loads(json.dumps(task.to_json())))
    for row in ([0, 1, 0, 0], [1, 1, 1, 1]):  # alone, a row could be labels
        table, _ = readers.read([{"text": "a text of one row", "label": row}], y="label")
        assert task.encode(table).astype(int).tolist() == [row]
    assert task.sklearn_score(multi_targets.matrix(FLAGS), PLACES) == 1


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(st.sampled_from([0, 1]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_matrix_gives_its_places(rows):
    expected = [tuple(np.flatnonzero(row).tolist()) for row in rows]
    for write in (
        list,
        str,
        np.array,
        lambda row: [bool(flag) for flag in row],
        lambda row: [str(flag) for flag in row],
    ):
        assert multi_targets.matrix([write(row) for row in rows]).tolist() == expected


@pytest.mark.parametrize(
    "cells", [[[0, 1], [0, 1]], ["ab", "ba"], [[1], [0]], [[0, 1, 0], [0, 1]], [[0, 2, 0]], ["0/1", "1/0"]]
)
def test_what_may_be_labels_is_no_matrix(cells):
    assert multi_targets.matrix(cells) is None


def test_lists_of_0_and_1_of_unlike_length_are_refused():
    with pytest.raises(TaskError, match="more than once in 112 of 112 rows"):
        inputs.read(as_lines([[*row, 0][: 3 + i % 2] for i, row in enumerate(FLAGS)]), "label", FitConfig())


@pytest.mark.parametrize("write", [list, tuple, set, lambda row: np.array(row, dtype=object), pd.Index])
def test_lists_as_python_writes_them_are_lists(write):
    cells = [str(list(row) if write is pd.Index else write(row)) for row in SETS]
    table, task, _ = inputs.read(as_csv(cells), "label", FitConfig())
    assert task.classes == tuple(sorted(NAMES))
    assert table.target.tolist() == [tuple(sorted(row)) for row in SETS]


def test_plain_labels_mix_with_lists_and_broken_ones_are_named():
    cells = [str(list(row)) if len(row) > 1 else row[0] for row in SETS]
    table, _, _ = inputs.read(as_csv(cells), "label", FitConfig())
    assert table.target.tolist() == [tuple(sorted(row)) for row in SETS]
    with pytest.raises(TaskError, match=r"cannot be read \(rows 5, such as"):
        inputs.read(as_csv([*cells[:4], "['joy, 'love']", *cells[5:]]), "label", FitConfig())


WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(value=st.lists(WRITTEN, max_size=5))
def test_what_python_wrote_is_what_is_parsed(value):
    assert python_literals.parsed(repr(value)) == value
    assert python_literals.parsed(json.dumps(value)) == value


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="[](){}'\",: 01ab\\\nnp.None", max_size=30))
def test_any_cell_is_parsed_or_left(text):
    found = python_literals.parsed(text)
    assert found is None or isinstance(found, list | dict)


def test_strings_that_touch_and_depth_are_no_lists():
    assert python_literals.parsed("['a''b']") is None  # Python would make one of both
    assert python_literals.parsed("('a')") is None
    assert python_literals.parsed("[" * 5000 + "'" + "]" * 5000) is None


@pytest.mark.parametrize("sign", ["#", " ", "\n", "\t", " & ", "、"])
def test_unusual_label_separator_is_hinted_at_and_read(sign):
    cells = [sign.join(row) for row in SETS]
    _, task, findings = inputs.read(as_csv(cells), "label", FitConfig())
    hint = next(finding.message for finding in findings if "--separator" in finding.message)
    typed = hint.partition("--separator '")[2].partition("' reads")[0]
    assert task.name == "classification"
    table, task, _ = inputs.read(as_csv(cells), "label", FitConfig(separator=typed))
    assert table.target.tolist() == [tuple(sorted(row)) for row in SETS]


def test_lists_without_quotes_are_hinted_at_read_and_written():
    cells = [f"[{', '.join(row)}]" for row in SETS]
    _, _, findings = inputs.read(as_csv(cells), "label", FitConfig())
    assert any("--separator '[,]'" in finding.message for finding in findings)
    table, task, _ = inputs.read(as_csv(cells), "label", FitConfig(separator="[,]"))
    assert table.target.tolist() == [tuple(sorted(row)) for row in SETS]
    assert task.to_flat_cells(table.target[4:5]) == ["[joy,love]"]


def test_a_refusal_has_the_hint_too():
    rows = [f"{a}#{b}" for a in NAMES for b in range(12)]
    with pytest.raises(TaskError, match=r"like an id: .* --separator '#'"):
        inputs.read([{"text": t, "label": r} for t, r in zip(TEXTS, rows, strict=False)], "label", FitConfig())


@pytest.mark.parametrize(
    "names", [["credit card", "debit card", "gift card"], ["a_b", "b_c", "a_c"], ["very good", "bad"]]
)
def test_names_of_several_words_are_no_joined_labels(names):
    _, _, findings = inputs.read(as_csv([names[i % len(names)] for i in range(len(TEXTS))]), "label", FitConfig())
    assert not any("--separator" in finding.message for finding in findings)


def test_objects_in_lists_are_never_labels():
    rows = [
        {"a": f"one text with words {i}", "b": f"another of them {i}", "y": [{"start": 0, "kind": "X"}]}
        for i in range(30)
    ]
    with pytest.raises(TaskError, match=r"objects with the keys 'start', 'kind'"):
        inputs.read(rows, "y", FitConfig())
    with pytest.raises(TaskError, match="holds lists in its lists"):
        inputs.read([{**row, "y": [["x", "z"]]} for row in rows], "y", FitConfig())


def test_tags_next_to_other_texts_are_never_labels():
    rows = [
        {
            "title": f"a title that is long enough {i}",
            "note": f"a note with words {i}",
            "ner": ["O", "O", "B-X"][: 2 + i % 2],
        }
        for i in range(30)
    ]
    with pytest.raises(PennaError, match="more than once"):
        inputs.read([{**row, "ner": [*row["ner"], "O"]} for row in rows], "ner", FitConfig())


def test_row_counts_mention_rows_left_out_before():
    rows = [{"text": f"words of row {i}", "label": "a" if i < 30 else None} for i in range(100)]
    with pytest.raises(TaskError, match=r"only one class .* left out for an empty 'label': 70"):
        inputs.read(rows, "label", FitConfig())
    lines = "\n".join([*(json.dumps(row) for row in rows[:10]), *["no json"] * 50])
    with pytest.raises(PennaError, match=r"10 rows are too few .* no JSON object: 50") as caught:
        inputs.read(io.BytesIO(lines.replace('"a"', '"b"', 4).encode()), "label", FitConfig())
    assert "\n" not in str(caught.value)


def test_labels_that_are_bytes_are_text():
    out = io.BytesIO()
    pd.DataFrame({"text": TEXTS[:4], "label": [b"a", b"b", b"a", "ä".encode()]}).to_parquet(out)
    out.seek(0)
    assert readers.read(out)[0].target.tolist() == ["a", "b", "a", "ä"]


def test_answers_that_cannot_be_used_are_counted_among_all_rows():
    rows = [{"question": f"who is it, {i}", "context": f"it is Ann {i}"} for i in range(30)]
    cells = [[{"text": "Bob", "answer_start": 0}] if i < 20 else [] for i in range(30)]
    with pytest.raises(TaskError, match=r"no answer of column 'answers' can be used in its 30 rows: .* 20 of 30"):
        tasks.find(
            "question_answering",
            readers.read([{**row, "answers": cell} for row, cell in zip(rows, cells, strict=True)])[0],
        )
