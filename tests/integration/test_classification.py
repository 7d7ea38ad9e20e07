"""The main job end to end, on real questions to a bank."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from penna import AutoText, RunError, SettingError, TableError, TaskError, load
from penna.artifact.files import FORMAT
from penna.search import trials

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def fitted(questions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "bank"
    return AutoText(budget=10, families=("linear",), out=folder).fit(questions, y="label")


def quick(**options):
    return AutoText(**{"budget": 6, "families": ("linear",), **options})


def test_a_fit_predicts_real_questions_well(fitted, questions):
    assert fitted.test_scores_["accuracy"][0] > 0.8
    assert fitted.score(questions.text, questions.label) > 0.9
    probabilities = fitted.predict_proba(list(questions.text[:7]))
    assert probabilities.shape == (7, 5)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert set(fitted.predict(list(questions.text[:7]))) <= set(fitted.classes_)


def test_artifact_predicts_like_the_estimator_without_torch(fitted, questions):
    folder = fitted.bundle_.folder
    texts = list(questions.text[:20])
    code = (
        "import sys, json; from penna import load; m = load(sys.argv[1]);"
        "p = m.predict_proba(json.load(sys.stdin)).tolist();"
        "assert not {'torch', 'optuna', 'transformers'} & set(sys.modules); print(json.dumps(p))"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], input=json.dumps(texts), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.allclose(json.loads(done.stdout), fitted.predict_proba(texts), atol=1e-6)


def test_run_folder_has_log_report_artifact_and_card(fitted):
    run = fitted.bundle_.folder.parent
    assert {"trials.jsonl", "report.html", "run.json", "model"} <= {p.name for p in run.iterdir()}
    manifest = json.loads((run / "model" / "manifest.json").read_text())
    assert manifest["format"] == FORMAT
    assert manifest["preliminary"] is False
    assert manifest["test"]["rows"] == fitted.test_scores_["rows"]
    assert manifest["latency"]["one_text_ms"] > 0
    assert "test rows were used once" in (run / "model" / "README.md").read_text()


def test_test_rows_are_in_no_fold_and_folds_are_shared(fitted):
    header, done, _ = trials.read(fitted.bundle_.folder.parent / "trials.jsonl")
    assert header["test_rows"] == fitted.test_scores_["rows"] == 30
    folds = (0, 1, 2, 3, 4)
    scored = [t.folds for t in done if t.scores]
    assert folds in scored
    assert all(met == folds[: len(met)] for met in scored), "the last trials may have time for fewer"


def test_leaderboard_has_state_and_reason_of_every_trial(fitted):
    board = fitted.leaderboard()
    assert len(board) == len(fitted.trials_)
    assert {"family", "recipe", "score", "spread", "seconds", "megabytes", "state", "reason"} <= set(board.columns)


@pytest.mark.parametrize("labels", [[0, 1], [True, False], [1.0, 2.0], ["yes", "no"]])
def test_labels_come_back_in_the_type_they_were_given_in(labels, questions):
    two = questions[questions.label.isin(sorted(set(questions.label))[:2])]
    names = dict(zip(sorted(set(two.label)), labels, strict=True))
    y = [names[label] for label in two.label]
    auto = quick(budget=5).fit(list(two.text), y)
    predicted = auto.predict(list(two.text[:3]))
    assert predicted.dtype == np.array(labels).dtype
    assert auto.score(list(two.text), y) > 0.9


def test_it_can_be_cloned_before_and_after_a_fit(fitted):
    again = clone(fitted)
    assert again.get_params()["budget"] == 10
    with pytest.raises(NotFittedError):
        again.predict(["where is my card"])


def test_estimator_works_in_cv_grid_search_and_pipelines(questions):
    texts, y = list(questions.text), list(questions.label)
    assert cross_val_score(quick(budget=5), texts, y, cv=2).mean() > 0.7
    search = GridSearchCV(quick(budget=5), {"random_state": [0, 1]}, cv=2).fit(texts, y)
    assert search.best_score_ > 0.7
    lower = FunctionTransformer(lambda column: [t.lower() for t in column])
    assert make_pipeline(lower, quick(budget=5)).fit(texts, y).predict(["WHERE IS MY CARD"]).shape == (1,)


def test_ctrl_c_ends_the_search_with_the_best_so_far(questions, tmp_path):
    class InterruptsFourthTrial:
        started = 0

        def event(self, kind, **data):
            self.started += kind == "trial_start"
            if kind == "trial_start" and self.started == 4:
                os.kill(os.getpid(), signal.SIGINT)

    progress = InterruptsFourthTrial()
    auto = AutoText(budget=300, families=("linear",), search_strategy="random", out=tmp_path / "run", progress=progress)
    auto.fit(questions, y="label")
    assert auto.record_["settings"]["search ended"] == "stopped by hand"
    assert [t.state for t in auto.trials_] == [trials.State.COMPLETE] * 3
    assert load(tmp_path / "run").predict(["where is my card"]).shape == (1,)


def test_kept_model_is_served_if_refit_has_no_time(questions, tmp_path, monkeypatch):
    class Watch:
        def event(self, kind, **data):
            if kind == "trial_end" and data["trial"].number == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr("penna.automl.refit.PATIENCE", 0.0)
    auto = AutoText(budget=300, families=("linear",), out=tmp_path / "run", progress=Watch()).fit(questions, y="label")
    (member,) = auto.bundle_.manifest["members"]
    assert member["refitted"] is False
    assert auto.bundle_.manifest["preliminary"] is False
    assert auto.test_scores_["accuracy"][0] > 0.7


def test_killed_run_serves_a_model_and_resumes(questions, tmp_path):
    data, out = tmp_path / "rows.csv", tmp_path / "run"
    questions.to_csv(data, index=False)
    command = [
        sys.executable,
        "-m",
        "penna",
        "fit",
        data,
        "--target",
        "label",
        "--families",
        "linear",
        "--search-strategy",
        "grid",
    ]
    command += ["--budget", "60s", "--out", out]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "trials.jsonl").exists() or len((out / "trials.jsonl").read_bytes().splitlines()) < 4:
        time.sleep(0.05)
        assert running.poll() is None
    running.kill()
    running.wait()
    _, before, _ = trials.read(out / "trials.jsonl")
    assert load(out).predict(["where is my card"]).shape == (1,), "the best so far can be served after a kill"
    AutoText(budget=12, families=("linear",), search_strategy="grid", out=out, resume=True).fit(data, y="label")
    _, after, _ = trials.read(out / "trials.jsonl")
    assert after[: len(before)] == before
    assert len({t.proposal_key for t in after}) == len(after)
    assert load(out).manifest["preliminary"] is False


def test_missing_encoder_is_skipped_with_its_reason(questions, tmp_path):
    auto = AutoText(budget=6, encoders=(str(tmp_path / "nowhere"),)).fit(questions, y="label")
    skipped = [t for t in auto.trials_ if t.state is trials.State.SKIPPED]
    assert any("nowhere" in t.reason for t in skipped)
    assert auto.predict(["where is my card"]).shape == (1,)


def test_every_family_is_on_one_leaderboard(questions, tiny_bert, tmp_path):
    expected, met = {"linear", "frozen", "contrastive", "finetune"}, set()

    class Watch:
        def event(self, kind, **data):
            if kind == "trial_end" and data["trial"].state is trials.State.COMPLETE:
                met.add(data["trial"].recipe.family)
            if kind == "trial_end" and expected <= met:
                raise KeyboardInterrupt  # the budget is large, so that a busy machine does not decide; no need to wait

    auto = AutoText(budget=900, cv=2, encoders=(str(tiny_bert),), out=tmp_path / "run", progress=Watch())
    auto.fit(questions, y="label")
    assert expected <= met
    code = (
        "import sys; from penna import load; load(sys.argv[1]).predict(['a card']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=True)


def test_a_ceiling_in_megabytes_holds(questions):
    auto = quick(max_size_mb=0.5).fit(questions, y="label")
    assert auto.bundle_.manifest["megabytes"] <= 0.5


def test_impossible_ceilings_are_an_error(questions):
    with pytest.raises(RunError, match="ceilings"):
        quick(max_size_mb=1e-4).fit(questions, y="label")


def test_a_finished_run_can_be_resumed_with_more_time(questions, tmp_path):
    first = quick(budget=5, out=tmp_path / "run").fit(questions, y="label")
    again = quick(budget=8, out=tmp_path / "run", resume=True).fit(questions, y="label")
    assert again.trials_[: len(first.trials_)] == first.trials_
    assert load(tmp_path / "run").manifest["preliminary"] is False


def test_test_set_can_be_another_table(questions):
    train, test = questions[:140], questions[140:]
    auto = quick(budget=5).fit(train, y="label", test=test)
    assert auto.test_scores_["rows"] == len(test)


def test_unseen_test_label_is_left_out_and_reported(questions):
    test = pd.DataFrame({"text": ["something else", *questions.text[:20]], "label": ["new", *questions.label[:20]]})
    auto = quick(budget=5).fit(questions[20:], y="label", test=test)
    assert auto.test_scores_["rows"] == 20
    assert any("never trained on" in line for line in auto.record_["table"]["findings"])


def test_an_output_folder_that_exists_is_refused_and_kept(questions, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        quick(out=tmp_path).fit(questions, y="label")
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"families": ("forest",)}, SettingError),
        ({"families": ()}, SettingError),
        ({"search_strategy": "luck"}, SettingError),
        ({"metric": "beauty"}, SettingError),
        ({"budget": "soon"}, SettingError),
        ({"max_size_mb": -1}, SettingError),
        ({"rare_classes": "maybe"}, SettingError),
        ({"n_jobs": 0}, SettingError),
        ({"text": "tekst"}, TableError),
        ({"group_column": "grp"}, TableError),
    ],
)
def test_a_wrong_setting_is_refused_before_any_work(questions, options, error):
    with pytest.raises(error):
        quick(**options).fit(questions, y="label")


def test_one_class_is_refused():
    with pytest.raises((TableError, TaskError), match=r"class|label"):
        quick().fit([f"text number {i}" for i in range(30)], ["same"] * 30)


def test_same_seed_gives_the_same_trial_log(questions):
    first, second = (
        AutoText(budget=30, families=("linear",), search_strategy="auto", random_state=1).fit(questions[:60], y="label")
        for _ in range(2)
    )
    assert [t.recipe for t in first.trials_][:8] == [t.recipe for t in second.trials_][:8]
    assert [t.scores for t in first.trials_][:8] == [t.scores for t in second.trials_][:8]


def test_a_fitted_estimator_travels_to_another_process(fitted):
    import pickle

    again = pickle.loads(pickle.dumps(fitted))
    texts = ["where is my card", "my top up failed"]
    assert np.array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
