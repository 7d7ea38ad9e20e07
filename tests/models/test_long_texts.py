"""Long texts: read by windows in training, in scoring and in the artifact; a document of any length is no trouble."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penna.budget import Resources
from penna.data.table import Table
from penna.encoders.sliding_windows import MOST_WINDOWS
from penna.models.base import truncation
from penna.models.finetune import family as finetune
from penna.models.frozen import family as frozen
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import classification

FILLING = ["the", "film", "story", "card", "payment", "money", "what", "was", "is", "very", "not"]


def late(rows: int, seed: int = 0, words: int = 40, vast: int = 0) -> Table:
    """Texts whose class stands in one word far behind the beginning; the first ``vast`` of 50,000 words."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["good", "bad"], rows)
    texts = np.empty(rows, dtype=object)
    for i, label in enumerate(labels):
        said = list(rng.choice(FILLING, 50_000 if i < vast else words))
        said[int(rng.integers(20, words))] = label
        texts[i] = " ".join(said)
    return Table({"text": texts}, labels.astype(object), rows=np.arange(1, rows + 1))


def accuracy(model: Any, table: Table) -> float:
    return float((classification.from_table(table).decode(model.outputs(table)) == table.target).mean())


def saved(family: Any, model: Any, folder: Path) -> Any:
    folder.mkdir()
    model.save(folder)
    return family.load(folder)


def fitted(family: Any, name: str, encoder: Path, train: Table, resources: Resources, **hyperparameters: Any) -> Any:
    recipe = Recipe.of(name, encoder=str(encoder), length=16, **hyperparameters)
    return family.fit(recipe, classification.from_table(train), train, None, resources, lambda *_: True)


@pytest.mark.slow
def test_frozen_encoder_reads_the_end_by_windows(minilm: Path, resources: Resources):
    train, valid = late(120), late(60, seed=1)
    chosen = {"depth": 0.34, "scaling": "standard", "c": 1.0}
    windows = fitted(frozen, "frozen", minilm, train, resources, **chosen)
    head = fitted(frozen, "frozen", minilm, train, resources, long="head", **chosen)
    assert accuracy(windows, valid) > 0.85
    assert accuracy(head, valid) < 0.75  # what it reads says nothing
    assert (windows.long_share, windows.truncated_share) == (1.0, 0.0)
    assert (head.long_share, head.truncated_share) == (1.0, 1.0)


@pytest.mark.slow
def test_fine_tuning_reads_the_end_by_windows(tiny_bert: Path, resources: Resources, tmp_path: Path):
    train, valid = late(200), late(60, seed=1)
    model = fitted(finetune, "finetune", tiny_bert, train, resources, epochs=40.0, lr=3e-3, dropout=0.0)
    assert accuracy(model, valid) > 0.85
    served = saved(finetune, model, tmp_path / "made")
    assert np.abs(served.outputs(valid) - model.outputs(valid)).max() < 0.05


@pytest.mark.parametrize(("family", "name"), [(frozen, "frozen"), (finetune, "finetune")])
def test_document_of_50_000_words_is_learned_and_predicted(
    tiny_albert: Path, resources: Resources, tmp_path: Path, family: Any, name: str
):
    train = late(60, vast=2)
    model = fitted(family, name, tiny_albert, train, resources, **({"epochs": 2.0} if name == "finetune" else {}))
    assert model.windows == MOST_WINDOWS
    assert model.truncated_share == pytest.approx(2 / 60)
    served = saved(family, model, tmp_path / "made")
    assert np.abs(served.outputs(train) - model.outputs(train)).max() < 0.05
    assert np.isfinite(served.outputs(train.take(np.array([0])))).all()


def test_short_texts_do_not_depend_on_the_window_count(tiny_bert: Path, resources: Resources):
    train = late(40, words=8 + 20)
    short = Table({"text": np.array([t[:20] for t in train.text["text"]], dtype=object)}, train.target, rows=train.rows)
    models = [fitted(frozen, "frozen", tiny_bert, short, resources, long=how) for how in ("windows", "head")]
    assert np.array_equal(models[0].outputs(short), models[1].outputs(short))
    assert models[0].long_share == 0


def test_long_texts_add_a_hyperparameter(tiny_bert: Path):
    plain = DatasetProfile(1000, 2, 400, 100.0, encoders=(str(tiny_bert),))
    for family in (frozen, finetune):
        assert "long" not in {hyperparameter.name for hyperparameter in family.search_space(plain)}
        long = replace(plain, long=0.3)
        assert {hyperparameter.name: hyperparameter.values for hyperparameter in family.search_space(long)}["long"] == (
            "windows",
            "head",
        )
        assert [recipe.get("long") for recipe in family.portfolio(long)].count("head") == 1


def test_report_counts_rows_read_by_windows(tiny_bert: Path, resources: Resources):
    from penna.report import format

    model = fitted(frozen, "frozen", tiny_bert, late(40, vast=1), resources)
    said = truncation(Recipe.of("frozen", encoder="tiny"), model)
    assert said["encoder"] == "tiny"
    shown = format.reach(said).replace("\u202f", " ")
    assert all(figure in shown for figure in ("16 tokens", "100.0 %", "16 windows", "2.5 %"))
