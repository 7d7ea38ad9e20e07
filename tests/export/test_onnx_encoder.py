"""The artifact of an encoder: what is written answers as torch does, in any order, at any length, or says why not."""

import contextlib
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penna.data.table import Table
from penna.encoders import checkpoints, tokens
from penna.errors import BundleError
from penna.export.onnx import encoder_export
from penna.onnx_graphs import encoder_graph
from penna.runtime.onnx_encoder import Graph

KINDS = sorted(checkpoints.KINDS)
TEXTS = [
    "",
    "a",
    "the bad film",
    "where is my card ?" * 9,
    "lost money " * 40,
    "ж \ud800 \x00",
    "was who the very good",
]

Write = Callable[..., Path]


@pytest.fixture
def write(tiny: Callable[[str], Path], tmp_path: Path) -> Write:
    """Write the tiny encoder of an architecture, cut to a depth, with a random head of three classes."""

    def made(kind: str = "bert", depth: int | None = None, classes: int = 3, **options: object) -> Path:
        checkpoint = checkpoints.find(str(tiny(kind)))
        head = None
        if classes:
            rng = np.random.default_rng(0)
            head = rng.normal(size=(classes, checkpoint.width)), rng.normal(size=classes)
        module = checkpoints.load_module(checkpoint, depth=depth)
        folder = tmp_path / f"{kind}-{depth}-{classes}-{len(list(tmp_path.iterdir()))}"
        difference = encoder_export.write_graph(module, checkpoint, folder, **({"head": head, "length": 48} | options))
        assert difference < 1e-5
        return folder

    return made


def expected(folder: Path, depth: int | None = None, length: int = 48) -> np.ndarray:
    """What torch says about TEXTS, one text at a time, mean-pooled, from the tokens that training would see."""
    import torch

    checkpoint = checkpoints.find(str(folder))
    module = checkpoints.load_module(checkpoint, depth=depth)
    column = np.array(TEXTS, dtype=object)
    rows = tokens.tokenise(checkpoint, Table({"text": column}), length, None)
    out = []
    for i in range(len(rows)):
        ids = torch.from_numpy(rows.take(np.array([i])).values.astype(np.int64))[None]
        with torch.inference_mode():
            out.append(module(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].mean(0).numpy())
    return np.stack(out)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_every_architecture_at_every_depth_answers_as_torch_does(
    kind: str, depth: int, write: Write, tiny: Callable[[str], Path]
) -> None:
    opened = Graph.open(write(kind, depth, classes=0), threads=1)
    np.testing.assert_allclose(opened.run(TEXTS), expected(tiny(kind), depth), atol=2e-5)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu"])
def test_every_activation_is_the_one_of_the_config(activation: str, tiny_bert: Path, tmp_path: Path) -> None:
    import torch
    import transformers

    checkpoint = checkpoints.find(str(tiny_bert))
    config = transformers.AutoConfig.from_pretrained(tiny_bert, hidden_act=activation)
    torch.manual_seed(0)
    module = transformers.AutoModel.from_config(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for layer in module.encoder.layer:
            layer.intermediate.dense.weight *= 30  # out where the kinds of gelu differ
    assert encoder_export.write_graph(module, checkpoint, tmp_path, length=48) < 1e-5


def test_an_unknown_activation_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    module = checkpoints.load_module(checkpoint := checkpoints.find(str(tiny_bert)))
    module.config.hidden_act = "silu"
    with pytest.raises(BundleError, match="activation 'silu'"):
        encoder_export.write_graph(module, checkpoint, tmp_path, length=48)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "sqrt", "last"])
