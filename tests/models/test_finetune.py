"""The family ``finetune`` on tiny random encoders: every architecture, honest costs, same seed same result."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penna.budget import Deadline, OutOfTime, Resources
from penna.data.table import Table
from penna.encoders import checkpoints
from penna.models.base import Pruned
from penna.models.finetune import family as finetune
from penna.models.finetune.recipes import DEFAULTS, settings, steps
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import classification


def table(n: int = 96) -> Table:
    """Questions of three kinds that one word tells apart, of several lengths."""
    rng = np.random.default_rng(0)
    filler = ["the", "a", "film", "story", "my", "your", "very", "not", "who", "what", "where", "is", "was"]
    label = rng.integers(0, 3, n)
    texts = [" ".join([*rng.choice(filler, rng.integers(1, 8)), ("card", "money", "lost")[k]]) for k in label]
    return Table(
        {"text": np.array(texts, object)}, np.array(["abc"[k] for k in label], object), rows=np.arange(1, n + 1)
    )


def profile(encoder: Path, rows: int = 96) -> DatasetProfile:
    return DatasetProfile(rows, 3, rows // 4, 40.0, (str(encoder),))


def recipe(encoder: Path, **hyperparameters: object) -> Recipe:
    quick = {"encoder": str(encoder), "epochs": 20.0, "lr": 3e-3, "head_lr": 1.0, "batch": 16}
    return Recipe("finetune").replace(**(quick | hyperparameters))  # type: ignore[arg-type]


def watch(step: int, of: int, score: float) -> bool:
    return True


def halves() -> tuple[Table, Table]:
    rows = table()
    return rows.take(np.arange(64)), rows.take(np.arange(64, 96))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "albert", "distilbert", "roberta", "electra", "mpnet"])
def test_every_architecture_learns(kind: str, tiny: Callable[[str], Path], resources: Resources) -> None:
    train, valid = halves()
    task = classification.from_table(train)
    # Twenty epochs are just enough for some: how sums are rounded, which differs between processors, would decide.
    model = finetune.fit(recipe(tiny(kind), epochs=40.0), task, train, valid, resources, watch)
    outputs = model.outputs(valid)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs.sum(1), 1, atol=1e-5)
    assert task.score(task.encode(valid), outputs) > 0.6


def test_the_same_seed_gives_the_same_outputs(tiny_bert: Path, resources: Resources) -> None:
    train, valid = halves()
    task = classification.from_table(train)
    first, second = (
        finetune.fit(recipe(tiny_bert, epochs=2.0), task, train, valid, resources, watch).outputs(valid)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_outputs(tiny_bert: Path, resources: Resources) -> None:
    train, valid = halves()
    task = classification.from_table(train)
    first, second = (
        finetune.fit(recipe(tiny_bert, epochs=2.0).replace(seed=seed), task, train, None, resources, watch).outputs(
            valid
        )
        for seed in (0, 1)
    )
    assert not np.allclose(first, second)


@pytest.mark.slow
def test_words_that_no_training_row_has_keep_their_vectors(tiny_bert: Path, resources: Resources) -> None:

    train, _ = halves()
    model = finetune.fit(recipe(tiny_bert), classification.from_table(train), train, None, resources, watch)
    before = checkpoints.load_module(checkpoints.find(str(tiny_bert))).get_input_embeddings().weight
    after = model.network.encoder.get_input_embeddings().weight
    moved = (before != after).any(1).nonzero().flatten().tolist()
    tokenizer = checkpoints.load_tokenizer(model.checkpoint)
    seen = {i for text in train.full_text for i in tokenizer.encode(text).ids}
    assert after.shape == before.shape
    assert moved
    assert set(moved) <= seen


def test_refit_without_validation_ends_at_the_planned_step(tiny_bert: Path, resources: Resources) -> None:
    train, _ = halves()
    chosen = recipe(tiny_bert, epochs=3.0)
    model = finetune.fit(chosen, classification.from_table(train), train, None, resources, watch)
    assert model.outcome.steps == steps(chosen, 64) == 12
    assert model.outcome.curve == ()


def test_every_hyperparameter_has_a_working_effect(tiny_bert: Path, tiny_albert: Path, resources: Resources) -> None:
    train, valid = halves()
    task = classification.from_table(train)
    odd = {
        "depth": 0.5,
        "frozen": 0.5,
        "embedding_lr": 0.0,
        "layer_decay": 0.8,
        "schedule": "cosine",
        "smoothing": 0.1,
        "class_weights": "balanced",
        "pooling": "cls",
        "head_start": "logistic",
        "dropout": 0.0,
        "length": 8,
        "long": "head",
    }
    for encoder in (tiny_bert, tiny_albert):
        model = finetune.fit(recipe(encoder, epochs=2.0, **odd), task, train, valid, resources, watch)
        assert model.length == 8
        assert 0 < model.truncated_share < 1
        assert np.isfinite(model.outputs(valid)).all()
        assert model.network.encoder.config.num_hidden_layers == 2


def test_portfolio_uses_known_hyperparameters(tiny_bert: Path) -> None:
    offered = finetune.portfolio(profile(tiny_bert, 5000))
    assert 4 <= len(offered) <= 6
    names = set(DEFAULTS) | {"encoder"}
    assert all(set(dict(r.hyperparameters)) <= names for r in offered)
    assert {k.name for k in finetune.search_space(profile(tiny_bert))} <= names
    assert all(Recipe.from_json(json.loads(json.dumps(r.to_json()))) == r for r in offered)


def test_smallest_trained_depth_is_tried_first(tiny_bert: Path, tiny_cycle: Path) -> None:
    assert [r["depth"] for r in finetune.portfolio(profile(tiny_cycle))][:2] == [0.25, 1.0]
    assert {r["depth"] for r in finetune.portfolio(profile(tiny_cycle))} == {0.25, 0.5, 1.0}
    assert finetune.portfolio(profile(tiny_bert))[0]["depth"] == 1.0
    assert {r["depth"] for r in finetune.portfolio(profile(tiny_bert))} == {0.5, 1.0}


@pytest.mark.slow
def test_shared_layers_keep_their_reduced_depth(tiny_cycle: Path, resources: Resources, tmp_path: Path) -> None:
    train, valid = halves()
    whole, cut = (recipe(tiny_cycle, depth=depth, epochs=2.0) for depth in (1.0, 0.25))
    costs = [finetune.cost(r, profile(tiny_cycle), train, resources) for r in (whole, cut)]
    assert costs[0].size_mb == costs[1].size_mb
    assert costs[1].seconds < costs[0].seconds
    model = finetune.fit(cut, classification.from_table(train), train, valid, resources, watch)
    assert model.network.encoder.config.num_hidden_layers == 1
    model.save_checkpoint(tmp_path / "checkpoint")
    again = checkpoints.find(str(tmp_path / "checkpoint"))
    assert (again.layers, again.trained, again.shares) == (3, (3,), (1.0,))
    model.save(tmp_path / "model")
    opened = finetune.load(tmp_path / "model")
    np.testing.assert_allclose(opened.outputs(valid), model.outputs(valid), atol=2e-2)


def test_without_an_encoder_there_is_nothing_to_offer() -> None:
    nothing = replace(profile(Path("x")), encoders=())
    assert finetune.portfolio(nothing) == []
    assert finetune.search_space(nothing) == ()


def test_pruned_fit_raises(tiny_bert: Path, resources: Resources) -> None:
    train, valid = halves()
    with pytest.raises(Pruned):
        finetune.fit(recipe(tiny_bert), classification.from_table(train), train, valid, resources, lambda *_: False)


def test_fit_without_time_raises(tiny_bert: Path, resources: Resources) -> None:
    train, valid = halves()
    late = replace(resources, deadline=Deadline(-1))
    with pytest.raises(OutOfTime, match="before the deadline"):
        finetune.fit(recipe(tiny_bert), classification.from_table(train), train, valid, late, watch)


def test_a_longer_training_is_predicted_to_cost_more(tiny_bert: Path, resources: Resources) -> None:
    rows, work = table(), profile(tiny_bert)
    short, long = (finetune.cost(recipe(tiny_bert, epochs=e), work, rows, resources) for e in (1.0, 200.0))
    assert 0 < short.seconds < long.seconds
    assert short.size_mb == long.size_mb
    assert short.size_mb is not None
    assert 0 < short.size_mb < 1
    half = finetune.cost(recipe(tiny_bert, depth=0.5), work, rows, resources)
    assert half.size_mb is not None
    assert half.size_mb < short.size_mb


def test_a_recipe_shrinks_until_it_fits_or_is_refused(tiny_bert: Path, resources: Resources) -> None:
    rows, work, long = table(), profile(tiny_bert), recipe(tiny_bert, epochs=2000.0)
    whole = finetune.cost(long, work, rows, resources).seconds
    smaller = finetune.shrink(long, work, rows, resources, whole / 2)
    assert smaller is not None
    assert 0.2 < smaller.fidelity < 0.6
    assert finetune.cost(smaller, work, rows, resources).seconds <= whole / 2
    assert finetune.shrink(long, work, rows, resources, 0.01) is None


def test_the_saved_model_answers_the_same_without_torch(tiny_bert: Path, resources: Resources, tmp_path: Path) -> None:
    train, valid = halves()
    model = finetune.fit(recipe(tiny_bert, epochs=4.0), classification.from_table(train), train, None, resources, watch)
    folder = tmp_path / "model"
    folder.mkdir()
    model.save(folder)
    np.save(tmp_path / "expected.npy", model.outputs(valid))
    (tmp_path / "texts.json").write_text(json.dumps(list(valid.full_text)))
    code = (
        "import sys, json, numpy as np; from pathlib import Path; from penna.models.finetune import family as finetune;"
        "from penna.data.table import Table; at = Path(sys.argv[1]);"
        "texts = np.array(json.loads((at / 'texts.json').read_text()), object);"
        "got = finetune.load(at / 'model').outputs(Table({'text': texts}));"
        "assert np.abs(got - np.load(at / 'expected.npy')).max() < 1e-2;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_the_checkpoint_is_one_that_transformers_opens(tiny_albert: Path, resources: Resources, tmp_path: Path) -> None:
    import torch
    import transformers
    from safetensors.numpy import load_file

    train, _ = halves()
    model = finetune.fit(
        recipe(tiny_albert, epochs=2.0), classification.from_table(train), train, None, resources, watch
    )
    model.save_checkpoint(tmp_path / "checkpoint")
    encoder = transformers.AutoModel.from_pretrained(tmp_path / "checkpoint", add_pooling_layer=False)
    kept = dict(model.network.encoder.named_parameters())
    assert all(torch.equal(tensor, kept[name]) for name, tensor in encoder.named_parameters())
    assert load_file(tmp_path / "checkpoint" / "head.safetensors")["weight"].shape == (3, 32)
    again = checkpoints.find(str(tmp_path / "checkpoint"))
    assert again.layers == 4


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_compact_vocabulary_changes_nothing_but_the_time(
    kind: str, tiny: Callable[[str], Path], resources: Resources
) -> None:
    import torch

    from penna.models.finetune import batches as parts
    from penna.networks import encoder_with_head
    from penna.training import loop

    train, _ = halves()
    chosen = recipe(tiny(kind), epochs=2.0, dropout=0.0)
    checkpoint = checkpoints.find(str(tiny(kind)))
    task = classification.from_table(train)
    texts, _ = parts.texts_of(checkpoint, train, settings(chosen), resources.cache)
    trained = []
    for used in (np.unique(texts.rows.values), np.arange(checkpoint.vocabulary)):
        network = parts.build(checkpoint, settings(chosen), 3, 0)
        with encoder_with_head.compact(network, used) as lookup:
            loop.train(
                network,
                parts.rows_of(parts.moved(texts, lookup), task.encode(train)),
                parts.plan(chosen, len(train), "float32"),
                resources.deadline,
            )
        trained.append(network)
    for one, other in zip(*(network.parameters() for network in trained), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
