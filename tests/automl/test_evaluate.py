"""What becomes of a recipe inside ``evaluate``, with real families on small tables."""

from dataclasses import replace

import numpy as np
import pytest

from penna import tasks
from penna.automl import evaluate
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget
from penna.data import splits
from penna.data.table import Table
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, TrialLog
from penna.testing import make_resources


@pytest.fixture
def work(demo_rows):
    chosen = sorted(set(demo_rows.label))[:3]
    rows = demo_rows[demo_rows.label.isin(chosen)].groupby("label").head(30)
    table = Table(
        {"text": rows.text.to_numpy(object)}, target=rows.label.to_numpy(object), rows=np.arange(1, len(rows) + 1)
    )
    task = tasks.find("auto", table)
    plan = splits.plan(table, task.strata(table), folds=3)
    profile = DatasetProfile(rows=len(table), classes=3, rows_in_smallest_class=30, mean_characters=60.0, folds=3)
    return SearchProblem(task, table, plan.folds, profile, Budget())


def go_on(step, of, score):
    return True


BASELINE = Recipe.of("linear", analyzer="word", words=2, sublinear=True, lower=True, min_df=1, keep=100_000,
                     classifier="logistic", balanced=False, nb=False, c=10.0)  # fmt: skip


def test_complete_trial_has_score_error_and_outputs_per_fold(work, tmp_path):
    outcome = evaluate.evaluate(BASELINE, work, (0, 1, 2), make_resources(tmp_path), go_on)
    trial = outcome.trial
    assert trial.state is State.COMPLETE
    assert trial.folds == (0, 1, 2)
    assert len(trial.scores) == len(trial.score_std_errors) == 3
    assert trial.score > 0.7
    assert {fold: len(rows) for fold, rows in outcome.outputs.items()} == {
        fold: len(valid) for fold, (_, valid) in enumerate(work.folds)
    }


def test_the_same_recipe_scores_the_same_twice(work, tmp_path):
    first, second = (evaluate.evaluate(BASELINE, work, (0,), make_resources(tmp_path), go_on).trial for _ in range(2))
    assert first.scores == second.scores


def test_what_goes_wrong_inside_a_fit_is_a_state_with_a_reason(work, tmp_path):
    broken = Recipe.of("linear", classifier="oracle")  # hyperparameters are missing, as in a ledger of another version
    trial = evaluate.evaluate(broken, work, (0,), make_resources(tmp_path), go_on).trial
    assert trial.state is State.FAILED
    assert trial.reason.startswith("KeyError")
    assert "\n" not in trial.reason


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_nan_score_is_a_failed_trial_in_the_log(work, tmp_path):
    nobody = replace(work, folds=((work.folds[0][0], np.zeros(0, np.int64)),))
    trial = evaluate.evaluate(BASELINE, nobody, (0,), make_resources(tmp_path), go_on).trial
    assert (trial.state, trial.scores) == (State.FAILED, ())
    assert TrialLog(tmp_path / "run", {}).append(trial).number == 0


def test_a_missing_encoder_is_skipped_not_failed(work, tmp_path):
    trial = evaluate.evaluate(
        Recipe.of("frozen", encoder="/nowhere"), work, (0,), make_resources(tmp_path), go_on
    ).trial
    assert trial.state is State.SKIPPED
    assert "/nowhere" in trial.reason


def test_fine_tuning_stopped_by_the_search_is_pruned(work, tmp_path, tiny_bert):
    recipe = Recipe.of("finetune", encoder=str(tiny_bert), epochs=4.0)
    trial = evaluate.evaluate(recipe, work, (0,), make_resources(tmp_path), lambda *_: False).trial
    assert trial.state is State.PRUNED
    assert trial.reason.startswith("behind its peers")
    assert trial.scores == ()
    assert trial.curve


def test_refusal_names_seconds_or_megabytes(work, tmp_path):
    from dataclasses import replace

    refused = evaluate.fit_to_budget(BASELINE, work, (0,), make_resources(tmp_path), 1e-6)
    assert isinstance(refused, str)
    assert "s are left" in refused
    light = replace(work, budget=Budget(max_size_mb=1e-9))
    refused = evaluate.fit_to_budget(BASELINE, light, (0,), make_resources(tmp_path), 60.0)
    assert isinstance(refused, str)
    assert "ceilings" in refused


@pytest.mark.slow
def test_a_fine_tune_is_made_shorter_to_fit(work, tmp_path, tiny_bert):
    recipe = Recipe.of("finetune", encoder=str(tiny_bert), epochs=400.0)
    whole = evaluate.fit_to_budget(recipe, work, (0,), make_resources(tmp_path, 1e6), 1e6)
    assert not isinstance(whole, str)
    shorter = evaluate.fit_to_budget(recipe, work, (0,), make_resources(tmp_path, 1e6), whole[1].seconds / 2)
    assert not isinstance(shorter, str)
    assert shorter[0].fidelity < 1
    assert shorter[1].seconds <= whole[1].seconds / 2
