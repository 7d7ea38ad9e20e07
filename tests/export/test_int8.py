"""Encoders in int8: a row's output is the same alone and in any batch, near that of fp32, and damage is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from penna import export
from penna.encoders import checkpoints
from penna.errors import BundleError
from penna.runtime.onnx_encoder import Graph

KINDS = ("bert", "albert", "roberta", "mpnet", "electra", "distilbert")
WORDS = ["the", "bad", "film", "where", "is", "my", "card", "lost", "money", "was", "who", "very", "good", "and", "a"]
RNG = np.random.default_rng(0)
TEXTS = [" ".join(RNG.choice(WORDS, size)) for size in RNG.integers(1, 40, size=60)] + ["", "a"]


def written(encoder: Path, folder: Path, quantization: export.Quantization | None, **more: object) -> Graph:
    checkpoint = checkpoints.find(str(encoder))
    module = checkpoints.load_module(checkpoint)
    with export.using("onnx", quantization):
        export.write_encoder(export.EncoderExport(module, checkpoint, 48, **more), folder)
    opened = export.load_encoder(folder, 1)
    assert isinstance(opened, Graph)
    return opened


@pytest.fixture(scope="module")
def pair(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Graph, Graph]]:
    """``pair(kind)``: the same encoder in fp32 and in int8."""
    made: dict[str, tuple[Graph, Graph]] = {}

    def make(kind: str) -> tuple[Graph, Graph]:
        if kind not in made:
            folders = [tmp_path_factory.mktemp(f"{kind}-{name}") for name in ("fp32", "int8")]
            how = None, export.Quantization(TEXTS[:30])
            plain, quantized = (written(tiny(kind), *each) for each in zip(folders, how, strict=True))
            made[kind] = plain, quantized
        return made[kind]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_int8_is_near_fp32_and_smaller(kind: str, pair: Callable[[str], tuple[Graph, Graph]]) -> None:
    plain, quantized = pair(kind)
    assert (plain.facts.precision, quantized.facts.precision) == ("fp32", "int8")
    before, after = plain.run(TEXTS), quantized.run(TEXTS)
    cosine = (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert cosine.min() > 0.99
    sizes = [(opened.folder / "graph.onnx").stat().st_size for opened in (plain, quantized)]
    assert sizes[1] < 0.75 * sizes[0]  # of encoders this small, tables in float32 are a large part


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_the_same_alone_and_in_any_batch(kind: str, pair: Callable[[str], tuple[Graph, Graph]]) -> None:
    quantized = pair(kind)[1]
    together = quantized.run(TEXTS)
    alone = np.concatenate([quantized.run([text]) for text in TEXTS])
    shuffled = np.random.default_rng(1).permutation(len(TEXTS))
    assert np.array_equal(together, alone)
    assert np.array_equal(quantized.run([TEXTS[i] for i in shuffled]), together[shuffled])


def test_a_head_stays_in_float32(tiny_bert: Path, tmp_path: Path) -> None:
    head = RNG.normal(size=(3, 32)).astype(np.float32), np.zeros(3, np.float32)
    opened = written(tiny_bert, tmp_path, export.Quantization(TEXTS[:30]), head=head)
    weights = {w.name: numpy_helper.to_array(w) for w in onnx.load(tmp_path / "graph.onnx").graph.initializer}
    assert opened.run(TEXTS).shape == (len(TEXTS), 3)
    assert weights["head_0.weight"].dtype == np.float32
    assert weights["layer_0.up.weight"].dtype == np.int8
    assert weights["words"].dtype == np.int8


def test_seven_bits_leave_room_for_sums(tiny_bert: Path, tmp_path: Path) -> None:
    written(tiny_bert, tmp_path, export.Quantization(TEXTS[:30], seven_bits=True))
    weights = {w.name: numpy_helper.to_array(w) for w in onnx.load(tmp_path / "graph.onnx").graph.initializer}
    assert max(np.abs(array.astype(int)).max() for name, array in weights.items() if name.endswith("up.weight")) == 63


def test_shared_layers_are_stored_once(tiny_albert: Path, tmp_path: Path) -> None:
    written(tiny_albert, tmp_path, export.Quantization(TEXTS[:30]))
    model = onnx.load(tmp_path / "graph.onnx")
    assert [w.name for w in model.graph.initializer if w.name.endswith("qkv.weight")] == ["layer_0.qkv.weight"]
    assert [node.op_type for node in model.graph.node].count("Loop") == 1


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("layer_0.up.input_scale", lambda scale: np.float32(np.nan), "not positive numbers"),
        ("layer_0.up.input_scale", lambda scale: np.float32(0), "not positive numbers"),
        ("layer_0.down.scale", lambda scale: -scale, "not positive numbers"),
        ("layer_0.down.scale", lambda scale: scale[:3], "another shape"),
        ("words.scale", lambda scale: scale[:, 0], "another shape"),
        ("layer_1.qkv.smoothing", lambda scale: np.full_like(scale, np.inf), "not positive numbers"),
        ("layer_1.qkv.weight", lambda weight: weight.astype(np.float32), "another shape"),
    ],
)
def test_damaged_scales_are_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], message: str,
    pair: Callable[[str], tuple[Graph, Graph]], tmp_path: Path,
) -> None:  # fmt: skip
    for path in pair("bert")[1].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = onnx.load(tmp_path / "graph.onnx")
    (tensor,) = [one for one in model.graph.initializer if one.name == name]
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(change(numpy_helper.to_array(tensor))), name))
    (tmp_path / "graph.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match=message):
        Graph.open(tmp_path, threads=1)


def test_missing_scales_and_a_wrong_precision_are_refused(
    pair: Callable[[str], tuple[Graph, Graph]], tmp_path: Path
) -> None:
    for path in pair("bert")[1].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    facts = json.loads((tmp_path / "encoder.json").read_text())
    (tmp_path / "encoder.json").write_text(json.dumps({**facts, "precision": "fp32"}))
    with pytest.raises(BundleError, match="precision"):
        Graph.open(tmp_path, threads=1)
    (tmp_path / "encoder.json").write_text(json.dumps(facts))
    model = onnx.load(tmp_path / "graph.onnx")
    model.graph.initializer.remove(next(w for w in model.graph.initializer if w.name == "layer_0.out.scale"))
    (tmp_path / "graph.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match=r"lacks the weights layer_0\.out\.scale"):
        Graph.open(tmp_path, threads=1)
