"""Searches, recipes and stored artifacts give what they always gave: only a wanted change may touch the files."""

import json

import pytest

import golden

PLATFORM = 1e-6
#: A graph's kernels differ between processors; models without one do not.
GRAPH = 1e-3


def close(one: object, other: object, tolerance: float) -> bool:
    """Whether numbers, or nested lists of them, differ by no more than the tolerance; anything else must be equal."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(close(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerance
    return one == other


@pytest.mark.slow
@pytest.mark.parametrize("strategy", golden.STRATEGIES)
def test_a_seeded_search_gives_the_same_trials_and_scores(strategy: str) -> None:
    expected = json.loads((golden.DATA / "golden" / "searches.json").read_text())[strategy]
    trials = json.loads(json.dumps(golden.search_log(strategy)))
    assert [t["recipe"] for t in trials] == [t["recipe"] for t in expected]
    assert [t["scores"] for t in trials] == [pytest.approx(t["scores"], abs=PLATFORM) for t in expected]
    for trial, known in zip(trials, expected, strict=True):
        assert {k: v for k, v in trial.items() if k != "scores"} == {k: v for k, v in known.items() if k != "scores"}


def test_families_offer_the_golden_recipes_and_spaces() -> None:
    assert golden.spaces() == json.loads((golden.DATA / "golden" / "spaces.json").read_text())


@pytest.mark.parametrize("name", golden.stored())
def test_a_stored_artifact_predicts_what_it_did(name: str) -> None:
    folder = golden.DATA / "artifacts" / name
    expected = json.loads((folder / "expected.json").read_text())
    graph = any((folder / "model").rglob("*.onnx"))
    assert close(golden.predictions(folder / "model", golden.rows_of(name)), expected, GRAPH if graph else PLATFORM)
