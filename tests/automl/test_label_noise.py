"""Rows with a suspicious label: found without looking at what is measured on, and believed less, or not at all."""

from dataclasses import replace

import numpy as np
import pytest

from penna import AutoText, tasks
from penna.automl import evaluate, label_noise
from penna.automl.evaluate import WHOLE, SearchProblem
from penna.automl.selection import OutOfFoldScores
from penna.budget import Budget
from penna.data import splits
from penna.data.table import Table
from penna.errors import SettingError
from penna.preprocessing import label_noise as doubt
from penna.preprocessing.label_noise import DROP, KEEP, WEIGHT
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial
from penna.terminal.listeners import Silent
from penna.testing import make_resources

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

BASELINE = Recipe.of("linear", analyzer="word", words=2, sublinear=True, lower=True, min_df=1, keep=100_000, share=1.0,
                     select="chi2", svd=0, classifier="logistic", balanced=False, nb=False, c=10.0)  # fmt: skip


@pytest.fixture(scope="module")
def flipped(demo_rows):
    """240 questions to a bank of four intents, a fifth of them under another's name, and which these are."""
    chosen = sorted(set(demo_rows.label))[:4]
    rows = demo_rows[demo_rows.label.isin(chosen)].groupby("label").head(60).sample(frac=1, random_state=0)
    codes = np.searchsorted(chosen, rows.label)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(rows)) < 0.2
    codes[wrong] = (codes[wrong] + rng.integers(1, 4, wrong.sum())) % 4
    target = np.array(chosen, object)[codes]
    return Table({"text": rows.text.to_numpy(object)}, target, rows=np.arange(1, len(rows) + 1)), wrong


@pytest.fixture(scope="module")
def work(flipped):
    table, _ = flipped
    task = tasks.find("classification", table, "accuracy")
    plan = splits.plan(table, task.strata(table), folds=3, has_test=True)
    profile = DatasetProfile(rows=len(table), classes=4, rows_in_smallest_class=50, mean_characters=60.0, folds=3)
    return SearchProblem(task, table, plan.folds, profile, Budget(), "auto")


@pytest.fixture(scope="module")
def looked(work, tmp_path_factory):
    assert label_noise.estimate(work, (0,), make_resources(tmp_path_factory.mktemp("cache")), Silent()) == ""
    return work


def evidence(work):
    outputs = {"clean": np.eye(4)[work.task.encode(work.table.take(work.folds[0][1]))] * 0.9 + 0.025}
    return OutOfFoldScores(work.task, lambda f: work.task.encode(work.table.take(work.folds[f][1])),
                    lambda t, _: outputs[t.phase], (0,))  # fmt: skip


def test_planted_wrong_labels_are_found(looked, flipped):
    _, wrong = flipped
    train = looked.folds[0][0]
    for rows, doubts in ((train, looked.noise_by_fold[0]), (looked.searched, looked.noise_by_fold[WHOLE])):
        found = doubts.touched(DROP)
        assert len(doubts.chance) == len(rows)
        assert wrong[rows][found].mean() > 0.6
        assert wrong[rows][found].sum() > 0.4 * wrong[rows].sum()


def test_only_training_rows_are_dropped_or_weighed(looked, tmp_path):
    recipe = BASELINE.replace(noise=DROP)
    train, valid = looked.folds[0]
    assert len(looked.training(recipe, 0)) == len(train) - len(looked.noise_by_fold[0].touched(DROP))
    assert len(looked.training(recipe, WHOLE)) < len(looked.searched)
    weighed = looked.training(BASELINE.replace(noise=WEIGHT), 0)
    assert len(weighed) == len(train)
    assert 0 <= weighed.sample_weight.min() < 0.5 < weighed.sample_weight.max() == 1
    outcome = evaluate.evaluate(recipe, looked, (0,), make_resources(tmp_path), lambda *_: True)
    assert outcome.trial.state is State.COMPLETE
    assert len(outcome.outputs[0]) == len(valid)


def test_dropping_noisy_labels_improves_the_true_score(looked, demo_rows, tmp_path):
    names = looked.task.classes
    rest = demo_rows[demo_rows.label.isin(names)].groupby("label").tail(40)
    asked = Table({"text": rest.text.to_numpy(object)}, rest.label.to_numpy(object), rows=np.arange(len(rest)))
    score = {
        how: looked.task.score(
            looked.task.encode(asked),
            evaluate.evaluate(BASELINE.replace(noise=how), looked, (0,), make_resources(tmp_path), lambda *_: True)
            .model.outputs(asked),
        )
        for how in doubt.WAYS
    }  # fmt: skip
    assert max(score[DROP], score[WEIGHT]) > score[KEEP]


def test_no_class_loses_more_than_half_of_its_rows():
    y = np.repeat([0, 1, 2], 60)
    outputs = np.full((180, 3), 0.02)
    outputs[np.arange(180), np.where(y == 2, 0, y)] = 0.96  # the third class is not known at all
    found = doubt.doubts(y, outputs)
    assert not found.chance[y == 2].any()


