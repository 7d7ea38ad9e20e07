"""The contract of every task in the folder, and the particulars of classification."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penna import plugins, tasks
from penna.data import ragged
from penna.data.table import Table
from penna.errors import TaskError
from penna.testing import check_task, make_table


def table(labels, name="label"):
    return make_table(target=labels, target_name=name)


def quoted(answers):
    """Questions with texts that hold those answers."""
    made = table(answers, "answers")
    texts = np.array([f"It was {answer} in the year {i}." for i, answer in enumerate(answers)], dtype=object)
    return replace(made, text={"question": made.text["text"], "context": texts}, pair=("question", "context"))


EXAMPLES = {
    "question_answering": quoted(["Rome", "the sea", "a big dog", "Rome", "snow"] * 2),
    "classification": table(["no", "yes", "no", "maybe", "yes", "no"] * 2),
    "multilabel": table([("a",), ("a", "b"), (), ("b", "c"), ("c",), ("b",)] * 2),
    "token_classification": table(
        [("O", "B-X"), ("B-X", "I-X"), ("O", "O"), ("B-Y", "B-X"), ("O", "B-Y"), ("O", "O")] * 2
    ),
    "translation": table([f"das ist Satz {i} von vielen" for i in range(24)]),
    "regression": table([2.5, 1e3, -4, 0.25, 17, 3.75, 8.5]),
}


@pytest.mark.parametrize("name", plugins.names("tasks"))
def test_every_task_keeps_the_contract(name):
    check_task(name, EXAMPLES[name])
    assert tasks.find("auto", EXAMPLES[name]).name == name


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", "b"],
        [3, -1, 3],
        [True, False, True],
        [2.0, 0.5, 2.0],
        [np.int64(3), np.int64(-1), np.int64(3)],
        [np.str_("b"), np.str_("a"), np.str_("b")],
        [np.bool_(True), np.bool_(False), np.bool_(True)],
    ],
)
def test_labels_keep_their_type_through_json(labels):
    task = tasks.find("classification", table(labels))
    again = tasks.restore(json.loads(json.dumps(task.to_json())))
    decoded = again.decode(np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]]))
    assert decoded.tolist() == labels
    plain = labels[0].item() if isinstance(labels[0], np.generic) else labels[0]
    assert {type(label) for label in decoded} == {type(plain)}
    assert again.encode(table(labels)).tolist() == [1, 0, 1]


@given(st.lists(st.text(), min_size=2, max_size=8, unique=True))
def test_any_text_can_be_a_label(labels):
    task = tasks.find("classification", table(labels * 2))
    again = tasks.restore(json.loads(json.dumps(task.to_json())))
    y = again.encode(table(labels))
    assert again.decode(np.eye(len(labels))[y]).tolist() == labels


def test_file_labels_match_dataframe_numbers():
    numbers = tasks.find("classification", table([1, 2, 1, 2]))
    assert numbers.encode(table(["2", "1"])).tolist() == [1, 0]
    texts = tasks.find("classification", table(["1", "2", "1", "2"]))
    assert texts.encode(table([2, 1])).tolist() == [1, 0]


def test_labels_never_seen_are_named_with_their_rows():
    task = tasks.find("classification", table(["a", "b", "a", "b"]))
    with pytest.raises(TaskError, match=r"'c', 'd' \(rows 2, 4; known labels: 'a', 'b'\)"):
        task.encode(table(["a", "c", "b", "d"]))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", "a"], "one class only"),
        (["a", "b", "c"], "different label in each"),
        (["a", 1, "a"], r"mixes labels of types str \(row 1\) and int \(row 2\)"),
        (["a", None, "b"], "no label in row 2"),
        ([1.0, float("nan"), 2.0], "no label in row 2"),
        ([1.0, 1.0, float("inf")], "infinity in row 3"),
        ([["a"], "b"], "list in row 1"),
        ([True, 1], "mixes"),
    ],
)
def test_unlearnable_target_is_named(labels, says):
    with pytest.raises(TaskError, match=says):
        tasks.find("classification", table(labels))


def test_rare_classes_make_macro_f1_the_default():
    assert tasks.find("classification", table(["a"] * 8 + ["b"] * 2)).metric == "accuracy"
    assert tasks.find("classification", table(["a"] * 95 + ["b"] * 5)).metric == "macro_f1"
    assert tasks.find("classification", table(["a"] * 95 + ["b"] * 5), "accuracy").metric == "accuracy"


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "balanced_accuracy", "log_loss"])
def test_a_better_model_has_a_higher_score(metric):
    task = tasks.find("classification", table(["a", "b", "c"] * 5), metric)
    y = np.array([0, 1, 2] * 5)
    good, bad = 0.8 * np.eye(3)[y] + 0.2 / 3, np.full((15, 3), 1 / 3)
    assert task.score(y, good) > task.score(y, bad)


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "code"},
        {"metric": "beauty"},
        {"classes": ["b", "a"]},
        {"classes": ["a"]},
        {"classes": [1, 2]},
        {"classes": None},
        {"classes": ["a", ["b"]]},
        {"name": "nothing"},
    ],
)
def test_a_damaged_task_is_refused(damage):
    data = tasks.find("classification", table(["a", "b"] * 2)).to_json()
    with pytest.raises(TaskError):
        tasks.restore(data | damage)
    data.pop("classes")
    with pytest.raises(TaskError):
        tasks.restore(data)


def test_file_labels_are_usable_for_numeric_classes():
    task = tasks.find(
        "classification", Table({"t": ragged.objects("abcd")}, ragged.objects([0, 1, 0, 1]), rows=np.arange(1, 5))
    )
    asked = Table({"t": ragged.objects("abc")}, ragged.objects(["1", "2", None]), rows=np.arange(1, 4))
    assert task.usable(asked).tolist() == [True, False, False]


def test_a_table_is_cut_into_portions_by_rows_and_by_characters():
    made = Table({"t": ragged.objects(["aaaa", "b", "c", "dddddddd", "e"])}, rows=np.arange(1, 6))
    assert [part.rows.tolist() for part in made.batches(9, 5)] == [[1, 2], [3], [4], [5]]
    assert [part.rows.tolist() for part in made.batches(2, 99)] == [[1, 2], [3, 4], [5]]
    assert list(made.take(np.arange(0)).batches(2, 99)) == []
