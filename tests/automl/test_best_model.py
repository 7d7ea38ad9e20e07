"""What a search goes back to: the models that were fitted, on disk and in memory, and the trials that they came of."""

from dataclasses import replace

import numpy as np
import pytest

from penna import tasks
from penna.artifact import bundle
from penna.automl import best_model
from penna.automl.best_model import BestModels
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget, Deadline, Resources
from penna.data.table import Table
from penna.models.linear import family as linear
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

FACTS = {"text_columns": ["text"], "target": "label"}


@pytest.fixture
def fitted(tmp_path):
    """SearchProblem on forty texts, and three linear models of it with their trials, the second one best."""
    texts = np.array([f"{word} film {i}" for i in range(20) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, target=np.array(["pos", "neg"] * 20, dtype=object), rows=np.arange(1, 41))
    task = tasks.find("auto", table)
    profile = DatasetProfile(40, 2, 20, 10.0)
    rows = np.arange(40)
    work = SearchProblem(task, table, [(rows[:30], rows[30:])], profile, Budget())
    resources = Resources(tmp_path, Deadline(60), 1)
    models, trials = [], []
    for i, (recipe, score) in enumerate(zip(linear.portfolio(profile), (0.8, 0.9, 0.7), strict=False)):
        models.append(linear.fit(recipe, task, table, None, resources, lambda *_: True))
        trials.append(Trial(recipe, State.COMPLETE, (0,), (score,), (0.01,), seconds=0.1, size_mb=1.0, number=i))
    return work, trials, models


@pytest.fixture
def kept(fitted, tmp_path):
    """A run folder as a kill leaves it, with the model of trial 1; and the trials of its ledger."""
    work, trials, models = fitted
    facts = {**FACTS, "preliminary": True, "trial": 1, "recipe": str(trials[1].recipe)}
    bundle.write(tmp_path / "run" / "model", work.task, "linear", models[1], facts)
    return tmp_path / "run" / "model", trials


def test_a_kept_model_is_that_of_its_trial(kept):
    path, trials = kept
    assert best_model.saved_trial(path, trials) == trials[1]


def test_model_without_a_logged_trial_belongs_to_no_trial(kept):
    path, trials = kept
    assert best_model.saved_trial(path, trials[:1]) is None
    assert best_model.saved_trial(path, [trials[0], replace(trials[0], number=1)]) is None
    assert best_model.saved_trial(path / "nowhere", trials) is None


def test_cheap_best_model_is_kept_on_disk(fitted, tmp_path):
    work, trials, models = fitted
    models_kept = BestModels(tmp_path / "run", work, FACTS, None, [])
    for trial, model in zip(trials, models, strict=True):
        models_kept._writing = 0.0  # as if writing took no time
        models_kept.add(trial, model)
    assert [t.number for t in models_kept.ranked()] == [1]
    assert models_kept.numbers == {1}
    assert bundle.load(tmp_path / "run").manifest["trial"] == 1
    assert np.allclose(models_kept.get(1).model.outputs(work.table), models[1].outputs(work.table))


def test_model_not_yet_written_is_kept_in_memory(fitted, tmp_path):
    work, trials, models = fitted
    wrote = []
    models_kept = BestModels(tmp_path / "run", work, FACTS, None, [], lambda trial, seconds: wrote.append(trial.number))
    models_kept.add(trials[0], models[0])
    models_kept._writing = 1e9
    models_kept.add(trials[1], models[1])
    assert wrote == [0]
    assert bundle.load(tmp_path / "run").manifest["trial"] == 0
    assert models_kept.ranked()[0] == trials[1]
    assert models_kept.get(1).model is models[1]
    slow = replace(trials[1], seconds=60.0, scores=(0.95,), number=2)
    models_kept.add(slow, models[1])
    assert wrote == [0, 2], "what took long to fit is written at once"


def test_each_family_keeps_its_best_while_there_is_room(fitted, tmp_path):
    work, trials, models = fitted
    models_kept = BestModels(tmp_path / "run", work, FACTS, None, [])
    models_kept.add(trials[1], models[1])
    other = replace(trials[0], recipe=Recipe.of("trees"), number=7)
    models_kept._writing = 1e9
    models_kept.add(other, models[0])
    assert models_kept.numbers == {1, 7}
    huge = replace(other, recipe=Recipe.of("frozen"), number=8, size_mb=2_000.0)
    models_kept.add(huge, models[0])
    assert models_kept.numbers == {1, 7}, "the best stays, and what fits next to it"
    models_kept.add(replace(huge, number=9, scores=(0.99,)), models[0])
    assert models_kept.numbers >= {1, 9}
    models_kept.overwritten()
    assert models_kept.numbers == {9}


def test_few_shot_default_is_kept_with_a_better_recipe(fitted, tmp_path):
    work, trials, models = fitted
    models_kept = BestModels(tmp_path / "run", work, FACTS, trials[0].recipe, [])
    models_kept.add(trials[0], models[0])
    models_kept.add(trials[1], models[1])
    assert models_kept.ranked()[0] == trials[0]


def test_pruned_trials_and_finalists_are_not_kept(fitted, tmp_path):
    work, trials, models = fitted
    models_kept = BestModels(tmp_path / "run", work, FACTS, None, [])
    models_kept.add(replace(trials[0], state=State.PRUNED), models[0])
    models_kept.add(replace(trials[0], phase="finalist"), models[0])
    assert not models_kept.numbers
    assert not (tmp_path / "run").exists()


def test_what_a_kill_left_in_the_middle_of_a_swap_is_put_back(kept):
    path, trials = kept
    (path.parent / ".model-half").mkdir()
    path.rename(path.with_name(".model-old"))
    best_model._clear(path)
    assert best_model.saved_trial(path, trials) == trials[1]
    assert [p.name for p in path.parent.iterdir()] == ["model"]