def test_row_of_weight_zero_does_not_affect_any_family(flipped, tiny_bert, tmp_path):
    table, wrong = flipped
    task = tasks.find("classification", table, "accuracy")
    believed = replace(table, sample_weight=np.where(wrong, 0, 1).astype(np.float32))
    recipes = [
        BASELINE,
        BASELINE.replace(classifier="svm", c=0.5),
        BASELINE.replace(classifier="complement_nb", alpha=0.3),
        *(Recipe.of("frozen", encoder=str(tiny_bert), head=head) for head in ("logistic", "prototype", "knn", "mlp")),
    ]
    from penna import plugins

    y = task.encode(table)
    for recipe in recipes:
        fit = plugins.find("models", recipe.family).fit
        with_, without = (
            fit(recipe, task, rows, None, make_resources(tmp_path), lambda *_: True).outputs(table)
            for rows in (believed, table)
        )
        given = [outputs[np.flatnonzero(wrong), y[wrong]].mean() for outputs in (with_, without)]
        assert given[0] < given[1], recipe


def test_training_loop_weights_rows():
    import torch

    from penna.training import losses

    each = torch.tensor([1.0, 3.0])
    assert float(losses.believed(each, torch.tensor([2.0, 0.0]))) == 1.0
    assert float(losses.believed(each, torch.tensor([1.0, 1.0]))) == 2.0


def test_no_noise_treatment_if_first_model_is_right(work):
    done = Trial(BASELINE, State.COMPLETE, folds=(0,), scores=(0.9,), phase="clean", proposal_key=BASELINE.id + "@0")
    clean = replace(work, table=replace(work.table), noise="auto")
    assert label_noise.noise_treatments(clean, [], evidence(clean), BASELINE) == ((), False)
    assert label_noise.noise_treatments(clean, [done], evidence(clean), BASELINE) == ((), True)
    assert label_noise.noise_treatments(replace(clean, noise="keep"), [done], evidence(clean), BASELINE) == ((), True)
    assert label_noise.noise_treatments(replace(clean, noise="drop"), [], evidence(clean), BASELINE) == (
        ("drop",),
        True,
    )


def test_unfinished_noise_treatment_has_a_reason(work):
    def done(way, **more):
        recipe = BASELINE if way == KEEP else BASELINE.replace(noise=way)
        found = {"state": State.COMPLETE, "folds": (0,), "scores": (0.5,), "phase": "unsure"} | more
        return Trial(recipe, proposal_key=recipe.id + "@0", **found)

    truth = np.arange(400) % 4
    outputs = np.eye(4)[np.where(np.arange(len(truth)) % 5, truth, (truth + 1) % 4)] * 0.9 + 0.025
    judged = replace(evidence(work), truth=lambda _: truth, outputs=lambda *_: outputs)
    late = {"state": State.SKIPPED, "folds": (), "scores": (), "reason": "no time"}
    ways = label_noise.noise_treatments(work, [done(KEEP), done(WEIGHT, **late), done(DROP, **late)], judged, BASELINE)
    assert ways == ((), True)
    assert "no other way" in label_noise.reason(work, ways[0], KEEP)
    ways = label_noise.noise_treatments(
        work, [done(KEEP), done(WEIGHT, scores=(0.6,)), done(DROP, **late)], judged, BASELINE
    )
    assert ways == ((WEIGHT, KEEP), True)
    assert "scored best" in label_noise.reason(work, ways[0], WEIGHT)
    assert "scored best" not in label_noise.reason(work, ways[0], KEEP)
    assert label_noise.reason(replace(work, noise=DROP), (DROP,), DROP) == "as requested"


def test_fit_that_cannot_find_label_noise_reports_it():
    told = []

    class Listener:
        def event(self, kind, **data):
            told.append((kind, data.get("name"), data.get("reason")))

    texts = [f"{word} number {i}" for i in range(30) for word in ("one", "two")]
    auto = AutoText(
        budget=8, families=("linear",), task="regression", label_noise="drop", progress=Listener(), test_size=0.2
    )
    auto.fit(texts, [i * 0.37 + j for i in range(30) for j in (1.0, 2.0)])
    assert [why for kind, name, why in told if kind == "skipped" and "label noise drop" in name]


def test_the_way_that_scored_best_comes_first_in_the_portfolio():
    first, other, frozen = BASELINE, BASELINE.replace(c=3.0), Recipe.of("frozen", head="knn")
    offered = doubt.offered([first, other, frozen], (DROP, KEEP, WEIGHT), True)
    assert offered[:3] == [first, first.replace(noise=WEIGHT), first.replace(noise=DROP)]
    assert offered[3:] == [other.replace(noise=DROP), frozen.replace(noise=DROP), frozen]
    assert doubt.offered([first, other], (WEIGHT,), True) == [first.replace(noise=WEIGHT), other.replace(noise=WEIGHT)]
    assert doubt.offered([first, other], (), True) == [first, other]


def test_fit_reports_the_rows_that_it_left_out(flipped, tmp_path):
    table, _ = flipped
    auto = AutoText(budget=20, families=("linear",), label_noise="drop", out=tmp_path / "run", random_state=1)
    auto.fit(list(table.text["text"]), list(table.target))
    assert "left out of training" in auto.bundle_.manifest["doubted"]
    assert "left out of training" in (tmp_path / "run" / "model" / "README.md").read_text()
    (said,) = [f for f in auto.record_["checks"]["findings"] if f["kind"] == "doubted label"]
    assert "reads like" in said["examples"][0]
    assert all(t.recipe["noise"] == "drop" for t in auto.trials_ if t.state is State.COMPLETE)


def test_an_unknown_treatment_is_refused():
    with pytest.raises(SettingError, match="auto, keep, weight, drop"):
        AutoText(label_noise="burn").fit(["a"] * 30, ["x", "y"] * 15)
