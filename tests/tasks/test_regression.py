"""Regression as a task: which targets are amounts, how they are read, in which units they are learned and reported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from penna import metrics, tasks
from penna.errors import SettingError, TaskError
from penna.tasks import _numeric_target, classification, regression
from penna.testing import make_table


def table(labels):
    return make_table(target=labels, target_name="price")


@pytest.mark.parametrize(
    ("labels", "amounts"),
    [
        ([i / 7 for i in range(100)], True),
        ([f"{i / 7:.3f}" for i in range(100)], True),
        ([f"{1000 + 137 * i:,}" for i in range(100)], True),
        ([18 + i % 70 for i in range(300)], True),
        ([i / 7 for i in range(100)] + ["n/a", None, "ask"], True),
        ([i / 7 for i in range(100)] + ["on request"] * 30, True),
        ([250.5, "V45", 401.1, "E11"] * 30, False),
        ([i % 40 * 1.1 for i in range(200)] + ["V45"] * 30, False),
        (["1", "2", "3", "4", "5"] * 20, False),
        ([0.5, 1.0, 1.5, 2.0, 2.5] * 20, False),
        ([str(i % 77) for i in range(300)], False),
        (list(range(100)), False),
        ([f"{i:03}" for i in range(0, 600, 7)], False),
        ([True, False] * 20, False),
        (["good", "bad", "odd"] * 20, False),
        ([f"id{i}" for i in range(100)], False),
        ([None] * 30, False),
    ],
)
def test_many_numbers_are_an_amount_and_codes_are_not(labels, amounts):
    assert _numeric_target.amounts(labels) is amounts
    assert regression.matches(table(labels)) is not classification.matches(table(labels)) is not amounts


def test_metric_of_one_task_decides_the_task():
    stars = table(["1", "2", "3", "4", "5"] * 20)
    assert tasks.find("auto", stars).name == "classification"
    assert tasks.find("auto", stars, "rmse").name == "regression"
    assert tasks.find("auto", table([i / 7 for i in range(100)] * 2), "accuracy").name == "classification"


def test_inference_note_names_the_option_to_change_it():
    assert "--task classification" in tasks.recognised("auto", table([i / 7 for i in range(100)]))[1]
    assert "--task regression" in tasks.recognised("auto", table([1, 2, 3] * 10))[1]
    assert tasks.recognised("auto", table(["good", "bad"] * 10))[1] == ""
    assert tasks.recognised("regression", table([1, 2, 3] * 10))[1] == ""


def test_missing_numbers_are_left_out_and_named():
    settled, (finding,) = regression.prepare_target(table(["1.5", "", "2", "N/A", None, "4"]))
    assert settled.target.tolist() == [1.5, 2.0, 4.0]
    assert settled.rows.tolist() == [1, 3, 6]
    assert (finding.kind, finding.count, finding.rows) == ("missing target", 3, (2, 4, 5))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1.5, 2.5, "ask the shop"], r"is no number in 1 of 3 rows \('ask the shop' in row 3\)"),
        ([1.5, float("inf"), 2.0, "-inf"], r"infinite, or as good as in 2 of 4 rows \('inf' in row 2, '-inf'"),
        ([7, 7.0, "7"], "is 7 in every row"),
        ([None, "n/a"], "empty in all 2 rows"),
        ([], "nothing to learn from"),
    ],
)
def test_a_target_that_is_no_amount_is_refused_in_one_sentence(labels, says):
    with pytest.raises(TaskError, match=says):
        tasks.find("regression", table(labels))


def test_unknown_metric_lists_those_for_numbers():
    with pytest.raises(SettingError, match="for numbers: choose one of r2, rmse, mae, pearson, spearman"):
        tasks.find("regression", table([1.0, 2.0]), "accuracy")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234.5", "2,000", "3"], [1234.5, 2000, 3]),
        (["3,5", "1,234"], [3.5, 1.234]),
        ([" 12 ", "1e3", "-4", "+5"], [12, 1000, -4, 5]),
        ([1, 2.5, True, np.float32(0.5)], [1, 2.5, 1, 0.5]),
        (["1,2,3", "twelve", [1]], [np.nan, np.nan, np.nan]),
    ],
)
def test_numbers_are_read_with_the_commas_of_their_column(cells, values):
    assert _numeric_target.numbers(cells) == pytest.approx(values, nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.text(max_size=8), st.floats(), st.integers(), st.none(), st.booleans()), max_size=30))
def test_any_cells_are_numbers_or_a_task_error(cells):
    assert _numeric_target.numbers(cells).shape == (len(cells),)
    try:
        task = tasks.find("regression", table(cells))
    except TaskError:
        return
    assert tasks.restore(task.to_json()) == task


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_scores_and_answers_are_in_the_units_of_the_target(unit):
    rng = np.random.default_rng(0)
    truth, answers = rng.normal(5, 2, 400) * unit, rng.normal(5, 2, 400) * unit
    given = table(truth.tolist())
    for metric, known in {
        "r2": reference.r2_score(truth, answers),
        "rmse": -reference.root_mean_squared_error(truth, answers),
        "mae": -reference.mean_absolute_error(truth, answers),
        "pearson": stats.pearsonr(truth, answers).statistic,
        "spearman": stats.spearmanr(truth, answers).statistic,
    }.items():
        task = regression.Regression(float(truth.mean()), float(truth.std()), -1e12, 1e12, metric)
        outputs = ((answers - truth.mean()) / truth.std())[:, None]
        y = task.encode(given)
        assert task.score(y, outputs) == pytest.approx(known, rel=1e-6)
        assert task.score_error(y, outputs) > 0
        value, low, high = task.measure(y, outputs)[metric]
        assert value == pytest.approx(abs(known) if metric != "r2" else known, rel=1e-6)
        assert low < value < high
    assert task.decode(outputs).astype(float) == pytest.approx(answers, rel=1e-4, abs=1e-5 * unit)


def test_answers_stay_between_the_least_and_the_greatest_value():
    task = tasks.find("regression", table([1.0, 2.0, 5.0] * 10))
    assert task.decode(np.array([[-9.0], [0.0], [9.0]])).tolist() == [1.0, pytest.approx(8 / 3, abs=1e-4), 5.0]
    y = task.encode(table([5.0, 1.0, 2.0]))
    assert task.score(y, np.array([[99.0], [-99.0], [y[2]]])) == pytest.approx(1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300).filter(lambda v: np.ptp(v) > 1e-3))
def test_strata_are_tenths_by_size(values):
    given = table(values)
    task = tasks.find("regression", given)
    strata, y = task.strata(given), task.encode(given)
    assert strata.min() == 0
    assert strata.max() + 1 == len(set(strata)) <= max(1, min(10, len(values) // 10))
    assert all(y[strata == s].max() <= y[strata == s + 1].min() for s in range(strata.max()))


def test_ties_share_mean_rank_and_constants_rank_nothing():
    y, outputs = np.array([1.0, 2.0, 2.0, 7.0]), np.array([[0.1], [0.4], [0.4], [0.3]])
    assert metrics.spearman(y, outputs) == pytest.approx(stats.spearmanr(y, outputs[:, 0]).statistic)
    assert metrics.pearson(y, outputs) == pytest.approx(stats.pearsonr(y, outputs[:, 0]).statistic)
    for constant in (1.0, 0.1):  # the mean of many times 0.1 is not quite 0.1
        same = np.full((4, 1), constant)
        assert metrics.spearman(y, same) == metrics.pearson(y, same) == metrics.pearson(same[:, 0], y[:, None]) == 0
        assert metrics.bootstrap(y, same, metrics.pearson) == (0, 0, 0)
    assert metrics.r2(np.ones(3), np.zeros((3, 1))) == 0


def test_probabilities_of_a_number_are_refused():
    with pytest.raises(TaskError, match="use predict"):
        tasks.find("regression", table([1.0, 2.5] * 9)).probabilities(np.zeros((1, 1)))


@pytest.mark.parametrize("damage", [{"scale": 0}, {"low": 9e9}, {"centre": "x"}, {"metric": "mcc"}, {"high": None}])
def test_a_damaged_task_is_refused(damage):
    data = tasks.find("regression", table([1.0, 2.5] * 9)).to_json()
    with pytest.raises(TaskError):
        tasks.restore(data | damage)


@pytest.mark.parametrize(("cell", "said"), [("ask us", "'ask us'"), ("inf", "'inf'")])
def test_few_cells_that_are_no_number_are_left_out_by_name(cell, said):
    settled, (finding,) = regression.prepare_target(table([*map(str, np.arange(40) / 4), cell]))
    assert len(settled) == 40
    assert finding.rows == (41,)
    assert said in finding.message


def test_prediction_range_comes_from_the_search_rows():
    made = table([1.0, 2.0, 3.0, 90.0])
    task = tasks.find("regression", made, "mae")
    learnt = task.fit_target(made.take(np.arange(3)))
    assert (learnt.high, learnt.metric) == (3.0, "mae")
    assert task.high == 90.0
