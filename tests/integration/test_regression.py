"""The main job on numbers, from a table to predictions: inferred or requested, in one small folder."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor

import penna
from penna import AutoText, report
from penna.data.table import Table
from penna.errors import SettingError, TaskError
from penna.inference.batch_predict import predict_file
from penna.report import format

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

WORTH = {"awful": 1.0, "poor": 2.0, "fair": 3.0, "good": 4.0, "superb": 5.0}


def rooms(n: int = 150, seed: int = 0) -> tuple[list[str], list[float]]:
    """Texts of two judgements each, and a price that is their mean in hundreds, with some noise."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(list(WORTH), (n, 2))
    texts = [f"the room was {a}, the food {b}, on day {i % 9}" for i, (a, b) in enumerate(pairs)]
    return texts, [round(50 * (WORTH[a] + WORTH[b]) + rng.normal(), 2) for a, b in pairs]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[AutoText, Path]:
    folder = tmp_path_factory.mktemp("regression")
    texts, prices = rooms()
    with (folder / "rooms.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "price"), *zip(texts, (f"{p:,}" for p in prices), strict=True)])
    auto = AutoText(budget=12, families=("linear",), n_jobs=1, out=folder / "run")
    return auto.fit(str(folder / "rooms.csv"), "price"), folder


def test_column_of_prices_is_recognized_and_reported(run: tuple[AutoText, Path]) -> None:
    auto, _ = run
    assert auto.bundle_.task.name == "regression"
    assert auto.test_scores_["r2"][0] > 0.8
    assert auto.test_scores_["rmse"][0] < 50
    assert not hasattr(auto, "classes_")
    assert any("--task classification" in finding for finding in auto.record_["table"]["findings"])
    assert {t.state.value for t in auto.trials_ if t.state.value == "failed"} == set()


def test_predictions_are_in_the_units_of_the_target(run: tuple[AutoText, Path]) -> None:
    auto, folder = run
    low, high = auto.predict(["the room was awful, the food awful", "the room was superb, the food superb"])
    assert 90 <= low < 200 < 400 < high <= 510
    with pytest.raises(TaskError, match="use predict"):
        auto.predict_proba(["a room"])
    opened = penna.load(folder / "run")
    assert opened.predict(["the room was fair, the food fair"]).dtype == np.float64


def test_scikit_learn_sees_a_regressor_that_scores_r2(run: tuple[AutoText, Path]) -> None:
    auto, _ = run
    texts, prices = rooms(40, seed=1)
    assert is_regressor(auto)
    assert is_regressor(AutoText(task="regression"))
    assert is_classifier(AutoText())
    assert auto.score(texts, prices) > 0.8


def test_a_file_gets_one_column_of_predictions(run: tuple[AutoText, Path], tmp_path: Path) -> None:
    auto, folder = run
    rows, _ = predict_file(auto.bundle_, folder / "rooms.csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert rows == len(lines) == 150
    assert list(lines[0]) == ["text", "price", "prediction"]
    assert all(len(line["prediction"]) <= 8 for line in lines)


def test_it_is_evaluated_on_numbers_and_not_on_words(run: tuple[AutoText, Path], tmp_path: Path) -> None:
    auto, folder = run
    measures = auto.bundle_.evaluate(folder / "rooms.csv")
    assert set(measures) == {"rows", "r2", "rmse", "mae", "pearson", "spearman"}
    (tmp_path / "odd.csv").write_text("text,price\na room,12\nanother,on request\nmore,\n", encoding="utf-8")
    with (
        pytest.warns(UserWarning, match=r"without a label are left out: 1 of 3, 33.3 % \(row 3\)"),
        pytest.warns(UserWarning, match=r"no number: 1 of 2, 50 % \(row 2\)"),
    ):
        assert auto.bundle_.evaluate(tmp_path / "odd.csv")["rows"] == 1
    (tmp_path / "odd.csv").write_text("text,price\nanother,on request\n", encoding="utf-8")
    with pytest.raises(TaskError, match="'on request' in row 1"):
        auto.bundle_.evaluate(tmp_path / "odd.csv")


def test_report_and_card_describe_numbers(run: tuple[AutoText, Path]) -> None:
    _, folder = run
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    for phrase in (
        "Predicted against true",
        "Errors: predicted less true",
        "largest errors",
        "mean of the target",
        "R²",
    ):
        assert phrase in page
    assert "Confusion" not in page
    card = (folder / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert "A text regressor for price" in card
    assert "calibration" not in card
    assert json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))["task"] == "regression"


@pytest.mark.parametrize("unit", [1e-7, 1e7])
def test_errors_of_any_size_have_distinct_figures(unit: float) -> None:
    rng = np.random.default_rng(0)
    truth = unit * rng.normal(size=200)
    answers = truth + unit * rng.normal(size=200)
    target = np.empty(200, object)
    target[:] = truth.tolist()
    table = Table({"text": np.array(["a text"] * 200, object)}, target, rows=np.arange(1, 201))
    page = report.render_page(
        {
            "metric": "rmse",
            "test": {"rows": 200, "rmse": [unit, 0.9 * unit, 1.1 * unit]},
            "baselines": [{"name": "mean of the target", "score": -2 * unit, "low": -2.2 * unit, "high": -1.8 * unit}],
            "table": report.profile(table, numbers=True),
            "answers": report.examine_numbers(table, truth, answers),
        }
    )
    assert format.figure(unit) in page
    assert "−RMSE" in page
    assert format.figure(float(np.median(truth))) in page
    assert "−0.00<" not in page


def test_rating_is_a_number_by_task_or_metric() -> None:
    texts, prices = rooms(80)
    stars = [str(round(p / 100)) for p in prices]
    asked = AutoText(budget=7, families=("linear",), n_jobs=1, metric="rmse").fit(texts, stars)
    assert asked.bundle_.task.name == "regression"
    best = max(t.score for t in asked.trials_ if t.scores)
    assert -1.5 < best < 0
    assert asked.leaderboard()["score"].max() == best


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda y: [5.0] * len(y), TaskError, "is 5 in every row"),
        (lambda y: [*y[:-5], *[float("inf")] * 5], TaskError, "row 76"),
        (lambda y: [*map(str, y[:-5]), *["call us"] * 5], TaskError, "'call us' in row 76"),
    ],
)
def test_unlearnable_target_is_refused_in_one_sentence(change, error, says) -> None:
    texts, prices = rooms(80)
    with pytest.raises(error, match=says):
        AutoText(budget=5, families=("linear",), task="regression").fit(texts, change(prices))


def test_a_metric_of_classes_is_refused_for_numbers() -> None:
    with pytest.raises(SettingError, match="for numbers"):
        AutoText(budget=5, families=("linear",), task="regression", metric="accuracy").fit(*rooms(80))
