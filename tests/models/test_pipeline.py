"""What is cleaned and adjusted in training is cleaned and adjusted when it is served, and caches do not mix."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from penna import AutoText, SettingError, load, plugins, postprocessing, tasks
from penna.artifact import bundle
from penna.automl import evaluate
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget, Deadline, Resources
from penna.data import splits
from penna.data.table import Table
from penna.errors import BundleError
from penna.models import ensemble, pipeline
from penna.models.ensemble import Ensemble
from penna.postprocessing.class_weights import ClassWeights
from penna.preprocessing.cleaning.base import Cleaning
from penna.search.recipe import DatasetProfile, Recipe

USUAL = "unicode+markup+spaces"
FACTS = {"text_columns": ["text"], "target": "label"}


def dirty(text, i):
    return [text, f"<p>{text}</p>", f"donâ€™t know:   {text}", f"{text} &amp; more"][i % 4]


@pytest.fixture(scope="module")
def rows(demo_rows):
    """Three intents, 40 rows each, three in four of them dirty."""
    chosen = demo_rows.label.value_counts().index[:3]
    rows = demo_rows[demo_rows.label.isin(chosen)].groupby("label").head(40).reset_index(drop=True)
    return rows.assign(text=[dirty(text, i) for i, text in enumerate(rows.text)])


@pytest.fixture(scope="module")
def work(rows):
    table = Table({"text": rows.text.to_numpy(object)}, rows.label.to_numpy(object), rows=np.arange(len(rows)))
    task = tasks.find("auto", table)
    plan = splits.plan(table, task.strata(table), folds=3)
    profile = DatasetProfile(rows=len(table), classes=3, rows_in_smallest_class=30, mean_characters=60.0, folds=3)
    return SearchProblem(task, table, plan.folds, profile, Budget())


def linear(work, clean):
    recipe = plugins.find("models", "linear").portfolio(work.profile)[0]
    return recipe.replace(clean=clean)


def evaluated(recipe, work, cache):
    return evaluate.evaluate(recipe, work, (0,), Resources(cache, Deadline(60.0), 1), lambda *_: True)


@pytest.fixture(scope="module")
def plain(work, tmp_path_factory):
    """A linear model of raw texts."""
    return evaluated(linear(work, "none"), work, tmp_path_factory.mktemp("cache")).model


def test_artifact_with_cleaning_accepts_raw_texts(work, tmp_path):
    outcome = evaluated(linear(work, USUAL), work, tmp_path)
    family, model = pipeline.around("linear", outcome.model, USUAL, (ClassWeights((1.0, 2.0, 0.5)),))
    opened = bundle.write(tmp_path / "model", work.task, family, model, FACTS)
    raw = work.table.take(work.folds[0][1])
    expected = postprocessing.apply(model.last, outcome.outputs[0])
    np.testing.assert_allclose(opened.outputs(raw), expected, atol=1e-6)
    np.testing.assert_allclose(load(tmp_path / "model").outputs(raw), expected, atol=1e-6)
    texts = list(raw.text["text"])
    np.testing.assert_allclose(opened.predict_proba([Cleaning.of(USUAL).text(t) for t in texts]), expected, atol=1e-6)
    raw_answers = evaluated(linear(work, "none"), work, tmp_path).outputs[0]
    assert np.abs(raw_answers - outcome.outputs[0]).max() > 0.01


def test_the_members_of_a_blend_are_cleaned_each_in_its_own_way(work, tmp_path):
    outcomes = {clean: evaluated(linear(work, clean), work, tmp_path) for clean in ("none", USUAL)}
    parts = [pipeline.around("linear", o.model, clean) for clean, o in outcomes.items()]
    assert [name for name, _ in parts] == ["linear", "pipeline"]
    blended = Ensemble([(name, 0.5, model) for name, model in parts])
    opened = bundle.write(tmp_path / "model", work.task, "ensemble", blended, FACTS)
    expected = sum(o.outputs[0] for o in outcomes.values()) / 2
    np.testing.assert_allclose(opened.outputs(work.table.take(work.folds[0][1])), expected, atol=1e-6)


def test_a_model_without_stages_is_written_as_it_always_was(plain):
    assert pipeline.around("linear", plain, "none") == ("linear", plain)
    assert pipeline.inside(plain) is pipeline.inside(pipeline.around("linear", plain, USUAL)[1]) is plain


@pytest.mark.slow
@pytest.mark.parametrize("family", ["frozen", "finetune"])
def test_caches_of_raw_and_cleaned_texts_do_not_mix(work, tmp_path, tiny_bert, family):
    recipes = [
        Recipe.of(family, encoder=str(tiny_bert), length=32, epochs=1.0, clean=clean)
        for clean in (USUAL, "none", USUAL)
    ]
    shared = [evaluated(recipe, work, tmp_path / "shared").outputs[0] for recipe in recipes]
    alone = [evaluated(recipe, work, tmp_path / f"alone{i}").outputs[0] for i, recipe in enumerate(recipes)]
    for one, other in zip(shared, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(shared[0] - shared[1]).max() > 1e-4


def test_a_table_is_cleaned_once_and_few_are_kept(work):
    fresh = replace(work, _cleaned={})
    first = fresh.table_for(linear(work, USUAL))
    assert fresh.table_for(linear(work, USUAL).replace(c=3.0)) is first
    assert fresh.table_for(linear(work, "none")) is work.table
    for steps in ("case", "spaces", "markup", "numbers"):
        fresh.table_for(linear(work, steps))
    assert len(fresh._cleaned) == evaluate.MOST_CLEANED


@pytest.mark.parametrize(
    "damage",
    [
        {"clean": [{"step": "polish", "choice": ""}]},
        {"clean": "markup"},
        {"clean": [{"step": "case", "choice": ""}] * 99},
        {"family": "pipeline"},
        {"family": "../linear"},
        {"last": [{"step": "class_weights", "values": ["x"]}]},
        {"last": {}},
    ],
)
def test_a_damaged_stage_is_refused_with_a_sentence(plain, tmp_path, damage):
    folder = tmp_path / "parts"
    folder.mkdir()
    pipeline.around("linear", plain, USUAL)[1].save(folder)
    file = folder / pipeline.FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    with pytest.raises(BundleError, match=f"{pipeline.FILE}|needs a feature that this Penna lacks"):
        pipeline.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(BundleError, match="missing"):
        pipeline.load(folder)


@pytest.mark.slow
def test_a_fit_cleans_what_is_dirty_and_serves_the_same(rows, tmp_path):
    auto = AutoText(budget=6, families=("linear",), out=tmp_path / "run", n_jobs=1).fit(rows, y="label")
    assert {t.recipe["clean"] for t in auto.trials_} <= {USUAL, "none"}
    assert auto.trials_[0].recipe["clean"] == USUAL
    members = auto.bundle_.manifest["members"]
    assert all("clean" in m["recipe"]["hyperparameters"] for m in members)
    np.testing.assert_allclose(
        load(tmp_path / "run").predict_proba(list(rows.text[:9])), auto.predict_proba(list(rows.text[:9])), atol=1e-6
    )
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert ("ftfy" in card) is any(m["recipe"]["hyperparameters"]["clean"] == USUAL for m in members)


@pytest.mark.slow
def test_cleaning_and_postprocessing_can_be_chosen(rows):
    told = AutoText(budget=5, families=("linear",), text_cleaning="markup+case", postprocess="none", n_jobs=1)
    told.fit(rows, y="label")
    assert {t.recipe["clean"] for t in told.trials_} == {"markup+case"}
    assert told.bundle_.manifest["last"] == []


@pytest.mark.parametrize("wrong", [{"text_cleaning": "polish"}, {"postprocess": "maybe"}])
def test_wrong_options_are_refused_before_reading(rows, wrong):
    with pytest.raises(SettingError):
        AutoText(budget=5, families=("linear",), **wrong).fit(rows, y="label")


@pytest.mark.parametrize("weight", ["NaN", "Infinity", '"much"'])
def test_a_blend_with_weights_that_are_no_numbers_is_refused(tmp_path, weight):
    member = f'{{"folder": "0-linear", "family": "linear", "weight": {weight}}}'
    (tmp_path / "blend.json").write_text(f'{{"format": 1, "members": [{member}]}}')
    with pytest.raises(BundleError, match="damaged"):
        ensemble.load(tmp_path)
