"""Several labels for a row: how cells say them, what is refused, how answers are judged, cut and written."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, label_ranking_average_precision_score, precision_score

from penna import postprocessing, tasks
from penna.automl import postprocess
from penna.automl.selection import OutOfFoldScores, Selection
from penna.data import readers
from penna.errors import TableError, TaskError
from penna.metrics import label_sets
from penna.postprocessing import label_thresholds
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.checks import label_sets as labelsets
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial
from penna.tasks import _multi_labels, multilabel
from penna.testing import make_table


def table(cells, form=""):
    return make_table(target=cells, target_name="labels", target_form=form)


def judged(n=600, k=4, seed=0, rare=0.05):
    """Truth with shares from ``rare`` to a half, and probabilities that rank well and lie too low."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n, k)) < np.linspace(rare, 0.5, k)).astype(np.float32)
    return y, 1 / (1 + np.exp(-(3 * y - 3.5 + rng.normal(size=(n, k)))))


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["joy|love", "joy", "anger|joy", "love"] * 9, "|"),
        (["joy; love", "joy", "anger;joy", "", "love"] * 9, ";"),
        (["joy, love", "joy", "anger, joy", "love"] * 9, ","),
        (['["joy", "love"]', '["joy"]', "[]", '["love"]'] * 9, "json"),
        (["Sports, Outdoors", "Books", "Sports, Outdoors", "Books"] * 9, ""),
        (["1,5", "2,25", "3,125", "4,75", "5,5"] * 5, ""),
        (["yes", "no", "n/a"] * 9, ""),
        (["a|b"], ""),
        ([f"what a {i}, and then {i % 7}" for i in range(50)], ""),
        ([], ""),
    ],
)
def test_label_separator_is_inferred(cells, form):
    assert _multi_labels.form_of(cells) == form


def test_column_of_several_labels_is_recognized():
    given = table(["joy|love", "joy", "anger|joy", "love", None, "anger"] * 9)
    module, said = tasks.recognised("auto", given)
    assert module.name == "multilabel"
    assert "up to 2 of 3 labels in a row, joined by '|'" in said
    assert tasks.find("auto", given).classes == ("anger", "joy", "love")
    assert tasks.find("classification", table(["joy|love", "joy"] * 9)).classes == ("joy", "joy|love")
    assert tasks.find("auto", table(["joy", "love"] * 9), "micro_f1").name == "multilabel"


def test_named_separator_has_priority():
    given = table(["a b", "b", "c a"] * 9, form=" ")
    assert tasks.find("auto", given).classes == ("a", "b", "c")
    with pytest.raises(TaskError, match="another --separator"):
        multilabel.prepare_target(table(["a|b", "b"] * 9, form=";"))


def test_empty_cell_means_no_label():
    settled, findings = multilabel.prepare_target(table(["a|b", "b", None, "", "a"] * 5))
    assert settled.target.tolist()[:5] == [("a", "b"), ("b",), (), (), ("a",)]
    assert findings == []
    task = multilabel.from_table(settled)
    assert task.encode(settled)[:3].tolist() == [[1, 1], [0, 1], [0, 0]]
    assert task.encode(table(["b|a", None])).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([(), None, ""] * 9, "no label in any of its 27 rows"),
        ([("a",), ()] * 9, r"one label only \('a'\).*--task classification"),
        ([(f"{i}", f"{-i}") for i in range(30)], "like names of rows"),
        ([("a",), (1,)] * 9, "mixes labels of types"),
        ([], "nothing to learn from"),
    ],
)
def test_unlearnable_target_is_named(cells, says):
    with pytest.raises(TaskError, match=says):
        multilabel.prepare_target(table(cells))


def test_labels_seen_once_are_dropped_with_their_rows():
    given = table([("a", "b"), ("a", "once"), ("b",), ("twice not",), ()] + [("a",), ("b",)] * 9)
    settled, (finding,) = multilabel.prepare_target(given)
    assert settled.rows.tolist() == [1, 2, 3, 5, *range(6, 24)]
    assert settled.target[1] == ("a",)
    assert "2 ('once', 'twice not'; rows 2, 4); and rows with no other: 1." in finding.message


def test_rows_with_unknown_labels_are_unusable():
    task = multilabel.from_table(table([("a", "b"), ("b",), ("a",)] * 4))
    other = table(["a", "a|c", "d", None])
    assert task.usable(other).tolist() == [True, False, False, True]
    with pytest.raises(TaskError, match=r"'c', 'd' \(rows 2, 3; known labels: 'a', 'b'\)"):
        task.encode(other)


@given(st.lists(st.lists(st.text(), max_size=3), min_size=2, max_size=9))
def test_any_texts_can_be_labels_and_come_back_as_they_were(rows):
    rows = [tuple(sorted(set(row) - {""})) for row in rows]
    if len({label for row in rows for label in row}) < 2:
        return
    task = multilabel.from_table(table(rows * 2))
    again = tasks.restore(json.loads(json.dumps(task.to_json())))
    assert again.labels(again.encode(table(rows))).tolist() == rows
    assert [set(row) for row in _multi_labels.sets(task.to_flat_cells(rows), task.form)] == [
        {label.strip() for label in row} - {""} for row in rows
    ]


