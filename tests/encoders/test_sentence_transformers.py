"""Folders of sentence-transformers: their pooling, their normalisation, their length and their layouts are honoured."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penna import tasks
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.encoders import checkpoints, embeddings, sliding_windows
from penna.errors import EncoderError
from penna.models.contrastive import family as contrastive
from penna.models.finetune import batches as parts
from penna.models.finetune import family as finetune
from penna.models.finetune.recipes import settings
from penna.models.frozen import family as frozen
from penna.runtime.onnx_encoder import Graph
from penna.search.recipe import DatasetProfile, Recipe
from penna.testing import make_table

TEXTS = ["where is my card", "a film", "lost money lost money", "the very good story of who was what", ""]
MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "sqrt",
    "pooling_mode_lasttoken": "last",
}


def table(texts: list[str], labels: list[str] | None = None) -> Table:
    return make_table(texts, labels)


def made(
    encoder: Path,
    into: Path,
    modes: tuple[str, ...] = ("pooling_mode_cls_token",),
    more: tuple[str, ...] = (),
    inner: str = "",
    limits: dict[str, Any] | None = None,
) -> Path:
    """A folder as sentence-transformers writes it: a transformer, its pooling, and ``more`` modules."""
    shutil.copytree(encoder, into / inner)
    kinds = ["Transformer", "Pooling", *more]
    paths = [inner, *(f"{i}_{kind}" for i, kind in enumerate(kinds) if i)]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (into / "modules.json").write_text(json.dumps(modules))
    (into / "1_Pooling").mkdir()
    every = dict.fromkeys([*MODES, "pooling_mode_weightedmean_tokens"], False) | dict.fromkeys(modes, True)
    (into / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **every}))
    (into / inner / "sentence_bert_config.json").write_text(json.dumps(limits or {"max_seq_length": 20}))
    return into


def by_hand(folder: Path, mode: str, unit: bool) -> np.ndarray:
    """By transformers and NumPy alone, one text at a time."""
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in TEXTS:
        given = tokenizer(text, return_tensors="pt", truncation=True, max_length=20)
        with torch.inference_mode():
            hidden = model(**given).last_hidden_state[0].numpy()
        pooled = {
            "cls": hidden[0],
            "mean": hidden.mean(0),
            "max": hidden.max(0),
            "sqrt": hidden.sum(0) / np.sqrt(len(hidden)),
            "last": hidden[-1],
        }[mode]
        rows.append(pooled / np.linalg.norm(pooled) if unit else pooled)
    return np.stack(rows)


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["", "0_Transformer"])
@pytest.mark.parametrize("more", [(), ("Normalize",)])
@pytest.mark.parametrize("mode", MODES)
def test_vectors_are_those_of_the_folder(
    mode: str, more: tuple[str, ...], inner: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = made(tiny_bert, tmp_path / "encoder", (mode,), more, inner)
    checkpoint = checkpoints.find(str(folder))
    assert (checkpoint.pooling, checkpoint.unit, checkpoint.sentence_length) == (MODES[mode], bool(more), 20)
    found = embeddings.embed(checkpoint, table(TEXTS), depth=checkpoint.layers, cache=tmp_path / "cache")
    expected = by_hand(folder / inner, MODES[mode], bool(more))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    again = embeddings.embed(checkpoint, table(TEXTS), depth=checkpoint.layers, cache=tmp_path / "cache")
    np.testing.assert_array_equal(found, again)  # from the cache


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_frozen_artifact_keeps_the_pooling(mode: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "encoder", (mode,), ("Normalize",))
    train = table(TEXTS[:4] * 20, ["a", "b"] * 40)
    profile = DatasetProfile(rows=80, classes=2, rows_in_smallest_class=40, mean_characters=20, encoders=(str(folder),))
    resources = Resources(tmp_path / "cache", Deadline(120), 1)
    recipe = Recipe.of("frozen", encoder=str(folder), scaling="none")
    assert all(one["pooling"] == "own" for one in frozen.portfolio(profile))
    model = frozen.fit(recipe, tasks.find("classification", train), train, None, resources, lambda *_: True)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    graph = Graph.open(tmp_path / "model", threads=1)
    assert (graph.facts.pooling, graph.facts.unit, graph.facts.length) == (MODES[mode], True, 20)
    np.testing.assert_allclose(graph.run(TEXTS), by_hand(folder, MODES[mode], True), atol=2e-5)
    np.testing.assert_allclose(frozen.load(tmp_path / "model").outputs(train), model.outputs(train), atol=2e-2)


@pytest.mark.slow
def test_two_poolings_of_one_encoder_share_no_cache(tiny_bert: Path, tmp_path: Path) -> None:
    keys = set()
    for mode in MODES:
        checkpoint = checkpoints.find(str(made(tiny_bert, tmp_path / mode, (mode,))))
        vectors = embeddings.embed(checkpoint, table(TEXTS), depth=checkpoint.layers, cache=tmp_path / "cache")
        np.testing.assert_allclose(vectors, by_hand(tmp_path / mode, MODES[mode], False), atol=2e-5)
        keys |= {path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith("vectors")}
    assert len({key for key in keys if "-4-" in key}) == len(MODES)


@pytest.mark.parametrize(("family", "read"), [(finetune, settings), (contrastive, contrastive.settings)])
def test_training_pools_as_the_folder_configures(
    family: Any, read: Callable[[Recipe], dict[str, Any]], tiny_bert: Path, tmp_path: Path
) -> None:
    folder = made(tiny_bert, tmp_path / "encoder", ("pooling_mode_lasttoken",))
    chosen = settings(Recipe.of("finetune", encoder=str(folder), pooling=read(Recipe.of("x"))["pooling"]))
    network = parts.build(checkpoints.find(str(folder)), chosen, 2, 0).eval()
    assert network.pooling == "last"
    import torch

    checkpoint = checkpoints.find(str(folder))
    texts = sliding_windows.read(sliding_windows.framing(checkpoint, 20), checkpoint, table(TEXTS), None)
    inputs = parts.rows_of(texts, np.zeros(len(TEXTS), np.int64)).inputs(np.arange(len(TEXTS)))
    with torch.inference_mode():
        pooled = network.pooled(**inputs).float().cpu().numpy()
    np.testing.assert_allclose(pooled, by_hand(folder, "last", False), atol=2e-5)


def test_encoder_without_pooling_uses_the_mean(tiny_bert: Path) -> None:
    checkpoint = checkpoints.find(str(tiny_bert))
    assert (checkpoint.pooled("own"), checkpoint.pooled("cls"), checkpoint.unit) == ("mean", "cls", False)
    profile = DatasetProfile(
        rows=300, classes=3, rows_in_smallest_class=80, mean_characters=30, encoders=(str(tiny_bert),)
    )
    (hyperparameter,) = (
        hyperparameter for hyperparameter in frozen.search_space(profile) if hyperparameter.name == "pooling"
    )
    assert hyperparameter.values == ("own", "cls", "max")  # the mean is its own


def test_the_newer_way_of_naming_a_pooling_is_read(tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "encoder", ())
    for mode, name in (("cls", "cls"), ("mean_sqrt_len_tokens", "sqrt"), (["lasttoken"], "last")):
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": mode}))
        assert checkpoints.find(str(folder)).pooling == name


def refused(folder: Path) -> str:
    with pytest.raises(EncoderError) as caught:
        checkpoints.find(str(folder))
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_poolings_that_cannot_be_done_are_refused_by_name(tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "a", ("pooling_mode_weightedmean_tokens",))
    assert "pooled by pooling_mode_weightedmean_tokens" in refused(folder)
    folder = made(tiny_bert, tmp_path / "b", ("pooling_mode_cls_token", "pooling_mode_max_tokens"))
    assert "pooling_mode_cls_token and pooling_mode_max_tokens" in refused(folder)
    assert "pooled by nothing" in refused(made(tiny_bert, tmp_path / "c", ()))


@pytest.mark.parametrize("kind", ["Dense", "LayerNorm", "CNN"])
def test_modules_that_cannot_be_applied_are_refused_by_name(kind: str, tiny_bert: Path, tmp_path: Path) -> None:
    message = refused(made(tiny_bert, tmp_path / "encoder", more=(kind,)))
    assert f"module '{kind}' (2_{kind})" in message
    assert "remove it from modules.json" in message


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", '[{"type": 3, "path": ""}]', "[" * 100_000])
def test_modules_that_cannot_be_read_are_refused(content: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "encoder")
    (folder / "modules.json").write_text(content)
    assert "modules.json" in refused(folder)


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "a/../../b", "..\\elsewhere"])
def test_modules_outside_their_folder_are_refused(path: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "encoder")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = path
    (folder / "modules.json").write_text(json.dumps(modules))
    assert "outside its folder" in refused(folder)


def test_the_old_layout_is_read_without_a_list_of_modules(tiny_bert: Path, tmp_path: Path) -> None:
    folder = made(tiny_bert, tmp_path / "encoder", inner="0_Transformer")
    (folder / "modules.json").unlink()
    checkpoint = checkpoints.find(str(folder))
    assert (checkpoint.folder, checkpoint.pooling) == ((folder / "0_Transformer").resolve(), "cls")


def test_a_real_folder_is_read(minilm: Path) -> None:
    checkpoint = checkpoints.find(str(minilm))
    assert (checkpoint.pooling, checkpoint.unit, checkpoint.sentence_length) == ("mean", True, 256)
    vectors = embeddings.embed(checkpoint, table(["where is my card?", "a film"]), depth=6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
