"""Translation through every command: found, fitted, examined, reported, served."""

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import penna
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget
from penna.cli import app
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import SettingError, TaskError
from penna.search.recipe import DatasetProfile
from penna.tasks.translation import Translation

SAID = {"red": "rot", "blue": "blau", "cat": "Katze", "dog": "Hund", "runs": "läuft", "sleeps": "schläft",
        "here": "hier", "now": "jetzt"}  # fmt: skip


def frame(count=400):
    chance = random.Random(0)
    rows = [chance.choices(list(SAID), k=chance.randint(4, 7)) for _ in range(count)]
    english = [" ".join(row) + f" {i}" for i, row in enumerate(rows)]
    german = [" ".join(SAID[word] for word in row) + f" {i}" for i, row in enumerate(rows)]
    return pd.DataFrame({"de": german, "en": english, "shop": ["north", "south"] * (count // 2)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate")
    data = frame()
    data.loc[3, "en"] = data.loc[3, "de"]
    data.loc[5, "de"] = ""
    data.to_csv(folder / "pairs.csv", index=False)
    words = ["fit", folder / "pairs.csv", "--task", "translation", "--source", "en", "--target", "de", "--budget",
             "60s", "--families", "linear", "--out", folder / "run", "--threads", "1"]  # fmt: skip
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert "equal sides: 1 of" in done.output
    return folder


def test_a_memory_is_found_examined_and_served(run):
    manifest = json.loads((run / "run" / "model" / "manifest.json").read_text())
    assert (manifest["text_columns"], manifest["target"], manifest["metric"]) == (["en"], "de", "chrf")
    assert manifest["test"]["chrf"][0] > 30
    loaded = penna.load(run / "run")
    assert all(isinstance(text, str) for text in loaded.predict(["red cat runs here", "", "我"]))
    with pytest.raises(TaskError, match="no probabilities"):
        loaded.predict_proba(["red"])
    card = (run / "run" / "model" / "README.md").read_text()
    assert "translator" in card
    assert "tok:13a" in card


def test_the_report_shows_lengths_and_the_worst_answers(run):
    page = (run / "run" / "report.html").read_text()
    for part in ("By length", "1 to 8 words", "answers furthest off", "memory", "no answer", "tok:13a", "chrF"):
        assert part in page


def test_a_file_is_translated_and_measured(run):
    runner = CliRunner()
    source, out = run / "more.csv", run / "said.jsonl"
    frame(40).to_csv(source, index=False)
    done = runner.invoke(app, ["predict", str(run / "run"), str(source), "--out", str(out)])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [set(row) for row in rows] == [{"de", "en", "shop", "prediction"}] * 40
    done = runner.invoke(app, ["evaluate", str(run / "run"), str(source), "--json"])
    measured = json.loads(done.output)
    assert measured["rows"] == 40
    assert set(measured["signatures"]) == {"bleu", "chrf", "ter"}
    done = runner.invoke(app, ["evaluate", str(run / "run"), str(source)])
    assert "by length" in done.output
    assert "tok:13a" in done.output
    assert runner.invoke(app, ["leaderboard", str(run / "run")]).exit_code == 0


@pytest.mark.slow
def test_both_families_are_searched_in_both_directions(tmp_path):
    data = frame(200)
    auto = penna.AutoText(14, text="de", out=tmp_path / "run", n_jobs=1).fit(data[["de", "en"]], "en")
    assert {trial.recipe.family for trial in auto.trials_} == {"translation_memory", "seq2seq"}
    assert auto.bundle_.task.name == "translation"
    said = auto.predict(["rot Katze läuft hier"])
    assert isinstance(said[0], str)
    assert 0 <= auto.score(data["de"].tolist(), data["en"].tolist()) <= 1
    again = penna.load(tmp_path / "run").predict(["rot Katze läuft hier"])
    assert np.array_equal(said, again)


@pytest.mark.parametrize(("valid", "again"), [(30, False), (100, True)])
def test_nothing_is_fitted_again_for_the_sake_of_few_rows(valid, again):
    cells = np.array([f"row {i}" for i in range(1000)], dtype=object)
    profile = DatasetProfile(1000, 1, 1, 10.0, output_kind=OutputKind.TEXT)
    fold = np.arange(valid, 1000), np.arange(valid)
    assert SearchProblem(Translation(), Table({"en": cells}, cells), [fold], profile, Budget()).refits is again


def test_families_without_a_translator_are_named(tmp_path):
    with pytest.raises(SettingError, match="no translator"):
        penna.AutoText(8, families=("trees",), task="translation", text="en", out=tmp_path / "run").fit(frame(60), "de")


def test_one_language_on_both_sides_makes_no_folder(tmp_path: Path):
    data = frame(60).assign(de=lambda rows: rows["en"])
    with pytest.raises(TaskError, match="the very same"):
        penna.AutoText(8, task="translation", text="en").fit(data, "de")