def test_numbers_can_be_labels():
    task = multilabel.from_table(table([(1, 2), (3,), (2, 3), (1,)] * 3))
    assert task.decode(np.array([[0.9, 0.2, 0.5]])).tolist() == [(1, 3)]
    assert task.to_flat_cells([(1, 3), ()]) == ["1|3", ""]
    assert task.encode(table(["1|3"])).tolist() == [[1, 0, 1]]


def test_strata_are_the_rarest_labels():
    task = multilabel.from_table(table([("a", "b"), ("a",), ("a",), ("b", "c"), ("c",), ("b",), ()] * 3))
    strata = task.strata(table([("a", "b"), ("a",), ("a",), ("b", "c"), ("c",), ("b",), ()] * 3))
    assert len(np.unique(strata)) == 4
    assert strata[3] == strata[4] != strata[1]
    assert strata[6] not in strata[:6]


@pytest.mark.parametrize("damage", [{"classes": ["b", "a"]}, {"kind": "list"}, {"form": ""}, {"metric": "accuracy"}])
def test_a_damaged_task_is_refused(damage):
    data = multilabel.from_table(table([("a", "b"), ("b",)] * 4)).to_json()
    with pytest.raises(TaskError, match="damaged"):
        tasks.restore(data | damage)


# Reading


FRAME = pd.DataFrame({"text": ["so good", "so bad", "fine by me"], "joy": [1, 0, 0], "anger": ["0", "yes", ""]})


def test_columns_of_0_and_1_are_a_target_together():
    read, _ = readers.read(FRAME, target=("joy", "anger"))
    assert read.target.tolist() == [("joy",), ("anger",), ()]
    assert (read.target_name, read.target_columns) == ("joy, anger", ("joy", "anger"))
    assert readers.read(FRAME, y=["joy", "anger"])[0].target.tolist() == read.target.tolist()
    with pytest.raises(TableError, match=r"column 'text' holds 'so good' in row 1: .*several target columns"):
        readers.read(FRAME, text=["anger"], target=("joy", "text"))


def test_a_matrix_of_0_and_1_and_lists_are_targets_too():
    texts = list(FRAME["text"])
    matrix = np.array([[1, 0], [1, 1], [0, 0]])
    assert readers.read(texts, y=matrix)[0].target.tolist() == [(0,), (0, 1), ()]
    assert readers.read(texts, y=matrix.tolist())[0].target.tolist() == [(0,), (0, 1), ()]
    assert readers.read(texts, y=pd.DataFrame(matrix, columns=["a", "b"]))[0].target.tolist() == [
        ("a",),
        ("a", "b"),
        (),
    ]
    assert readers.read(texts, y=[["b", "a"], ["a"], []])[0].target.tolist() == [("b", "a"), ("a",), ()]
    with pytest.raises(TableError, match="values other than 0 and 1"):
        readers.read(texts, y=2 * matrix)


def test_lists_in_json_lines_are_tuples_of_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "so good", "label": ["joy ", 3]}\n{"text": "so bad", "label": []}\n')
    assert readers.read(path)[0].target.tolist() == [("joy", "3"), ()]


# Metrics


def test_metrics_agree_with_scikit_learn():
    y, p = judged()
    y[5], y[6] = 0, 1  # rows with no label and with all
    answers = p >= 0.5
    value = {name: label_sets.value(name, y, p) for name in label_sets.SIGNS}
    assert value["macro_f1"] == pytest.approx(f1_score(y, answers, average="macro"))
    assert value["micro_f1"] == pytest.approx(f1_score(y, answers, average="micro"))
    assert value["subset_accuracy"] == pytest.approx(accuracy_score(y, answers))
    assert value["label_ranking_ap"] == pytest.approx(label_ranking_average_precision_score(y, p))
    assert value["log_loss"] == pytest.approx(-np.mean(np.log(np.where(y > 0, p, 1 - p))))
    by_label = label_sets.by_label(y, p)
    np.testing.assert_allclose(by_label["precision"], precision_score(y, answers, average=None, zero_division=0))
    for name, (middle, low, high) in label_sets.intervals(y, p, rounds=100).items():
        assert middle == pytest.approx(value[name], rel=1e-5)
        assert low < middle < high


def test_score_with_thresholds_is_not_optimistic():
    y, p = judged(4000)
    plain, score = label_sets.value("macro_f1", y, p), label_sets.score("macro_f1", y, p)
    assert score > plain + 0.1
    fresh, new = judged(4000, seed=1)
    cut = new >= label_sets.cuts(y, p)
    assert f1_score(fresh, cut, average="macro") == pytest.approx(score, abs=0.03)
    # Where nothing can be distinguished, halves learn nothing from one another.
    noise = np.random.default_rng(2).random(y.shape)
    everything = 2 * y.mean(axis=0) / (1 + y.mean(axis=0))
    assert label_sets.score("macro_f1", y, noise) < everything.mean() + 0.02


