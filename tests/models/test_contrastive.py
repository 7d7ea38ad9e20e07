"""The family ``contrastive``: pairs of few texts, a loss over a batch, an encoder that they tune, and its artifact."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from penna import AutoText, tasks
from penna.budget import Deadline, OutOfTime, Resources
from penna.data import splits
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints
from penna.models.contrastive import family as contrastive
from penna.models.contrastive.recipes import as_finetune
from penna.models.finetune import family as finetune
from penna.search.recipe import DatasetProfile, Recipe
from penna.training import loop
from penna.training.contrastive_loss import supervised

KINDS = {
    "film": ("a good film", "the bad story", "a very good story"),
    "card": ("lost my card", "my payment", "the money"),
}


def made(rows: int, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    labels = [("film", "card")[i % 2] for i in range(rows)]
    texts = [f"{rng.choice(KINDS[label])} {rng.choice(list('abcdefgh'))}" for label in labels]
    return Table({"text": np.array(texts, object)}, np.array(labels, object), rows=np.arange(1, rows + 1))


def recipe(encoder: Path, **hyperparameters: object) -> Recipe:
    return Recipe.of("contrastive", encoder=str(encoder), **{"pairs": 20.0, "lr": 1e-3, **hyperparameters})


def fitted(table: Table, resources: Resources, asked: Recipe) -> contrastive.Tuned:
    task = tasks.find("classification", table, "accuracy")
    return contrastive.fit(asked, task, table, None, resources, lambda *_: True)


def test_loss_is_small_for_separated_classes():
    y = torch.tensor([0, 0, 1])
    apart = torch.tensor([[1.0, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]])
    mixed = torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0]])
    assert supervised(apart, y).shape == (3,)
    # Five others for each text: of three alike all are near, and the best that a softmax can do is an equal share.
    assert supervised(apart, y)[0] == pytest.approx(np.log(3), abs=1e-3)
    assert (supervised(mixed, y) > supervised(apart, y)).all()


def test_every_row_brings_another_of_its_class_along():
    y = np.array([0, 1, 0, 1, 2, 0])
    asked: list[np.ndarray] = []

    def inputs(index: np.ndarray) -> dict[str, torch.Tensor]:
        asked.append(index)
        return {}

    twins = contrastive._twins(loop.Rows(np.ones(6, np.int64), inputs, y), seed=0)
    for _ in range(50):
        twins.inputs(np.arange(6))
    firsts, others = np.split(np.stack(asked), 2, axis=1)
    assert (y[firsts] == y[others]).all()
    several = np.bincount(y)[y] > 1
    assert (firsts != others)[:, several].all()
    assert {int(i) for i in others[:, 0]} == {2, 5}, "each of the others in turn"


@pytest.mark.slow
def test_tuned_encoder_separates_classes_without_torch(tiny_bert, resources, tmp_path):
    model = fitted(made(24), resources, recipe(tiny_bert))
    asked = made(40, seed=1)
    y = np.array([label == "film" for label in asked.target])
    outputs = model.outputs(asked)
    assert outputs.shape == (40, 2)
    assert (outputs.argmax(axis=1) == y).mean() > 0.85
    (tmp_path / "parts").mkdir()
    model.save(tmp_path / "parts")
    opened = contrastive.load(tmp_path / "parts")
    assert np.abs(opened.outputs(asked) - outputs).max() < 2e-2
    assert model.outputs(asked.take(np.arange(0))).shape == (0, 2)
    model.save_checkpoint(tmp_path / "checkpoint")
    kept = checkpoints.load_module(checkpoints.describe("kept", tmp_path / "checkpoint"), depth=4)
    ids = torch.tensor([[2, 9, 11, 3]])
    with torch.no_grad():
        mine, theirs = (m.eval()(input_ids=ids).last_hidden_state for m in (model.network.encoder, kept))
    assert torch.allclose(mine, theirs, atol=1e-5)


def test_the_same_seed_gives_the_same_model(tiny_bert, resources):
    first, second = (fitted(made(16), resources, recipe(tiny_bert, pairs=5.0)).outputs(made(9)) for _ in range(2))
    assert np.array_equal(first, second)


def test_deadline_that_is_over_raises(tiny_bert, tmp_path):
    with pytest.raises(OutOfTime, match="too few to learn from"):
        fitted(made(16), Resources(tmp_path, Deadline(0.01), 1), recipe(tiny_bert))


def test_it_is_offered_where_classes_have_few_rows(tiny_bert):
    def profile(rows: int, classes: int, output_kind: OutputKind = OutputKind.CLASS_PROBABILITIES) -> DatasetProfile:
        return DatasetProfile(rows, classes, rows // classes, 60.0, encoders=(str(tiny_bert),), output_kind=output_kind)

    assert contrastive.portfolio(profile(16, 2))[0]["pairs"] == 15.0
    assert contrastive.portfolio(profile(616, 77))[0]["pairs"] < 8
    assert contrastive.search_space(profile(616, 77))
    for other in (profile(6920, 2), profile(30_000, 500), profile(300, 1, "squared")):
        assert contrastive.portfolio(other) == []
        assert contrastive.search_space(other) == ()


def test_cost_is_that_of_fine_tuning_as_many_texts(tiny_bert, resources):
    profile, asked = DatasetProfile(24, 2, 12, 20.0, encoders=(str(tiny_bert),)), recipe(tiny_bert, pairs=200.0)
    whole = contrastive.cost(asked, profile, made(24), resources)
    assert whole.seconds == pytest.approx(
        2 * finetune.cost(as_finetune(asked), profile, made(24), resources).seconds - 1
    )
    smaller = contrastive.shrink(asked, profile, made(24), resources, 0.7 * whole.seconds)
    assert smaller is not None
    assert smaller.fidelity == 0.5
    assert contrastive.shrink(asked, profile, made(24), resources, 0.01) is None


def test_a_tiny_table_is_dealt_into_folds_twice():
    table = made(16)
    plan = splits.plan(table, np.arange(16) % 2, has_test=True)
    assert plan.first_round == (0, 1, 2, 3)
    assert plan.again == (4, 5, 6, 7), "which finalists meet"
    for deal in (plan.folds[:4], plan.folds[4:]):
        assert sorted(np.concatenate([valid for _, valid in deal])) == list(plan.search)
    more = splits.plan(made(200), np.arange(200) % 2, has_test=True)
    assert len(more.folds) == 5
    assert more.again == ()


@pytest.mark.slow
def test_contrastive_recipe_is_served_for_sixteen_rows(tiny_bert, tmp_path):
    table = made(16)
    rows = {"text": table.text["text"].tolist(), "label": table.target.tolist()}
    auto = AutoText(budget=40, encoders=(str(tiny_bert),), out=tmp_path / "run", n_jobs=2).fit(
        pd.DataFrame(rows), "label"
    )
    first, second = auto.trials_[:2]
    assert [first.recipe.family, second.recipe.family] == ["linear", "contrastive"]
    assert auto.bundle_.manifest["recipe"].startswith("contrastive[")
    assert "fidelity" not in auto.bundle_.manifest["recipe"]
