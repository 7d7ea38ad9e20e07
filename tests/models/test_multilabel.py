"""Every family on rows of several labels: what it learns, keeps and serves."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from penna import plugins
from penna.data.table import Field, Table
from penna.errors import BundleError
from penna.heads import classifier_chain, heads
from penna.heads.links import Link
from penna.models.finetune import family as finetune
from penna.models.frozen import family as frozen
from penna.models.linear import family as linear
from penna.models.linear import multilabel as _linear_labels
from penna.search.recipe import DatasetProfile, Recipe
from penna.solvers.logistic import fit_logistic
from penna.tasks import multilabel
from penna.training import label_losses
from penna.training.losses import LOSSES

#: Label -> the word that says so, and its share of the rows.
SAID = {"film": ("story", 0.5), "money": ("payment", 0.3), "no": ("not", 0.1)}


def table(n: int = 200, seed: int = 0) -> Table:
    """Short texts; each label has a word."""
    rng = np.random.default_rng(seed)
    texts, target = np.empty(n, object), np.empty(n, object)
    for i in range(n):
        target[i] = tuple(label for label, (_, share) in SAID.items() if rng.random() < share)
        words = [SAID[label][0] for label in target[i]] + list(
            rng.choice(["the", "is", "my", "your"], rng.integers(1, 5))
        )
        texts[i] = " ".join(rng.permutation(words))
    return Table({"text": texts}, target, rows=np.arange(1, n + 1))


TRAIN, VALID = table(), table(80, seed=1)
TASK = multilabel.from_table(TRAIN)


def profile(encoders: tuple[str, ...] = (), columns: int = 0) -> DatasetProfile:
    return DatasetProfile(200, 3, 20, 30.0, encoders, output_kind=TASK.output_kind, columns=columns)


def always(step: int, of: int, score: float) -> bool:
    return True


def served(family: str, model: object, folder: Path) -> Iterator[np.ndarray]:
    """What the model answers, and what is opened from its folder."""
    folder.mkdir()
    model.save(folder)
    yield model.outputs(VALID)
    yield plugins.find("models", family).load(folder).outputs(VALID)


@pytest.mark.parametrize("number", range(len(linear.portfolio(profile()))))
def test_linear_recipes_learn_labels_and_serve_them(number, resources, tmp_path):
    recipe = linear.portfolio(profile())[number]
    model = linear.fit(recipe, TASK, TRAIN, VALID, resources, always)
    learnt, opened = served("linear", model, tmp_path / "parts")
    assert learnt.shape == (80, 3)
    assert learnt.dtype == np.float32
    np.testing.assert_array_equal(learnt, opened)
    assert TASK.score(TASK.encode(VALID), learnt) > 0.85
    assert model.outputs(VALID.take(np.zeros(0, np.int64))).shape == (0, 3)


def test_linear_model_learns_labels_from_columns(resources):
    y = TASK.encode(TRAIN)
    told = {"a": y[:, 0].astype(np.float64), "b": np.array(["yes" if v else "no" for v in y[:, 1]], dtype=object)}
    fields = {"a": Field("numeric"), "b": Field("categorical")}
    blank = np.full(len(y), "nothing", dtype=object)
    train = replace(TRAIN, text={"text": blank}, columns=told, fields=fields)
    first = linear.portfolio(profile(columns=2))[0]
    outputs = linear.fit(first, TASK, train, None, resources, always).outputs(train)
    assert ((outputs[:, :2] >= 0.5) == (y[:, :2] > 0)).mean() > 0.99
    assert plugins.find("models", "trees").portfolio(profile(columns=2)) == []


def test_labels_in_one_pass_are_what_each_alone_would_be():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)).astype(np.float32)
    y = (X @ rng.normal(size=(5, 4)) + rng.normal(size=(300, 4)) > 0.5).astype(np.float32)
    for loss in ("logistic", "hinge"):
        together = fit_logistic(X, y, 4, c=2.0, tol=1e-7, loss=loss, threads=1)
        for j in range(4):
            alone = fit_logistic(X, y[:, j].astype(np.int64), 2, c=2.0, tol=1e-7, loss=loss, threads=1)
            np.testing.assert_allclose(together.coef[j], alone.coef[0], atol=0.02)
            assert together.intercept[j] == pytest.approx(alone.intercept[0], abs=0.02)


def test_balanced_labels_weigh_as_much_as_their_absence():
    y = np.array([[1, 0], [0, 0], [0, 0], [0, 1]], np.float32)
    weights = _linear_labels.balance(y)
    np.testing.assert_allclose((weights * y).sum(axis=0), (weights * (1 - y)).sum(axis=0))


def test_margins_are_calibrated_label_by_label():
    rng = np.random.default_rng(0)
    y = (rng.random((4000, 2)) < [0.1, 0.5]).astype(np.float32)
    honest = 3 * y - 2 + rng.normal(size=y.shape)
    slope, shift = _linear_labels.calibrate(np.array([5, 0.1]) * honest + [1, 2], y)
    p = 1 / (1 + np.exp(-(slope * (np.array([5, 0.1]) * honest + [1, 2]) + shift)))
    np.testing.assert_allclose(p.mean(axis=0), y.mean(axis=0), atol=0.01)
    assert (slope[1] > slope[0] > 0).all()


def test_a_chain_hears_the_labels_before_and_no_others(resources, tmp_path):
    # The second label is there where the first is, whatever the text says.
    target = np.empty(200, object)
    target[:] = [("film", "then") if "film" in labels else () for labels in TRAIN.target]
    train = replace(TRAIN, target=target)
    chained = next(r for r in linear.portfolio(profile()) if r.get("chain"))
    model = linear.fit(chained, multilabel.from_table(train), train, None, resources, always)
    assert model.link.kind == "chain"
    weights = np.array(model.link.values[2:]).reshape(2, 2)
    assert weights[1, 0] > 0.1
    assert weights[0, 0] == weights[0, 1] == weights[1, 1] == 0
    margins = np.array([[9.0, 0.0], [-9.0, 0.0]], np.float32)
    later = classifier_chain.walked(margins, model.link.values)[:, 1]
    assert later[0] > 0.5 == pytest.approx(later[1], abs=0.01)


def test_very_many_labels_get_no_chain():
    many = replace(profile(), classes=classifier_chain.MOST_LABELS + 1)
    assert not any(recipe.get("chain") for recipe in linear.portfolio(many))
    assert [
        hyperparameter.values for hyperparameter in linear.search_space(many) if hyperparameter.name == "chain"
    ] == [(False,)]
    assert [
        hyperparameter.values for hyperparameter in linear.search_space(profile()) if hyperparameter.name == "chain"
    ] == [(False, True)]


@pytest.mark.parametrize("damage", [[0, 0], [1.5, 0], [2, 1], [0, 1, 0, 9, 0, 0]])
def test_a_damaged_chain_is_refused(damage):
    values = [0.0, 1.0, 0.0, 0.0, 3.0, 0.0]
    assert Link.from_json({"kind": "chain", "values": values}, 2).values == tuple(values)
    with pytest.raises(ValueError, match="its chain"):
        Link.from_json({"kind": "chain", "values": damage + values[len(damage) :]}, 2)
    with pytest.raises(ValueError, match="do not go"):
        Link.from_json({"kind": "sigmoid", "values": values}, 2)


@pytest.mark.parametrize("hyperparameters", [{"c": 30.0}, {"head": "mlp"}, {"head": "knn", "k": 5}], ids=str)
def test_every_frozen_head_gives_labels_and_serves_them(hyperparameters, tiny_bert, resources, tmp_path):
    # Vectors of a random encoder say little: that words are distinguished is enough.
    recipe = frozen.portfolio(profile((str(tiny_bert),)))[0].replace(scaling="standard", **hyperparameters)
    model = frozen.fit(recipe, TASK, TRAIN, VALID, resources, always)
    learnt, opened = served("frozen", model, tmp_path / "parts")
    assert learnt.shape == (80, 3)
    assert np.abs(learnt - opened).mean() < 0.02
    y = TASK.encode(VALID)
    assert TASK.score(y, learnt) > TASK.score(y, np.tile(TASK.constant_baseline(y)[1], (80, 1))) + 0.1


def test_neighbours_vote_for_and_against_each_label(tmp_path):
    vectors = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    y = np.repeat(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32), 10, axis=0)
    head = heads.fit_neighbours(vectors, y, 3, heads.Scaling.fitted(vectors, "none"), 5, 0, Link("sigmoid"))
    assert ((head.outputs(np.eye(4, dtype=np.float32)) >= 0.5) == (y[::10] > 0)).all()
    head.save(tmp_path)
    np.testing.assert_array_equal(heads.open_head(tmp_path, 4).outputs(vectors), head.outputs(vectors))
    np.savez(
        tmp_path / heads.ARRAYS,
        **{**head.arrays, "labels": 2 * head.arrays["labels"]},
        shift=np.zeros(4),
        scale=np.ones(4),
    )
    with pytest.raises(BundleError, match="damaged"):
        heads.open_head(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hyperparameters", [{}, {"loss": "asymmetric"}, {"loss": "focal", "head_start": "logistic", "epochs": 3.0}], ids=str
)
def test_every_loss_learns_labels_and_serves_them(hyperparameters, tiny_bert, resources, tmp_path):
    quick = {"encoder": str(tiny_bert), "epochs": 7.0, "lr": 3e-3, "head_lr": 1.0, "batch": 16, **hyperparameters}
    model = finetune.fit(Recipe("finetune").replace(**quick), TASK, TRAIN, VALID, resources, always)
    learnt, opened = served("finetune", model, tmp_path / "parts")
    np.testing.assert_allclose(learnt, opened, atol=2e-2)
    y = TASK.encode(VALID)
    assert TASK.score(y, learnt) > TASK.score(y, np.tile(TASK.constant_baseline(y)[1], (80, 1))) + 0.1
    assert json.loads((tmp_path / "parts" / "link.json").read_text())["kind"] == "sigmoid"


def test_every_finetune_recipe_names_a_loss_that_there_is():
    offered = finetune.portfolio(profile(("x",)))
    assert {recipe["loss"] for recipe in offered} == {"binary_cross_entropy", "focal", "asymmetric"} <= set(LOSSES)


def test_losses_that_look_away_from_what_is_easy():
    logits, y = torch.tensor([[-6.0, 6.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    plain, focal, asymmetric = (getattr(label_losses, name)(logits, y) for name in ("plain", "focal", "asymmetric"))
    assert focal[0] / focal[1] < 0.1 * plain[0] / plain[1]
    assert asymmetric[0] / asymmetric[1] < plain[0] / plain[1]
    # Nearly absent is as good as absent: beyond the margin there is nothing to learn.
    assert label_losses.asymmetric(torch.tensor([[-6.0]]), torch.tensor([[0.0]])).item() == 0
    assert torch.isfinite(label_losses.asymmetric(torch.tensor([[90.0]]), torch.tensor([[0.0]]))).all()
