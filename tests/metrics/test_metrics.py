"""Metrics agree with scikit-learn, and intervals are honest and quick."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from penna import metrics
from penna.testing import check_metric


def rows(seed, n, k, skill=1.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    outputs = rng.random((n, k)) + skill * rng.random((n, 1)) * np.eye(k)[y]
    return y, outputs / outputs.sum(axis=1, keepdims=True)


CLASS_METRICS = [
    metrics.accuracy, metrics.macro_f1, metrics.macro_f2, metrics.macro_f05, metrics.balanced_accuracy, metrics.mcc,
    metrics.log_loss, metrics.calibration_error, metrics.roc_auc, metrics.average_precision,
]  # fmt: skip
NUMBER_METRICS = [metrics.mae, metrics.rmse, metrics.r2, metrics.pearson, metrics.spearman]


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_every_metric_for_classes_keeps_the_contract(metric):
    check_metric(metric, *rows(0, 60, 3))


@pytest.mark.parametrize("metric", NUMBER_METRICS)
def test_every_metric_for_numbers_keeps_the_contract(metric):
    y = np.random.default_rng(0).normal(size=60)
    check_metric(metric, y, (0.5 * y + 0.2)[:, None])


sizes = given(seed=st.integers(0, 10_000), n=st.integers(1, 200), k=st.integers(2, 12))


@sizes
@settings(max_examples=60, deadline=None)
def test_every_metric_agrees_with_scikit_learn(seed, n, k):
    y, outputs = rows(seed, n, k)
    answers = outputs.argmax(axis=1)
    assert metrics.accuracy(y, outputs) == pytest.approx(theirs.accuracy_score(y, answers))
    assert metrics.macro_f1(y, outputs) == pytest.approx(theirs.f1_score(y, answers, average="macro"))
    recall = theirs.recall_score(y, answers, average="macro", labels=np.unique(y))
    assert metrics.balanced_accuracy(y, outputs) == pytest.approx(recall)
    assert metrics.log_loss(y, outputs) == pytest.approx(theirs.log_loss(y, outputs, labels=range(k)))
    assert (metrics.confusion(y, outputs) == theirs.confusion_matrix(y, answers, labels=range(k))).all()


@sizes
@settings(max_examples=60, deadline=None)
def test_what_weighs_errors_differently_agrees_with_scikit_learn(seed, n, k):
    y, outputs = rows(seed, n, k)
    answers = outputs.argmax(axis=1)
    for metric, beta in ((metrics.macro_f2, 2), (metrics.macro_f05, 0.5)):
        assert metric(y, outputs) == pytest.approx(theirs.fbeta_score(y, answers, beta=beta, average="macro"))
    expected = theirs.matthews_corrcoef(y, answers) if len(set(y)) > 1 else 0.0
    assert metrics.mcc(y, outputs) == pytest.approx(expected, abs=1e-9)


@sizes
@settings(max_examples=60, deadline=None)
def test_ranking_metrics_agree_with_scikit_learn(seed, n, k):
    y, outputs = rows(seed, n, k)
    outputs = outputs.round(1)
    there = [j for j in ([1] if k == 2 else range(k)) if 0 < (y == j).sum() < n]
    if not there:
        assert metrics.roc_auc(y, outputs) == 0.5
        return
    areas = [theirs.roc_auc_score(y == j, outputs[:, j]) for j in there]
    precisions = [theirs.average_precision_score(y == j, outputs[:, j]) for j in there]
    assert metrics.roc_auc(y, outputs) == pytest.approx(np.mean(areas))
    assert metrics.average_precision(y, outputs) == pytest.approx(np.mean(precisions))


@sizes
@settings(max_examples=40, deadline=None)
def test_the_table_by_class_agrees_with_scikit_learn(seed, n, k):
    y, outputs = rows(seed, n, k)
    ours = metrics.by_class(y, outputs)
    expected = theirs.precision_recall_fscore_support(y, outputs.argmax(axis=1), labels=range(k), zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "rows"), expected, strict=True):
        np.testing.assert_allclose(ours[name], column)


def test_the_calibration_error_is_the_mean_gap_over_bins():
    y = np.array([0, 0, 0, 1, 0])
    outputs = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    assert metrics.calibration_error(y, outputs) == pytest.approx(0.8 * abs(0.75 - 0.9) + 0.2 * abs(1 - 0.6))
    bins = metrics.reliability(y, outputs)
    assert [n for *_, n in bins] == [1, 4]
    assert bins[1][:2] == pytest.approx((0.9, 0.75))


def test_a_certain_wrong_answer_costs_a_finite_log_loss():
    assert metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), k=st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_an_interval_always_holds_its_value(seed, n, k):
    y, outputs = rows(seed, n, k)
    for metric in (metrics.accuracy, metrics.macro_f1, metrics.log_loss, metrics.calibration_error):
        value, low, high = metrics.bootstrap(y, outputs, metric, rounds=50)
        assert 0 <= low <= value <= high
        assert value == metric(y, outputs)


def test_the_standard_error_of_accuracy_is_the_binomial_one():
    for n in (400, 50_000):  # the second is more than one sample
        y, outputs = rows(0, n, 3)
        p = metrics.accuracy(y, outputs)
        error = metrics.bootstrap_error(y, outputs, metrics.accuracy, rounds=400)
        assert error == pytest.approx(np.sqrt(p * (1 - p) / n), rel=0.12)


def test_95_percent_interval_has_its_coverage():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        right = rng.random(150) < 0.7
        outputs = np.where(right[:, None], [[0.8, 0.2]], [[0.2, 0.8]])
        _, low, high = metrics.bootstrap(np.zeros(150, np.int64), outputs, metrics.accuracy, rounds=200)
        covered += low <= 0.7 <= high
    assert 180 <= covered <= 199


def test_the_same_seed_gives_the_same_interval():
    y, outputs = rows(1, 300, 4)
    assert metrics.bootstrap(y, outputs, metrics.macro_f1, seed=3) == metrics.bootstrap(
        y, outputs, metrics.macro_f1, seed=3
    )


@pytest.mark.parametrize(
    "metric",
    [metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy, metrics.log_loss, metrics.calibration_error],
)
def test_intervals_of_many_rows_and_classes_hold_the_score(metric):
    score, low, high = metrics.bootstrap(*rows(0, 10_000, 77), metric)
    assert low <= score <= high
    assert high - low < 0.1 * max(1.0, score)


def test_metrics_and_task_import_no_heavy_library():
    heavy = "[m for m in ('torch', 'sklearn', 'scipy', 'pandas', 'transformers') if m in sys.modules]"
    script = f"import sys, penna.metrics, penna.tasks.classification; print({heavy})"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