@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_padding_changes_nothing_under_any_pooling(pooling: str, kind: str, write: Write) -> None:
    opened = Graph.open(write(kind, pooling=pooling), threads=1)
    together = opened.run(TEXTS)
    alone = np.concatenate([opened.run([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_albert_is_stored_once_at_any_depth(write: Write, tiny_albert: Path) -> None:
    sizes = [(write("albert", depth) / "graph.onnx").stat().st_size for depth in (2, 4)]
    weights = sum(p.numel() for p in checkpoints.load_module(checkpoints.find(str(tiny_albert))).parameters()) * 4
    assert sizes[0] == sizes[1] < weights + 8000


@pytest.mark.parametrize(("depth", "loops"), [(3, 0), (6, 1), (12, 1)])
def test_shared_albert_block_is_stored_once(depth: int, loops: int, tiny_cycle: Path, tmp_path: Path) -> None:
    checkpoint = checkpoints.find(str(tiny_cycle))
    module = checkpoints.load_module(checkpoint, depth=depth)
    assert encoder_export.write_graph(module, checkpoint, tmp_path, length=48) < 1e-5
    np.testing.assert_allclose(Graph.open(tmp_path, threads=1).run(TEXTS), expected(tiny_cycle, depth), atol=1e-4)
    weights = sum(p.numel() for p in module.parameters()) * 4
    assert (tmp_path / "graph.onnx").stat().st_size < weights + 20_000
    outside = onnx.load(tmp_path / "graph.onnx").graph.node
    bodies = [node.attribute[0].g.node for node in outside if node.op_type == "Loop"]
    assert len(bodies) == loops
    # A matrix is packed once for each node that uses it: so memory, too, holds each once.
    used = [name for node in chain(outside, *bodies) for name in node.input if name.endswith(".weight")]
    assert len(used) == len(set(used))
    assert sum(name.endswith("qkv.weight") for name in used) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoints.shipped())
def test_shipped_encoder_is_small_and_served_at_each_depth(name: str, tmp_path: Path) -> None:
    checkpoint = checkpoints.find(name)
    assert sum(file.stat().st_size for file in checkpoint.folder.iterdir()) <= 16e6
    assert (checkpoint.folder / "README.md").is_file()  # its model card
    for depth in checkpoint.trained or (checkpoint.layers,):
        module = checkpoints.load_module(checkpoint, depth=depth)
        assert encoder_export.write_graph(module, checkpoint, tmp_path / str(depth), length=64, sample=TEXTS) < 1e-3


@given(st.lists(st.integers(0, 3), max_size=4), st.integers(1, 4), st.lists(st.integers(0, 3), max_size=3))
def test_cycles_give_back_the_order_that_they_were_found_in(cycle: list[int], times: int, rest: list[int]) -> None:
    order = cycle * times + rest
    found = encoder_graph.cycles(order)
    assert [i for run, often in found for i in run * often] == order
    if not rest and len(set(cycle)) == len(cycle) > 0 and times > 1:
        assert found == [(tuple(cycle), times)]


def test_several_layer_groups_of_albert_come_in_their_order(tiny_albert: Path, tmp_path: Path) -> None:
    import torch
    import transformers

    checkpoint = checkpoints.find(str(tiny_albert))
    config = transformers.AutoConfig.from_pretrained(tiny_albert, num_hidden_groups=2, inner_group_num=2)
    torch.manual_seed(1)
    module = transformers.AutoModel.from_config(config, add_pooling_layer=False).eval()
    assert encoder_export.write_graph(module, checkpoint, tmp_path, length=48) < 1e-5


def test_a_head_of_several_layers_is_part_of_the_graph(write: Write, tiny_bert: Path) -> None:
    rng = np.random.default_rng(1)
    up, down = rng.normal(size=(7, 32)), rng.normal(size=(2, 7))
    folder = write(head=[(up, np.ones(7), "tanh"), (down, np.ones(2), "linear")])
    assert Graph.open(folder).run(["a film"]).shape == (1, 2)
    np.testing.assert_allclose(
        Graph.open(folder).run(TEXTS), np.tanh(expected(tiny_bert) @ up.T + 1) @ down.T + 1, atol=1e-4
    )


def test_a_graph_that_answers_otherwise_is_never_left_behind(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = checkpoints.load_module(checkpoint := checkpoints.find(str(tiny_bert)))
    monkeypatch.setitem(encoder_graph._ACTIVATIONS, "gelu", "Relu")
    with pytest.raises(BundleError, match="differs from the trained one by"):
        encoder_export.write_graph(module, checkpoint, tmp_path, length=48)
    assert not (tmp_path / "graph.onnx").exists()


def test_nothing_and_many_texts(write: Write) -> None:
    opened = Graph.open(write(), threads=1)
    assert opened.run([]).shape == (0, 3)
    many = opened.run([TEXTS[i % len(TEXTS)] for i in range(1000)])
    assert many.shape == (1000, 3)
    assert many.dtype == np.float32
    np.testing.assert_allclose(many[: len(TEXTS)], many[len(TEXTS) : 2 * len(TEXTS)], atol=1e-5)


def test_a_text_of_two_megabytes_is_cut_as_in_training(write: Write, tiny_bert: Path) -> None:
    opened = Graph.open(write(), threads=1)
    ids = opened.tokens(["card " * 400_000])[0]
    table = Table({"text": np.array(["card " * 400_000], dtype=object)})
    assert ids == tokens.tokenise(checkpoints.find(str(tiny_bert)), table, 48, None).values.tolist()
    assert len(ids) == 48
    assert opened.run(["card " * 400_000]).shape == (1, 3)


def test_any_texts_keep_their_order(write: Write) -> None:
    opened = Graph.open(write(), threads=1)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.text(max_size=80), max_size=12))
    def check(texts: list[str]) -> None:
        alone = [opened.run([text])[0] for text in texts]
        np.testing.assert_allclose(opened.run(texts), np.reshape(alone, (len(texts), 3)), atol=2e-5)

    check()


@pytest.mark.slow
def test_any_text_becomes_the_tokens_of_training(write: Write, tiny_bert: Path) -> None:
    opened = Graph.open(write(), threads=1)
    checkpoint = checkpoints.find(str(tiny_bert))

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.text(max_size=200) | st.text("aeth ", max_size=900), min_size=1, max_size=5))
    def check(texts: list[str]) -> None:
        column = np.empty(len(texts), dtype=object)
        column[:] = texts
        ragged = tokens.tokenise(checkpoint, Table({"text": column}), 48, None)
        assert list(chain.from_iterable(opened.tokens(texts))) == ragged.values.tolist()

    check()


