"""Checking: a table that cannot be trained on is refused in one sentence; rows that cannot be used are named."""

from dataclasses import replace

import numpy as np
import pytest

from penna.data.readers.read_table import read
from penna.data.table import Table
from penna.errors import PennaError, TableError, TaskError
from penna.preprocessing.validate import check


def table(texts=None, labels=None) -> Table:
    labels = ["good", "bad"] * 15 if labels is None else labels
    texts = [f"some words number {i}" for i in range(len(labels))] if texts is None else texts
    return read(texts, y=labels)[0]


def refusal(kind, given: Table, **how) -> str:
    with pytest.raises(PennaError) as caught:
        check(given, **how)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sound_table_passes_unchanged():
    given = table()
    checked, findings = check(given)
    assert checked.full_text.tolist() == given.full_text.tolist()
    assert checked.target.tolist() == given.target.tolist()
    assert findings == []


def test_rows_without_text_or_label_are_left_out_and_named():
    texts = [f"words {i}" for i in range(32)]
    labels = ["good", "bad"] * 16
    texts[3], texts[9], labels[20], labels[9] = " \n", "", None, None
    checked, findings = check(table(texts, labels))
    assert len(checked) == 29
    assert {4, 10, 21}.isdisjoint(checked.rows.tolist())
    assert {finding.kind: finding.rows for finding in findings} == {"empty text": (4, 10), "missing target": (21,)}
    assert "rows 4, 10" in findings[0].message


def test_a_row_with_one_of_two_texts_is_kept():
    given, _ = read([["words here", ""]] + [[f"words {i}", f"more {i}"] for i in range(29)], y=["a", "b"] * 15)
    assert len(check(given)[0]) == 30


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (TableError, table([" "] * 30), "all 30 rows have an empty text"),
        (TableError, table(labels=[None] * 30), "empty in all 30 rows"),
        (TableError, table(["", "a b"], [None, None]), "empty in all 2 rows"),
        (TableError, table(["", "a b"], ["x", None]), "both a text and a label"),
        (TaskError, table(labels=["good"] * 30), "only one class ('good')"),
        (TableError, table(labels=["good", "bad"] * 5), "10 rows are too few"),
        (TaskError, table(labels=["good", "bad"] * 15 + ["odd"]), "'odd' (row 31)"),
        (TaskError, table(labels=["good", "bad"] * 15 + ["odd"]), "--rare-classes drop"),
        (TaskError, table(labels=["good", 1, *["good"] * 28]), "mixes types ('good' in row 1, 1 in row 2)"),
        (TaskError, table(labels=[True, 2] * 15), "mixes types"),
        (TaskError, table(labels=[i / 7 for i in range(100)]), "regression"),
        (TaskError, table(labels=[f"{i / 7:.3f}" for i in range(100)]), "regression"),
        (TaskError, table(labels=[f"id{i}" for i in range(100)]), "like an id"),
        (TaskError, table(labels=list(range(100))), "like an id"),
        (TableError, replace(table(), target=None), "no target"),
    ],
)
def test_unusable_columns_are_refused_in_one_sentence(kind, given, words):
    assert words in refusal(kind, given)


def test_a_class_of_one_row_can_be_dropped():
    checked, findings = check(table(labels=["good", "bad"] * 15 + ["odd", "queer"]), rare="drop")
    assert set(checked.target) == {"good", "bad"}
    assert [(finding.kind, finding.rows) for finding in findings] == [("rare class", (31, 32))]
    assert "only one class" in refusal(TaskError, table(labels=["good"] * 30 + ["odd"]), rare="drop")


@pytest.mark.parametrize("labels", [[1, 0] * 15, [True, False] * 15, [0.5, 1.5] * 15, ["1", "2"] * 15])
def test_labels_keep_their_type(labels):
    checked, _ = check(table(labels=labels))
    assert checked.target.tolist() == labels
    assert {type(label) for label in checked.target} == {type(labels[0])}


def test_whole_and_other_numbers_become_one_type():
    checked, _ = check(table(labels=[1, 0.5] * 15))
    assert {type(label) for label in checked.target} == {float}


def test_a_scale_of_whole_numbers_is_classes_and_no_regression():
    assert len(check(table(labels=[str(i % 60) for i in range(600)]))[0]) == 600


def test_repeated_texts_are_counted_and_kept():
    texts = [f"words {i}" for i in range(30)]
    texts[10] = texts[12] = "words 0"  # the same label
    texts[11] = texts[20] = "words 21"  # one with another label
    checked, findings = check(table(texts))
    assert len(checked) == 30
    told = {finding.kind: finding for finding in findings}
    assert told["repeated text"].count == 4
    assert told["repeated text"].severity == "info"
    assert told["torn labels"].rows == (12, 21, 22)
    assert told["torn labels"].severity == "warning"


def test_very_long_cell_is_reported():
    texts = [f"words {i}" for i in range(30)]
    texts[4] = "long " * 30_000
    _, (finding,) = check(table(texts))
    assert (finding.kind, finding.rows) == ("long text", (5,))


def test_many_rows_without_a_fault_give_no_finding():
    n = 200_000
    texts = np.array([f"some words number {i}" for i in range(n)], dtype=object)
    labels = np.array(["good", "bad"], dtype=object)[np.arange(n) % 2]
    given = Table({"text": texts}, labels, rows=np.arange(1, n + 1))
    kept, findings = check(given)
    assert (len(kept), findings) == (n, [])


def test_many_rows_of_few_texts_are_refused():
    said = refusal(TableError, table(["a good film", "a bad film"] * 15))
    assert "30 rows hold only 2 different texts" in said
