"""The ledger, on disk, with the accidents that happen to files."""

import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from penna.errors import RunError
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial, TrialLog

HEADER = {"table": "abc", "seed": 0}


def trial(score=0.9, **changes):
    fields = {
        "recipe": Recipe.of("linear", c=1.0), "state": State.COMPLETE, "folds": (0,), "scores": (score,),
        "score_std_errors": (0.02,), "seconds": 1.5, "curve": ((10, 0.5), (20, 0.9)), "phase": "portfolio",
        "proposal_key": "x@0",
    }  # fmt: skip
    return Trial(**{**fields, **changes})


def test_a_ledger_reread_holds_the_same_trials_and_outputs(tmp_path):
    ledger = TrialLog(tmp_path, HEADER)
    outputs = np.random.default_rng(0).random((5, 2)).astype(np.float32)
    written = ledger.append(trial(), {0: outputs})
    again = TrialLog(tmp_path, HEADER)
    assert again.trials == [written]
    assert np.array_equal(again.outputs(again.trials[0], 0), outputs)


def test_a_pruned_trial_keeps_its_reason(tmp_path):
    TrialLog(tmp_path, HEADER).append(
        trial(state=State.PRUNED, folds=(), scores=(), reason="behind its peers at step 4")
    )
    assert TrialLog(tmp_path, HEADER).trials[0].reason == "behind its peers at step 4"
    assert TrialLog(tmp_path, HEADER).trials[0].score == -np.inf


def test_truncated_last_line_is_dropped(tmp_path):
    ledger = TrialLog(tmp_path, HEADER)
    for _ in range(3):
        ledger.append(trial())
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole[:-20])
    again = TrialLog(tmp_path, HEADER)
    assert len(again.trials) == 2
    again.append(trial(0.7))
    assert [t.score for t in TrialLog(tmp_path, HEADER).trials] == [0.9, 0.9, 0.7]


def test_a_ledger_of_other_work_is_not_continued(tmp_path):
    TrialLog(tmp_path, HEADER).append(trial())
    with pytest.raises(RunError, match=r"another run \(table differ\)"):
        TrialLog(tmp_path, {**HEADER, "table": "other"})


@pytest.mark.parametrize("content", [b"", b'{"header": {"format"'])
def test_run_stopped_before_its_first_line_starts_over(tmp_path, content):
    (tmp_path / "trials.jsonl").write_bytes(content)
    (tmp_path / "trials.part").write_bytes(content)
    TrialLog(tmp_path, HEADER).append(trial())
    assert [t.score for t in TrialLog(tmp_path, HEADER).trials] == [0.9]
    assert [p.name for p in tmp_path.iterdir()] == ["trials.jsonl"]


def test_a_full_disk_leaves_whole_lines_and_no_empty_ledger(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "trials.part").symlink_to(full)
    ledger = TrialLog(tmp_path, HEADER)
    ledger.begin()  # a link that was left there is not followed
    assert ledger.path.read_text().endswith("\n")
    ledger.append(trial())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.path.stat().st_size + 10, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            ledger.append(trial(0.7))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    ledger.append(trial(0.8))
    assert [t.score for t in TrialLog(tmp_path, HEADER).trials] == [0.9, 0.8]


@pytest.mark.parametrize("content", [b"junk\n", b'{"header": {"format": 99}}\n', b'{"no": 1}\n', b"\xff\xfe\n"])
def test_a_file_that_is_no_ledger_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "trials.jsonl").write_bytes(content)
    with pytest.raises(RunError, match="new"):
        TrialLog(tmp_path, HEADER)


def test_missing_outputs_are_named(tmp_path):
    ledger = TrialLog(tmp_path, HEADER)
    written = ledger.append(trial(), {0: np.zeros((2, 2))})
    next((tmp_path / "outputs").iterdir()).unlink()
    with pytest.raises(RunError, match="missing or damaged"):
        ledger.outputs(written, 0)


def test_spread_is_over_folds_or_bootstrap():
    assert trial().score_std == 0.02
    two = trial(folds=(0, 1), scores=(0.8, 0.9), score_std_errors=(0.02, 0.02))
    assert two.score == pytest.approx(0.85)
    assert two.score_std == pytest.approx(0.0707, abs=1e-4)
    assert two.lower_score == pytest.approx(0.85 - 0.0707 / 2, abs=1e-4)


def test_every_line_of_the_ledger_is_plain_json(tmp_path):
    ledger = TrialLog(tmp_path, HEADER)
    ledger.append(trial(predicted_seconds=2.0, size_mb=0.3))
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert lines[0]["header"]["format"] == 1
    assert lines[1]["recipe"]["hyperparameters"] == {"c": 1.0}
