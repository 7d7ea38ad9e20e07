"""The main job on rows of several labels, from a table to predictions, the report and the checks."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier

import penna
from penna import AutoText, report
from penna.automl import families, inputs
from penna.automl.data_check import check
from penna.data.readers.read_table import read
from penna.errors import SettingError, TaskError
from penna.fit_config import FitConfig
from penna.inference.batch_predict import predict_file
from penna.report.multilabel import examine_sets
from penna.tasks import multilabel

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

SAID = {"joy": ("happy", 0.5), "anger": ("furious", 0.35), "fear": ("scared", 0.25)}


def rows(n: int = 200, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts in which each label has a word, and now and then the word stands there without its label."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(n):
        told = [label for label, (_, share) in SAID.items() if rng.random() < share]
        words = [word for label, (word, _) in SAID.items() if (label in told) != (rng.random() < 0.02)]
        texts.append(" ".join(rng.permutation([*words, *rng.choice(["one", "day", "we", "all", "went"], 4), f"n{i}"])))
        labels.append(told)
    return texts, labels


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[AutoText, Path]:
    folder = tmp_path_factory.mktemp("multilabel")
    for name, (texts, labels) in {"train": rows(), "test": rows(80, seed=1)}.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "mood"), *zip(texts, map("; ".join, labels), strict=True)])
    auto = AutoText(budget=9, families=("linear",), n_jobs=1, out=folder / "run")
    return auto.fit(str(folder / "train.csv"), "mood"), folder


def test_joined_labels_are_recognized_and_reported(run: tuple[AutoText, Path]) -> None:
    auto, _ = run
    assert auto.bundle_.task.name == "multilabel"
    assert auto.classes_.tolist() == ["anger", "fear", "joy"]
    assert auto.test_scores_["macro_f1"][0] > 0.6
    assert any("joined by ';'" in finding for finding in auto.record_["table"]["findings"])
    assert {t.state.value for t in auto.trials_ if t.state.value == "failed"} == set()
    assert is_classifier(auto)


def test_predictions_are_tuples_of_likely_labels(
    run: tuple[AutoText, Path],
) -> None:
    auto, folder = run
    texts = ["happy and furious we went", "one day", "all scared"]
    predicted, p = auto.predict(texts), auto.predict_proba(texts)
    assert {"anger", "joy"} <= set(predicted[0])
    assert "joy" not in predicted[1]
    assert p.shape == (3, 3)
    named = [tuple(auto.classes_[row >= 0.5].tolist()) for row in p]
    assert predicted.tolist() == named
    assert auto.score(texts, predicted) == auto.score(texts, [";".join(row) for row in named]) == 1
    assert penna.load(folder / "run").predict(texts).tolist() == named


def test_prediction_file_joins_labels_and_has_probabilities(run: tuple[AutoText, Path]) -> None:
    auto, folder = run
    predict_file(auto.bundle_, folder / "test.csv", folder / "out.csv")
    predict_file(auto.bundle_, folder / "test.csv", folder / "out.jsonl")
    table = pd.read_csv(folder / "out.csv", keep_default_na=False)
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert table["prediction"].tolist() == [";".join(line["prediction"]) for line in lines]
    assert any(";" in cell for cell in table["prediction"])
    assert list(table)[-4:] == ["prediction", "probability_anger", "probability_fear", "probability_joy"]
    # What was predicted is read back as what it was.
    again, _ = read(folder / "out.csv", text=["text"], target="prediction")
    assert auto.bundle_.task.usable(again).all()


def test_empty_cells_mean_no_label_in_tests_and_evaluations(run: tuple[AutoText, Path]) -> None:
    auto, folder = run
    measured = auto.bundle_.evaluate(folder / "test.csv")
    assert measured["rows"] == 80
    assert [line["label"] for line in measured["by_class"]] == ["anger", "fear", "joy"]
    table, task, _ = inputs.read(str(folder / "train.csv"), "mood", FitConfig())
    assert len(table) == 200
    other = pd.DataFrame({"text": ["happy", "furious", "scared"], "mood": ["joy", "envy", ""]})
    exam, found = inputs.read_test_set(other, table, task)
    assert exam is not None
    assert exam.rows.tolist() == [1, 3]
    assert any("a label that was never trained on: 1" in finding.message for finding in found)


def test_report_shows_labels_and_confusions(run: tuple[AutoText, Path]) -> None:
    auto, folder = run
    page = report.render_page(auto.record_)
    for words in ("anger", "Labels given in place of others", "label ranking AP", "micro F1", "label shares"):
        assert words in page
    assert auto.record_["table"]["classes"]["joy"] > 50
    card = (folder / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert "A multi-label text classifier for mood" in card


def test_indicator_columns_are_a_target_until_evaluation(tmp_path: Path) -> None:
    texts, labels = rows(120)
    flags = {label: [int(label in told) for told in labels] for label in SAID}
    frame = pd.DataFrame({"text": texts, **flags})
    auto = AutoText(budget=6, families=("linear",), n_jobs=1).fit(frame, y=list(SAID))
    assert auto.classes_.tolist() == sorted(SAID)
    assert auto.bundle_.manifest["target"] == list(SAID)
    assert auto.bundle_.evaluate(frame)["macro_f1"][0] > 0.7


def test_families_without_multilabel_are_skipped() -> None:
    texts, labels = rows(60)
    frame = pd.DataFrame({"text": texts, "size": np.arange(60) % 7 / 3, "mood": ["|".join(told) for told in labels]})
    table, task, _ = inputs.read(frame, "mood", FitConfig())
    told: list[tuple[str, str]] = []

    class Heard:
        def event(self, kind: str, **data: object) -> None:
            told.append((str(data["name"]), str(data["reason"])))

    assert families.suited(("linear", "trees"), table, task, Heard()) == ["linear"]
    ((family, reason),) = told
    assert family == "trees"
    assert "multi-label" in reason
    with pytest.raises(SettingError, match="add linear"):
        families.suited(("trees",), table, task, Heard())


def test_unlearnable_target_is_refused_before_the_search() -> None:
    texts, labels = rows(60)
    with pytest.raises(TaskError, match="pass --task multilabel"):
        AutoText(budget=5, families=("linear",), task="classification").fit(texts, labels)
    with pytest.raises(TaskError, match="no label in any of its 60 rows"):
        AutoText(budget=5, families=("linear",)).fit(texts, [[] for _ in texts])
    with pytest.raises(SettingError, match="macro_f1"):
        AutoText(budget=5, families=("linear",), task="multilabel", metric="accuracy").fit(texts, labels)
    with pytest.raises(TaskError, match="another --separator"):
        AutoText(budget=5, families=("linear",), separator="@").fit(texts, ["|".join(told) for told in labels])


def test_checks_run_on_multilabel_tables(run: tuple[AutoText, Path]) -> None:
    _, folder = run
    found = check(str(folder / "train.csv"), "mood", test=str(folder / "test.csv"), budget=10, encoders=("none",))
    assert found.task == "multilabel"
    kinds = {finding.kind for finding in found.findings}
    assert "task" in kinds
    assert not kinds & {"refused", "missing target", "class imbalance", "torn labels", "wrong label", "unknown label"}


def test_confused_labels_are_counted() -> None:
    texts, labels = ["a", "b", "c"], [("x",), ("x", "y"), ()]
    table, _ = read(texts, y=[list(told) for told in labels])
    y = multilabel.from_table(table).encode(table)
    found = examine_sets(table, ("x", "y"), y, np.array([[0.2, 0.9], [0.8, 0.7], [0.1, 0.6]]))
    assert found["confusion"] == [(0, 0, 1), (0, 1, 1), (1, 1, 1)]
    assert found["support"] == [2, 1]
    assert [(m["row"], m["true"], m["predicted"]) for m in found["mistakes"]] == [(1, "x", "y"), (3, "(none)", "y")]


def test_scores_know_the_form_that_labels_were_fitted_in() -> None:
    import pandas as pd

    flags = np.array([[i % 2, (i // 2) % 2, 1] for i in range(60)])
    texts = [
        ("red " if a else "blue ") + ("cat " if b else "dog ") + f"number {i}" for i, (a, b, _) in enumerate(flags)
    ]
    auto = penna.AutoText(budget=5, families=("linear",), n_jobs=1).fit(texts, flags)
    exact = auto.score(texts, flags)
    assert exact > 0.9
    assert auto.score(texts, flags.tolist()) == exact
    frame = pd.DataFrame(flags, columns=["a", "b", "c"])
    named = penna.AutoText(budget=5, families=("linear",), n_jobs=1).fit(texts, frame)
    assert named.score(texts, frame) > 0.9
