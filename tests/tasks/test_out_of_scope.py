"""What is out of scope: a class found by its name or requested, a threshold that answers with it, and its measures."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penna import AutoText, load, postprocessing, tasks
from penna.errors import TaskError
from penna.postprocessing import oos_threshold
from penna.postprocessing.oos_threshold import OosThreshold
from penna.tasks import classification
from penna.testing import make_table


def table(labels):
    return make_table(target=labels)


def answers(rows=600, strange=60, seed=0, classes=4):
    """True classes, the last of them out of scope, and probabilities that are sure of the others and not of it."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([rng.integers(0, classes, rows), np.full(strange, classes)])
    sure = np.where(y < classes, rng.normal(4, 0.8, len(y)), rng.normal(1, 0.6, len(y)))
    logits = rng.normal(0, 0.3, (len(y), classes))
    logits[np.arange(len(y)), y % classes] += sure
    outputs = np.exp(logits)
    return y, (outputs / outputs.sum(axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(
    outputs=arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.just(4)), elements=st.floats(0, 1, width=32)),
    column=st.integers(0, 4),
    place=st.floats(-3, 3),
    steep=st.sampled_from((0.25, 1.0, 4.0)),
)
def test_out_of_scope_if_no_class_is_likely_enough(outputs, column, place, steep):
    outputs = postprocessing.normal(outputs)
    after = OosThreshold(column, place, steep)(outputs)
    assert after.shape == (len(outputs), 5 if column == 4 else 4)
    assert np.allclose(after.sum(axis=1), 1, atol=1e-5)
    inside = np.delete(outputs, column, axis=1) if column < 4 else outputs
    top = np.clip(inside.max(axis=1).astype(np.float64), 1e-7, 1 - 1e-7)
    odds = np.log(top) - np.log1p(-top)
    clear = (np.abs(odds - place) > 1e-2) & (inside.sum(axis=1) > 1e-6)
    assert ((after.argmax(axis=1) == column) == (odds < place))[clear].all()


def test_threshold_comes_from_out_of_scope_rows():
    step = oos_threshold.fit(*answers(), column=4)
    y, outputs = answers(seed=1)
    said = step(outputs).argmax(axis=1)
    assert (said == y)[y < 4].mean() > 0.9
    assert (said == 4)[y == 4].mean() > 0.9


def test_without_such_rows_a_few_right_answers_are_given_up():
    y, outputs = answers(rows=2000, strange=0)
    said = oos_threshold.fit(y, outputs, column=4)(outputs).argmax(axis=1)
    assert np.mean(said == 4) == pytest.approx(oos_threshold.GIVEN_UP, abs=0.01)
    strange = answers(rows=0, strange=500, seed=3)[1]
    assert (oos_threshold.fit(y, outputs, column=4)(strange).argmax(axis=1) == 4).mean() > 0.9


def test_out_of_scope_is_rare_without_a_threshold():
    y, outputs = answers()
    after = oos_threshold.never(4)(outputs)
    assert after.shape == (len(y), 5)
    assert np.array_equal(after.argmax(axis=1), outputs.argmax(axis=1))


def test_it_survives_json_and_damage_is_refused():
    step = OosThreshold(2, -0.5, 1.0)
    assert postprocessing.from_json(json.loads(json.dumps(postprocessing.to_json(step)))) == step
    for values in ([2, 0.5], [1.5, 0, 1], [-1, 0, 1], [2, 0, 0], [2, 1e9, 1], "x"):
        with pytest.raises((ValueError, TypeError)):
            postprocessing.from_json({"step": "oos_threshold", "values": values})


def test_usual_out_of_scope_name_is_kept_in_the_artifact():
    found = tasks.find("classification", table(["balance", "transfer", "Out-Of-Scope"] * 9))
    assert found.scope == "Out-Of-Scope"
    assert found.oos_index == 0
    assert tasks.restore(json.loads(json.dumps(found.to_json()))) == found
    assert tasks.find("classification", table(["yes", "no", "maybe"] * 9)).oos_index is None