@pytest.mark.parametrize("metric", sorted(label_sets.SIGNS))
def test_the_error_of_a_score_is_about_what_samples_differ_by(metric):
    scores = [label_sets.score(metric, *judged(800, seed=s)) for s in range(30)]
    error = label_sets.score_error(metric, *judged(800, seed=99))
    assert 0.4 < error / np.std(scores) < 2.5
    assert label_sets.score_error(metric, *judged(1)) == 0


# The post-processing step


def test_thresholds_move_each_label_to_one_half():
    y, p = judged(3000)
    step = label_thresholds.fit(y, p.astype(np.float32), lambda y, p: label_sets.value("macro_f1", y, p))
    assert np.array_equal(step(p) >= 0.5, p >= np.array(step.at))
    assert (np.argsort(step(p)[:, 0], kind="stable") == np.argsort(p[:, 0], kind="stable")).all()
    again = postprocessing.from_json(json.loads(json.dumps(postprocessing.to_json(step))))
    assert again == step
    np.testing.assert_array_equal(again(p[:3]), step(p)[:3])
    assert np.isfinite(step(np.array([[0, 1, 0.5, np.nextafter(1, 0)]]))).all()
    for damage in ([], [0.5, 1.0], [0.5, None], "0.5"):
        with pytest.raises((ValueError, TypeError)):
            label_thresholds.make(damage)


def test_micro_f1_gets_one_threshold_for_all_labels():
    y, _ = judged(6000)
    share = np.linspace(0.05, 0.5, 4)
    p = 1 / (
        1 + np.exp(-(np.log(share / (1 - share)) + 2 * (2 * y - 1 + np.random.default_rng(9).normal(size=y.shape))))
    )
    step = label_thresholds.fit(y, p, lambda y, p: label_sets.value("micro_f1", y, p))
    assert len(set(step.at)) == 1


def test_selection_gets_helpful_thresholds_and_their_score():
    y, p = judged(2000)
    task = multilabel.from_table(table([tuple("abcd"[j] for j in np.flatnonzero(row)) for row in y]))
    trial = Trial(
        Recipe.of("linear"), State.COMPLETE, folds=(0,), scores=(task.score(y, p),), score_std_errors=(0.01,), number=0
    )
    evidence = OutOfFoldScores(task, lambda _: y, lambda *_: p.astype(np.float32), (0,))
    done = postprocess.choose_postprocessing([Selection(((trial, 1.0),), trial.score, 0.01)], evidence, 60.0)
    assert [step.name for step in done.last] == ["label_thresholds"]
    assert done.score == pytest.approx(task.score(y, p), abs=0.02)
    assert (
        task.without_postprocessing().score(y, postprocessing.apply(done.last, p))
        > task.without_postprocessing().score(y, p) + 0.1
    )
    level = replace(evidence, outputs=lambda *_: postprocessing.apply(done.last, p))
    assert postprocess.choose_postprocessing([Selection(((trial, 1.0),), trial.score, 0.01)], level, 60.0).last == ()


# Checks


def test_labels_that_are_rare_misspelt_or_never_alone_are_named():
    cells = [("joy", "glad", "love")] * 12 + [("love",), ("Love",)] * 10 + [("joy", "glad", "once"), ()]
    found = {finding.kind: finding for finding in labelsets.find(CheckContext(multilabel.parse_target(table(cells))))}
    assert set(found) == {"rare class", "label spelling", "labels together"}
    assert found["rare class"].rows == (33,)
    assert found["label spelling"].count == 10
    assert '"glad" and "joy": 13 rows' in found["labels together"].examples[0]
    assert labelsets.find(CheckContext(table(["joy", "love"] * 9))) == []


def test_unlearned_label_is_not_given_to_every_row() -> None:
    rng = np.random.default_rng(0)
    y = np.stack([rng.random(4000) < 0.3, rng.random(4000) < 0.002], axis=1).astype(np.float32)
    p = np.stack([0.6 * y[:, 0] + 0.4 * rng.random(4000), 0.001 + 0.01 * rng.random(4000)], axis=1).astype(np.float32)
    served = label_thresholds.fit(y, p, lambda y, p: label_sets.value("macro_f1", y, p))(p) >= 0.5
    assert served[:, 1].sum() <= 5 * y[:, 1].sum()
    assert (served[:, 0] == (y[:, 0] > 0)).mean() > 0.95


def test_lists_of_labels_agree_as_tuples_do():
    task = multilabel.from_table(table([("a", "b"), ("a",), ("b",)] * 20))
    assert task.sklearn_score([["b", "a"], ["a"]], [("a", "b"), ("b",)]) == 0.5
