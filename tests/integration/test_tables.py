"""The main job on tables with more than text: from columns to predictions, and what is reported on the way."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import penna
from penna import AutoText, SettingError, TableError, plugins
from penna.automl import evaluate
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget, Deadline, Resources
from penna.cli import app
from penna.data import readers
from penna.inference.batch_predict import predict_file
from penna.models import pipeline
from penna.preprocessing import serialize
from penna.preprocessing.columns import schema
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import find as find_task

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

WORTH = {"awful": 0, "plain": 1, "lovely": 2}


def shop(n: int = 160, seed: int = 0) -> pd.DataFrame:
    """Whether a thing is kept: by what is known of it, by its price and by its kind."""
    rng = np.random.default_rng(seed)
    word, price, kind = rng.choice(list(WORTH), n), rng.uniform(0, 40, n), rng.choice(["coat", "hat", "shoe"], n)
    liking = np.array([WORTH[w] for w in word]) - price / 20 + (kind == "hat")
    return pd.DataFrame(
        {
            "id": range(n),
            "review": [f"a {w} thing that I wore {i % 11} times" for i, w in enumerate(word)],
            "price": [f"{p:.2f}" if i % 10 else "n/a" for i, p in enumerate(price)],
            "kind": kind,
            "bought": [f"{d:02d}/03/2021" for d in rng.integers(1, 29, n)],
            "tags": rng.choice(["new|sale", "new", "", "gift|sale"], n),
            "kept": np.where(liking + rng.normal(0, 0.2, n) > 0.7, "yes", "no"),
            "liking": np.round(liking, 2),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[AutoText, Path]:
    folder = tmp_path_factory.mktemp("tables")
    shop().drop(columns="liking").to_csv(folder / "shop.csv", index=False)
    auto = AutoText(budget=300, families=("linear", "trees"), n_jobs=1, out=folder / "run", progress=Enough())
    return auto.fit(str(folder / "shop.csv"), "kept"), folder


class Enough:
    """Watches; ends the search once each family has a result, so that a busy machine does not decide."""

    def __init__(self, families: tuple[str, ...] = ("linear", "trees")) -> None:
        self.wanted = set(families)

    def event(self, kind, **data) -> None:
        if kind == "trial_end" and data["trial"].scores:
            self.wanted.discard(data["trial"].recipe.family)
            if not self.wanted:
                raise KeyboardInterrupt


def test_roles_are_inferred_shown_and_in_the_artifact(run) -> None:
    auto, folder = run
    roles = {"id": "other", "review": "text", "price": "numeric", "kind": "categorical", "bought": "date",
             "tags": "multi_value", "kept": "target"}  # fmt: skip
    assert auto.record_["table"]["columns"] == roles
    assert any("'id'" in said for said in auto.record_["table"]["findings"])
    opened = penna.load(folder / "run")
    assert {name: field.role for name, field in opened.fields.items()} == {
        name: role for name, role in roles.items() if role not in ("other", "text", "target")
    }
    assert "review + price + kind" in (folder / "run" / "model" / "README.md").read_text()


def test_families_with_columns_beat_the_text_alone(run) -> None:
    auto, _ = run
    assert {"linear", "trees"} <= set(auto.leaderboard().query("score == score")["family"])
    assert auto.test_scores_["accuracy"][0] > 0.75
    assert {t.state.value for t in auto.trials_} <= {"complete", "pruned", "skipped"}


def test_artifact_predicts_the_same_in_a_light_process(run, tmp_path) -> None:
    auto, folder = run
    fresh = shop(20, seed=1).drop(columns=["kept", "liking"])
    fresh.to_csv(tmp_path / "fresh.csv", index=False)
    code = (
        "import sys, json; from pathlib import Path; from penna import load; m = load(sys.argv[1]);"
        "p = m.predict_proba(Path(sys.argv[2])).tolist();"
        "assert not {'torch', 'optuna', 'sklearn.ensemble'} & set(sys.modules); print(json.dumps(p))"
    )
    command = [sys.executable, "-W", "error", "-c", code, folder / "run", tmp_path / "fresh.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.allclose(json.loads(done.stdout), auto.predict_proba(fresh), atol=1e-6)


def test_missing_column_is_missing_values_and_reported(run) -> None:
    auto, _ = run
    fresh = shop(20, seed=1)
    with pytest.warns(UserWarning, match=r"are absent.*'price'"):
        without = auto.predict_proba(fresh[["review", "kind", "bought", "tags"]])
    assert np.array_equal(without, auto.predict_proba(fresh.assign(price="")))
    with pytest.warns(UserWarning, match="count as missing in every row: 4"):
        assert auto.predict(["a lovely thing"]).shape == (1,)


def test_a_name_never_seen_is_answered_as_the_rare_ones_are(run) -> None:
    auto, _ = run
    fresh = shop(20, seed=1)
    two = [auto.predict_proba(fresh.assign(kind=kind)) for kind in ("cloak", "spats")]
    assert np.array_equal(*two)


def test_file_streams_with_columns_and_counts_unread_cells(run, tmp_path) -> None:
    auto, _ = run
    fresh = shop(50, seed=1).drop(columns=["kept", "liking", "tags"])
    fresh.loc[[3, 30], "bought"] = "some day"
    fresh.to_csv(tmp_path / "in.csv", index=False)
    count, said = predict_file(auto.bundle_, tmp_path / "in.csv", tmp_path / "out.csv", chunk=20)
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert count == len(lines) == 50
    with pytest.warns(UserWarning, match="missing"):
        assert [line["prediction"] for line in lines] == auto.predict(fresh).tolist()
    assert sorted(finding.kind for finding in said) == ["absent column", "unread cells"]
    assert next(finding for finding in said if finding.kind == "unread cells").rows == (4, 31)


def test_it_is_evaluated_with_its_columns(run) -> None:
    auto, folder = run
    measures = auto.bundle_.evaluate(folder / "shop.csv")
    assert measures["rows"] == 160
    assert measures["accuracy"][0] > 0.8


def test_command_line_names_columns_and_missing_ones(run, tmp_path) -> None:
    _, folder = run
    wrong = CliRunner().invoke(app, ["fit", str(folder / "shop.csv"), "--target", "kept", "--numeric-columns", "prise"])
    assert wrong.exit_code == 2
    assert "did you mean 'price'?" in wrong.stderr
    shop(30, seed=3).drop(columns=["price"]).to_csv(tmp_path / "test.csv", index=False)
    done = CliRunner().invoke(app, ["evaluate", str(folder / "run"), str(tmp_path / "test.csv"), "--json"])
    assert done.exit_code == 0, done.stderr
    assert "note: columns of the model that are absent" in done.stderr
    assert json.loads(done.stdout)["rows"] == 30


def test_numbers_are_predicted_from_columns_alone() -> None:
    table = shop(200).drop(columns=["id", "review", "kept"])
    auto = AutoText(budget=300, n_jobs=1, progress=Enough(), task="regression").fit(
        table, "liking", test=shop(60, seed=2)
    )
    assert auto.bundle_.text_columns == ()
    assert auto.test_scores_["r2"][0] > 0.2
    assert {t.recipe.family for t in auto.trials_ if t.scores} == {"linear", "trees"}
    assert auto.predict(table.head(3)).shape == (3,)


def test_rows_without_a_text_are_kept_where_there_are_columns() -> None:
    table = shop(120).drop(columns="liking")
    table.loc[::4, "review"] = ""
    auto = AutoText(budget=300, families=("linear",), n_jobs=1, progress=Enough(("linear",))).fit(table, "kept")
    assert auto.record_["table"]["rows"] == 120


def test_ignored_columns_leave_what_the_text_alone_would_be() -> None:
    table = shop(120).drop(columns="liking")
    options = {"budget": 300, "families": ("linear",), "n_jobs": 1}
    alone, ignoring = (
        AutoText(**options, progress=Enough(("linear",)), **more).fit(rows_, "kept")
        for rows_, more in ((table[["review", "kept"]], {}), (table, {"ignore_columns": "*"}))
    )
    assert [(t.recipe, t.scores) for t in alone.trials_] == [(t.recipe, t.scores) for t in ignoring.trials_]
    assert "columns" not in ignoring.bundle_.manifest
    assert "columns" not in dict(alone.trials_[0].recipe.hyperparameters)


def test_trees_alone_on_texts_alone_are_refused_in_one_sentence() -> None:
    with pytest.raises(SettingError, match="trees reads columns"):
        AutoText(budget=5, families=("trees",)).fit(shop(60)[["review", "kept"]], "kept")


def test_a_table_of_ids_and_constants_is_refused_in_one_sentence() -> None:
    with pytest.raises(TableError, match="none of the others is of use"):
        AutoText(budget=5).fit(pd.DataFrame({"id": range(60), "unit": "cm", "y": ["a", "b"] * 30}), "y")


@pytest.mark.parametrize("family", ["frozen", "finetune"])
def test_encoder_and_artifact_read_the_row_as_text(family, tiny_bert, tmp_path) -> None:
    table, _ = readers.read(shop(60).drop(columns="liking"), target="kept", others=None)
    table, _ = schema.typed(table, {})
    task = find_task("classification", table)
    folds = [(np.arange(48), np.arange(48, 60))]
    profile = DatasetProfile(60, 2, 20, 40.0, encoders=(str(tiny_bert),), columns=len(table.columns))
    work = SearchProblem(task, table, folds, profile, Budget(60))
    module = plugins.find("models", family)
    offered = serialize.offered(module.portfolio(profile), profile.columns, module.REQUIRES)
    recipe = offered[0] if family == "frozen" else offered[0].replace(epochs=20.0, length=64)
    outcome = evaluate.evaluate(recipe, work, [0], Resources(tmp_path / "cache", Deadline(60), 1), lambda *_: True)
    assert outcome.trial.reason == ""
    name, model = pipeline.wrap(recipe, outcome.model)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    opened = plugins.find("models", name).load(tmp_path / "model")
    valid = table.take(folds[0][1])
    assert np.allclose(opened.outputs(valid), outcome.outputs[0], atol=2e-2)
    shifted = schema.only(valid, [])
    assert not np.allclose(opened.outputs(shifted), opened.outputs(valid), atol=1e-6)


def test_rows_are_offered_only_where_there_are_columns() -> None:
    offered = [Recipe.of("frozen", depth=1.0), Recipe.of("frozen", depth=0.5)]
    assert serialize.offered(offered, 0, "text") == offered
    assert serialize.offered(offered, 3, "") == offered
    assert [r.get("row") for r in serialize.offered(offered, 3, "text")] == [True, None, True]