def test_label_without_rows_is_an_extra_last_column():
    task = classification.with_oos_label(tasks.find("classification", table(["a", "z"] * 9)), "m")
    assert task.classes == ("a", "z", "m")
    assert task.columns == 2
    assert tasks.restore(json.loads(json.dumps(task.to_json()))) == task
    short = np.array([[0.8, 0.2], [0.4, 0.6]])
    assert task.probabilities(short).shape == (2, 3)
    assert task.score(np.array([0, 2]), short) == 0.5
    assert task.encode(table(["m", "a"])).tolist() == [2, 0]


def test_measures_separate_scope_from_classes():
    task = tasks.find("classification", table(["a", "b", "oos"] * 9))
    outputs = np.eye(3)[[0, 1, 2, 2, 2, 0]]
    measured = task.measure(np.array([0, 1, 2, 2, 0, 1]), outputs)
    told = {name: measured[name][0] for name in ("in_scope_accuracy", "oos_precision", "oos_recall", "oos_f1")}
    assert told == pytest.approx({"in_scope_accuracy": 0.5, "oos_precision": 2 / 3, "oos_recall": 1.0, "oos_f1": 0.8})
    inside = task.measure(np.array([0, 1]), outputs[:2])
    assert "oos_f1" not in inside
    assert inside["in_scope_accuracy"][0] == 1


def test_what_cannot_be_a_label_or_leaves_no_scope_is_refused():
    numbers = tasks.find("classification", table([1, 2, 3] * 9))
    assert classification.with_oos_label(numbers, "3").scope == 3
    with pytest.raises(TaskError, match="labels of type int"):
        classification.with_oos_label(numbers, "other")
    with pytest.raises(TaskError, match="leaves one class"):
        classification.with_oos_label(tasks.find("classification", table(["a", "b"] * 9)), "b")
    with pytest.raises(TaskError, match="one label a row"):
        AutoText(task="regression", oos_label="x", budget=5).fit([f"t {i}" for i in range(40)], np.arange(40) * 0.7)


@pytest.fixture(scope="module")
def questions(demo_rows):
    """Five intents of 40 rows, and 60 rows of others."""
    names = sorted(set(demo_rows.label))
    inside = demo_rows[demo_rows.label.isin(names[:5])].groupby("label").head(40)
    strange = demo_rows[demo_rows.label.isin(names[8:])].sample(60, random_state=0).assign(label="oos")
    return inside, strange


@pytest.mark.slow
def test_fit_with_out_of_scope_rows_measures_rejection(questions, tmp_path):
    inside, strange = questions
    rows = pd.concat([inside, strange]).sample(frac=1, random_state=0)
    auto = AutoText(budget=10, families=("linear",), test_size=0.3, out=tmp_path / "run").fit(rows, y="label")
    assert auto.bundle_.manifest["last"][-1] == "oos_threshold"
    assert auto.test_scores_["oos_f1"][0] > 0.6
    assert auto.test_scores_["in_scope_accuracy"][0] > 0.7
    assert "oos_recall" in (tmp_path / "run" / "model" / "README.md").read_text()
    assert "oos recall" in (tmp_path / "run" / "report.html").read_text()
    opened = load(tmp_path / "run")
    assert np.array_equal(opened.predict(list(strange.text)), auto.predict(list(strange.text)))


@pytest.mark.slow
def test_fit_without_out_of_scope_rows_can_predict_the_label(questions, tmp_path):
    inside, strange = questions
    test = pd.concat([inside.groupby("label").tail(10), strange.assign(label="something else")])
    train = inside.groupby("label").head(30)
    auto = AutoText(budget=10, families=("linear",), oos_label="something else", out=tmp_path / "run")
    auto.fit(train, y="label", test=test)
    assert auto.test_scores_["rows"] == len(test)
    assert auto.classes_[-1] == "something else"
    assert auto.predict_proba(list(test.text)).shape == (len(test), 6)
    assert auto.test_scores_["oos_recall"][0] > 0.2
    assert auto.test_scores_["in_scope_accuracy"][0] > 0.7
