"""What is served when time runs short: after a starved end, a kill, or a resume whose budget is used up."""

import json
import time

import numpy as np
import pytest

from penna import AutoText, RunError, load
from penna.automl import elapsed_time
from penna.budget import Deadline
from penna.search import trials
from penna.search.trials import State

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(questions, tmp_path_factory):
    """A finished fit, and its folder."""
    folder = tmp_path_factory.mktemp("resume") / "run"
    return AutoText(budget=6, families=("linear",), out=folder).fit(questions, y="label"), folder


class Starved:
    """After the fifth trial the machine stands still until the time is up."""

    def __init__(self, seconds):
        self.over = time.monotonic() + seconds

    def event(self, kind, **data):
        if kind == "trial_end" and data["trial"].number == 4:
            time.sleep(max(0.0, self.over - time.monotonic()))


def test_starved_search_serves_its_best_model(questions, tmp_path):
    auto = AutoText(
        budget=8, families=("linear",), cv=2, postprocess="none", out=tmp_path / "run", progress=Starved(8.5)
    ).fit(questions, y="label")
    done = [t for t in auto.trials_ if t.state is State.COMPLETE]
    best = max(done, key=lambda t: t.lower_score)
    (member,) = auto.bundle_.manifest["members"]
    assert len(done) == 5
    assert best.score > done[0].score, "the first trial is not the best of these"
    assert member["trial"] == best.number
    assert member["refitted"] is False


def test_a_resumed_run_has_the_rest_of_its_budget(run, questions):
    fitted, folder = run
    (folder / elapsed_time.FILE).write_text(json.dumps({"seconds": 100.0}))
    again = AutoText(budget=10, families=("linear",), out=folder, resume=True).fit(questions, y="label")
    done = [t for t in again.trials_ if t.state is State.COMPLETE]
    assert done == [t for t in fitted.trials_ if t.state is State.COMPLETE], "no time was left for another trial"
    assert elapsed_time.before(folder) > 100


def test_model_complete_before_a_kill_is_not_refitted(run, questions):
    fitted, folder = run
    (folder / "run.json").unlink()
    (folder / "report.html").unlink()
    (folder / elapsed_time.FILE).write_text(json.dumps({"seconds": 100.0}))
    refits = []

    class Watch:
        def event(self, kind, **data):
            if kind == "phase":
                refits.append(data["name"])

    again = AutoText(budget=10, families=("linear",), out=folder, resume=True, progress=Watch())
    again.fit(questions, y="label")
    assert again.bundle_.manifest["members"] == fitted.bundle_.manifest["members"]
    assert not [name for name in refits if "refitting" in name]
    assert again.test_scores_ == fitted.test_scores_
    assert (folder / "report.html").exists()
    texts = list(questions.text[:20])
    assert np.allclose(load(folder).predict_proba(texts), fitted.predict_proba(texts))


def test_resume_begins_where_there_is_nothing_yet(questions, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("trials.jsonl", "trials.part", elapsed_time.FILE):
        (folder / name).touch()
    auto = AutoText(budget=5, families=("linear",), out=folder, resume=True).fit(questions, y="label")
    assert trials.read(folder / "trials.jsonl")[1] == list(auto.trials_)


def test_resume_does_not_write_into_a_folder_of_something_else(questions, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="holds no run to resume, but other files"):
        AutoText(budget=5, families=("linear",), out=tmp_path, resume=True).fit(questions, y="label")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_seconds_of_a_run_are_noted_while_it_works(tmp_path):
    with elapsed_time.Noted(tmp_path, Deadline(60, time.monotonic() - 7)):
        while not (tmp_path / elapsed_time.FILE).exists():
            time.sleep(0.01)
    assert elapsed_time.before(tmp_path) >= 7
    for content in ("", "{}", "[1]", '{"seconds": "x"}', '{"seconds": NaN}', '{"seconds": -3}', " " * 10_000):
        (tmp_path / elapsed_time.FILE).write_text(content)
        assert elapsed_time.before(tmp_path) == 0
    assert elapsed_time.before(tmp_path / "nowhere") == 0
