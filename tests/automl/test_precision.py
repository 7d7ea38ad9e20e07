"""Encoders in int8 if that costs little: what a fit writes, and what it states about it."""

import json
from pathlib import Path

import numpy as np
import pytest

from penna import AutoText, load


def fitted(questions, encoder: Path, folder: Path, **options: object) -> AutoText:
    auto = AutoText(60, families=("frozen",), encoders=(str(encoder),), out=folder / "run", **options)
    return auto.fit(questions, y="label")


@pytest.mark.slow
def test_int8_is_served_if_requested(questions, tiny_bert: Path, tmp_path: Path) -> None:
    auto = fitted(questions, tiny_bert, tmp_path, precision="int8")
    facts = auto.bundle_.manifest["precision"]
    assert facts["encoders"] == "int8"
    assert facts["rows"] > 50
    encoders = [json.loads(path.read_text()) for path in (tmp_path / "run" / "model").rglob("encoder.json")]
    assert encoders
    assert {encoder["precision"] for encoder in encoders} == {"int8"}
    assert not (tmp_path / "run" / "model-int8").exists()
    texts = questions["text"].tolist()[:30]
    together, alone = auto.predict_proba(texts), np.concatenate([auto.predict_proba([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-6)  # vectors are equal; the head multiplies in float32
    assert load(tmp_path / "run").predict(texts).tolist() == auto.predict(texts).tolist()


@pytest.mark.slow
def test_fp32_is_kept_if_int8_may_cost_more_than_the_tolerance(questions, tiny_bert: Path, tmp_path: Path) -> None:
    auto = fitted(questions, tiny_bert, tmp_path, precision="auto", tolerance=1e-6)
    facts = auto.bundle_.manifest["precision"]
    if facts["encoders"] == "fp32":
        assert "int8 costs" in facts["reason"]
    else:  # not one prediction differed
        assert facts["upper_points"] <= 1e-6


def test_without_an_encoder_there_is_no_precision(questions, tmp_path: Path) -> None:
    auto = AutoText(8, families=("linear",), precision="auto", out=tmp_path / "run").fit(questions, y="label")
    assert "precision" not in auto.bundle_.manifest
