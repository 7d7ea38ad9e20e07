"""Graphs in an artifact that Penna did not write: each is refused on opening, before onnxruntime sees it."""

import json
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from penna.encoders import checkpoints
from penna.errors import BundleError
from penna.export.onnx import encoder_export
from penna.runtime.onnx_encoder import Graph

Model = onnx.ModelProto


@pytest.fixture(scope="module")
def whole(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An artifact of an encoder without loops, and one with."""
    made = {}
    for kind in ("bert", "albert", "mpnet"):
        checkpoint = checkpoints.find(str(tiny(kind)))
        made[kind] = tmp_path_factory.mktemp(f"whole-{kind}")
        head = (np.ones((3, 32)), np.zeros(3))
        encoder_export.write_graph(checkpoints.load_module(checkpoint), checkpoint, made[kind], head=head, length=48)
    return made


def refused(folder: Path, into: Path, change: Callable[[Model], bytes | None]) -> str:
    """What opening says of a copy whose graph was changed."""
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    model = onnx.load(folder / "graph.onnx")
    content = change(model)
    (into / "graph.onnx").write_bytes(content or model.SerializeToString())
    with pytest.raises(BundleError, match="not a graph that Penna wrote") as caught:
        Graph.open(into, threads=1)
    return str(caught.value)


def tensor(model: Model, name: str) -> TensorProto:
    (found,) = [one for one in model.graph.initializer if one.name == name]
    return found


def node(model: Model, operator: str) -> onnx.NodeProto:
    return next(one for one in model.graph.node if one.op_type == operator)


def put(model: Model, name: str, array: object) -> None:
    tensor(model, name).CopyFrom(numpy_helper.from_array(np.asarray(array), name))


def replace_input(model: Model, operator: str, place: int, name: str) -> None:
    node(model, operator).input[place] = name


def front(model: Model, *nodes: onnx.NodeProto) -> None:
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])


def endless_loop(model: Model) -> None:
    (turns,) = [one.name for one in model.graph.initializer if one.name.endswith(".turns")]
    put(model, turns, np.array(1 << 62, np.int64))


def loop_of_computed_turns(model: Model) -> None:
    front(model, helper.make_node("ReduceSum", ["ids"], ["many"], keepdims=0))
    replace_input(model, "Loop", 0, "many")


def loop_without_condition(model: Model) -> None:
    replace_input(model, "Loop", 1, "")


def loop_in_a_loop(model: Model) -> None:
    inner = onnx.NodeProto()
    inner.CopyFrom(node(model, "Loop"))
    node(model, "Loop").attribute[0].g.node.append(inner)


def memory(model: Model) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 31], np.int64), "shape"))
    front(model, helper.make_node("ConstantOfShape", ["shape"], ["huge"]))


def doubling(model: Model) -> None:
    names = ["ids", *(f"d{i}" for i in range(40))]
    front(
        model,
        *(helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)),
    )


def grown_constant(model: Model) -> None:
    put(model, "whole_1", np.array([1 << 40], np.int64))


def other_heads(model: Model) -> None:
    bodies = [part.g for one in model.graph.node for part in one.attribute if part.name == "body"]
    for one in chain(model.graph.node, *(body.node for body in bodies)):
        for attribute in one.attribute:
            if attribute.name == "num_heads":
                attribute.i = 5


def custom_domain(model: Model) -> None:
    node(model, "MatMul").domain = "evil"


def further_operators(model: Model) -> None:
    model.opset_import.append(helper.make_opsetid("evil", 1))


def function(model: Model) -> None:
    made = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(helper.make_function("", "MatMul", ["a"], ["b"], [made], [helper.make_opsetid("", 17)]))


def note(model: Model) -> None:
    model.metadata_props.add(key="session.use_env_allocators", value="1")


def branch(model: Model) -> None:
    body = helper.make_graph([], "body", [], [])
    front(model, helper.make_node("If", ["true"], ["maybe"], then_branch=body, else_branch=body))


def swapped(model: Model) -> None:
    first, second = model.graph.node[3], model.graph.node[4]
    first.op_type, second.op_type = second.op_type, first.op_type


def no_numbers(model: Model) -> None:
    put(model, "words", np.full((160, numpy_helper.to_array(tensor(model, "words")).shape[1]), np.nan, np.float32))


def doubles(model: Model) -> None:
    put(model, "words", numpy_helper.to_array(tensor(model, "words")).astype(np.float64))


def broader(model: Model) -> None:
    array = numpy_helper.to_array(tensor(model, "layer_0.up.weight"))
    put(model, "layer_0.up.weight", np.ones((array.shape[0], array.shape[1] + 1), np.float32))


def empty_promise(model: Model) -> None:
    tensor(model, "words").dims[0] = 1 << 40


def below_zero(model: Model) -> None:
    tensor(model, "words").dims[0] = -1


def spare_weights(model: Model) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(4, np.float32), "spare"))


def twice(model: Model) -> None:
    model.graph.initializer.append(tensor(model, "words"))


def below_epsilon(model: Model) -> None:
    for attribute in node(model, "LayerNormalization").attribute:
        attribute.f = -1.0


def another_input(model: Model) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["b"]))


def named_axes(model: Model) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1


def elsewhere(model: Model) -> None:
    weights = tensor(model, "words")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")


def two_graphs(model: Model) -> bytes:
    """Readers of Protocol Buffers join the parts of a message that comes twice."""
    more = onnx.ModelProto(graph=onnx.GraphProto(initializer=[numpy_helper.from_array(np.zeros(4), "more")]))
    return model.SerializeToString() + more.SerializeToString()


def cut(model: Model) -> bytes:
    return model.SerializeToString()[:-20]


def spoken(model: Model) -> None:
    node(model, "MatMul").doc_string = "x" * 1000


ALIKE = [
    memory, doubling, grown_constant, other_heads, custom_domain, further_operators, function, note, branch, swapped,
    no_numbers, doubles, broader, empty_promise, below_zero, spare_weights, twice, below_epsilon, another_input,
    named_axes, elsewhere, two_graphs, cut, spoken,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "albert"])
@pytest.mark.parametrize("change", ALIKE, ids=lambda change: change.__name__)
def test_a_changed_graph_is_refused(
    change: Callable[[Model], bytes | None], kind: str, whole: dict[str, Path], tmp_path: Path
) -> None:
    refused(whole[kind], tmp_path, change)


@pytest.mark.parametrize(
    "change", [endless_loop, loop_of_computed_turns, loop_without_condition, loop_in_a_loop], ids=lambda c: c.__name__
)
def test_a_changed_loop_is_refused(change: Callable[[Model], None], whole: dict[str, Path], tmp_path: Path) -> None:
    refused(whole["albert"], tmp_path, change)


def test_a_thousand_turns_too_many_are_refused_whatever_is_noted(whole: dict[str, Path], tmp_path: Path) -> None:
    def turned(model: Model) -> None:
        (turns,) = [one.name for one in model.graph.initializer if one.name.endswith(".turns")]
        put(model, turns, np.array(1001, np.int64))

    facts = json.loads((whole["albert"] / "encoder.json").read_text())
    folder = tmp_path / "noted"
    folder.mkdir()
    for path in whole["albert"].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "encoder.json").write_text(json.dumps(facts | {"depth": 1001}))
    (tmp_path / "into").mkdir()
    assert "more than 1000 layers" in refused(folder, tmp_path / "into", turned)


def test_a_graph_of_another_maker_is_refused(whole: dict[str, Path], tmp_path: Path) -> None:
    """A loop of 2^62 turns, and 8 GB of zeros, as somebody wrote them by hand."""
    state = [("i", TensorProto.INT64, []), ("c", TensorProto.BOOL, []), ("v", TensorProto.FLOAT, ["b", 3])]
    inside = [helper.make_tensor_value_info(*one) for one in state]
    outside = [helper.make_tensor_value_info(*one) for one in (("c2", *state[1][1:]), ("v2", *state[2][1:]))]
    nodes = [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["v"], ["v2"])]
    loop = helper.make_node("Loop", ["n", "t", "z"], ["out"], body=helper.make_graph(nodes, "b", inside, outside))
    zeros = helper.make_node("ConstantOfShape", ["s"], ["out"])
    arrays = {"n": np.array(1 << 62), "t": np.array(True), "z": np.zeros((1, 3), np.float32), "s": np.array([1 << 31])}
    for made in (loop, zeros):

        def other(model: Model, made: onnx.NodeProto = made) -> None:
            del model.graph.node[:], model.graph.initializer[:]
            model.graph.node.append(made)
            model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())

        refused(whole["bert"], tmp_path, other)


def test_distances_between_words_are_of_the_length_that_is_noted(whole: dict[str, Path], tmp_path: Path) -> None:
    def longer(model: Model) -> None:
        put(model, "distances", np.zeros((4, 2 * 64 - 1), np.float32))

    assert "distances are of another shape" in refused(whole["mpnet"], tmp_path, longer)


def test_weights_may_be_any_numbers(whole: dict[str, Path], tmp_path: Path) -> None:
    for path in whole["bert"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = onnx.load(whole["bert"] / "graph.onnx")
    put(model, "head_0.bias", np.array([1, 2, 3], np.float32))
    onnx.save(model, tmp_path / "graph.onnx")
    before, after = (Graph.open(folder, threads=1).run(["a film"]) for folder in (whole["bert"], tmp_path))
    np.testing.assert_allclose(after - before, [[1, 2, 3]], atol=1e-5)


def test_overflowing_weights_are_an_error_and_not_nan(whole: dict[str, Path], tmp_path: Path) -> None:
    for path in whole["bert"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = onnx.load(whole["bert"] / "graph.onnx")
    put(model, "head_0.weight", np.full((32, 3), 3e38, np.float32))
    put(model, "head_0.bias", np.array([3e38, 3e38, 3e38], np.float32))
    onnx.save(model, tmp_path / "graph.onnx")
    with pytest.raises(BundleError, match="gives values that are not numbers"):
        Graph.open(tmp_path, threads=1).run(["a film", "b " * 30])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pad": 160}, "names tokens that the graph does not have"),
        ({"width": 31}, "depth and width"),
        ({"depth": 3}, "depth and width"),
        ({"pooling": "average"}, "pooling is 'average'"),
        ({"pooling": "cls"}, "not a graph that Penna wrote"),
        ({"length": 47}, "positions are of another shape"),
        ({"characters": 1 << 30}, "more than 48 tokens need"),
        ({"parity": [1]}, "its parity"),
    ],
)
def test_what_is_noted_of_a_graph_must_be_true_of_it(
    change: dict[str, object], why: str, whole: dict[str, Path], tmp_path: Path
) -> None:
    for path in whole["bert"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    facts = json.loads((tmp_path / "encoder.json").read_text())
    (tmp_path / "encoder.json").write_text(json.dumps(facts | change))
    with pytest.raises(BundleError, match=why):
        Graph.open(tmp_path)