def test_serving_meets_no_torch_and_no_onnx(write: Write) -> None:
    code = (
        "import sys; from penna.export.onnx.encoder_export import Graph; from pathlib import Path;"
        "Graph.open(Path(sys.argv[1])).run(['a']);"
        "print([m for m in ('torch', 'onnx', 'transformers', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(write())], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def _in_child(opened: Graph, pipe: object) -> None:
    pipe.send(opened.run(TEXTS))


def test_a_forked_child_can_run_what_its_parent_opened(write: Write) -> None:
    opened = Graph.open(write(), threads=2)
    before = opened.run(TEXTS)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_in_child, args=(opened, there))
    child.start()
    assert here.poll(30)
    np.testing.assert_allclose(here.recv(), before, atol=1e-6)
    child.join(30)
    assert child.exitcode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["graph.onnx", "tokenizer.json", "encoder.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "noise", "folder"])
def test_a_damaged_file_is_named(name: str, damage: str, write: Write) -> None:
    folder = write()
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "folder":
        (folder / name).mkdir()
    elif damage != "missing":
        noise = np.random.default_rng(0).bytes(2000)
        (folder / name).write_bytes({"empty": b"", "half": content[: len(content) // 2], "noise": noise}[damage])
    with pytest.raises(BundleError, match=name):
        Graph.open(folder)


def test_any_flipped_bytes_give_numbers_or_our_own_error(write: Write) -> None:
    folder = write()
    whole = {name: (folder / name).read_bytes() for name in ("graph.onnx", "tokenizer.json", "encoder.json")}

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(sorted(whole)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
    def check(name: str, flips: list[tuple[float, int]]) -> None:
        damaged = bytearray(whole[name])
        for place, value in flips:
            damaged[int(place * (len(damaged) - 1))] = value
        (folder / name).write_bytes(bytes(damaged))
        with contextlib.suppress(BundleError):
            assert Graph.open(folder, threads=1).run(["a film", "b"]).shape[0] == 2
        (folder / name).write_bytes(whole[name])

    check()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "update penna"),
        ({"format": "x"}, "damaged"),
        ({"length": 0}, "length is 0"),
        ({"length": True}, "length is True"),
        ({"outputs": 10**12}, "outputs is"),
        ({"pad": "0"}, "pad is '0'"),
    ],
)
def test_encoder_json_with_impossible_values_is_refused(change: dict, message: str, write: Write) -> None:
    folder = write()
    facts = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps(facts | change))
    with pytest.raises(BundleError, match=message):
        Graph.open(folder)


def test_a_file_that_is_far_too_large_is_not_even_read(write: Write) -> None:
    folder = write()
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(BundleError, match="1,073,741,824 bytes"):
        Graph.open(folder)


def test_outputs_that_do_not_agree_are_refused(write: Write) -> None:
    folder = write()
    facts = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps(facts | {"outputs": 5}))
    with pytest.raises(BundleError, match="its outputs: 3, but 5 is noted"):
        Graph.open(folder)


def test_weights_in_another_file_are_refused(write: Write, tmp_path: Path) -> None:
    folder = write()
    model = onnx.load(folder / "graph.onnx")
    onnx.save(model, folder / "graph.onnx", save_as_external_data=True, location="stolen", size_threshold=0)
    with pytest.raises(BundleError, match="keeps weights in other files"):
        Graph.open(folder)


def test_another_onnx_model_is_refused(write: Write) -> None:
    folder = write()
    model = onnx.load(folder / "graph.onnx")
    model.graph.node.append(onnx.helper.make_node("Cast", ["mask"], ["second"], to=1))
    model.graph.output.append(onnx.helper.make_tensor_value_info("second", 1, ["b", "s"]))
    onnx.save(model, folder / "graph.onnx")
    with pytest.raises(BundleError, match="not a graph that Penna wrote"):
        Graph.open(folder)


def test_a_length_beyond_the_encoders_is_shortened(write: Write) -> None:
    opened = Graph.open(write(length=500), threads=1)
    assert opened.facts.length == 64
    assert len(opened.tokens(["a " * 500])[0]) == 64


def test_an_unknown_pooling_is_refused(write: Write) -> None:
    with pytest.raises(BundleError, match="pooling 'sum'"):
        write(pooling="sum")


@pytest.mark.slow
def test_the_graph_of_a_real_encoder_answers_as_torch_does(minilm: Path, tmp_path: Path) -> None:
    checkpoint = checkpoints.find(str(minilm))
    module = checkpoints.load_module(checkpoint, depth=3)
    assert encoder_export.write_graph(module, checkpoint, tmp_path, length=128, sample=["a real text"]) < 1e-5


def test_nan_weights_are_named_and_not_written(tiny_bert: Path, tmp_path: Path) -> None:
    module = checkpoints.load_module(checkpoint := checkpoints.find(str(tiny_bert)))
    module.encoder.layer[1].output.dense.bias.data[0] = float("nan")
    with pytest.raises(BundleError, match=r"cannot be served: its weights layer_1\.down\.bias are not finite numbers"):
        encoder_export.write_graph(module, checkpoint, tmp_path, length=48)
    assert not list(tmp_path.iterdir())
