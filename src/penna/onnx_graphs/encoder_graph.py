"""An encoder's arrays as an ONNX model, in the fused operators of onnxruntime. Knows arrays; never a module.

Repeated layers (ALBERT) are the body of one Loop: they are stored once, and onnxruntime also packs them once, while an
unrolled graph would hold a packed copy in memory for each depth.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.errors import BundleError
from penna.onnx_graphs.encoder_weights import Dense, Layer, Norm, Parts, QuantizedDense
from penna.onnx_graphs.graph_values import FUSED, Graph, Node, Value

IDS, MASK, TYPES, OUT = "ids", "mask", "types", "out"
_INT32, _INT64, _FLOAT, _BOOL = 6, 7, 1, 9  # numbers of types for Cast
_ACTIVATIONS = {
    "gelu": "BiasGelu",
    "gelu_new": "FastGelu",
    "gelu_fast": "FastGelu",
    "gelu_pytorch_tanh": "FastGelu",
    "relu": "Relu",
}


class Writer:
    """Collects nodes and weights; its methods return the name of the output."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, Any] = {}
        self.count = 0
        self.observed: list[tuple[str, str]] = []  # (dense layer in float32, its input), in the order of the nodes

    def add(self, operator: str, *inputs: str, name: str = "", domain: str = "", **settings: Any) -> str:
        """Add a node."""
        self.count += 1
        name = name or f"{operator}_{self.count}"
        self.nodes.append(Node(operator, inputs, (name,), domain, settings))
        return name

    def weight(self, name: str, array: Any) -> str:
        """Add a weight, once per name."""
        self.weights.setdefault(name, array)
        return name

    def whole(self, *numbers: int) -> str:
        """Add a constant of int64 numbers."""
        return self.weight("whole_" + "_".join(map(str, numbers)), np.array(numbers, np.int64))

    def dense(self, x: str, name: str, dense: Dense) -> str:
        """Add a dense layer."""
        bias = self.weight(f"{name}.bias", dense.bias)
        if isinstance(dense, QuantizedDense):
            return self._integer_product(x, name, dense, bias)
        return self.add("Add", self.product(x, name, dense), bias)

    def product(self, x: str, name: str, dense: Dense) -> str:
        """Add a dense layer without its bias."""
        if isinstance(dense, QuantizedDense):
            return self._integer_product(x, name, dense)
        self.observed.append((name, x))
        return self.add("MatMul", x, self.weight(f"{name}.weight", dense.weight))

    def attention(self, x: str, name: str, dense: Dense, bias: str, heads: int) -> str:
        """Add self-attention over the queries, keys and values of one dense layer; ``bias`` is that of distances."""
        weight = self.weight(f"{name}.weight", dense.weight)
        offset = self.weight(f"{name}.bias", dense.bias)
        if isinstance(dense, QuantizedDense):
            quantized, scale, zero = self._quantized(x, name, dense)
            columns = self.weight(f"{name}.scale", dense.scale)
            inputs = (quantized, weight, offset, scale, columns, MASK, zero)
            return self.add("QAttention", *inputs, domain=FUSED, num_heads=heads)
        self.observed.append((name, x))
        distances = ("", bias) if bias else ()
        return self.add("Attention", x, weight, offset, MASK, *distances, domain=FUSED, num_heads=heads)

    def _integer_product(self, x: str, name: str, dense: QuantizedDense, bias: str = "") -> str:
        quantized, scale, zero = self._quantized(x, name, dense)
        weight = self.weight(f"{name}.weight", dense.weight)
        columns = self.weight(f"{name}.scale", dense.scale)
        offset = ("", bias) if bias else ()
        return self.add("MatMulIntegerToFloat", quantized, weight, scale, columns, zero, *offset, domain=FUSED)

    def _quantized(self, x: str, name: str, dense: QuantizedDense) -> tuple[str, str, str]:
        """Return the names of x as uint8, of its scale and of its zero point."""
        if dense.smoothing is not None:
            x = self.add("Mul", x, self.weight(f"{name}.smoothing", dense.smoothing))
        scale = self.weight(f"{name}.input_scale", dense.input_scale)
        zero = self.weight(f"{name}.input_zero", dense.input_zero)
        return self.add("QuantizeLinear", x, scale, zero), scale, zero

    def norm(self, x: str, added: str, name: str, norm: Norm) -> str:
        """Add a layer normalization of x + added. The fused SkipLayerNormalization takes six times as long (1.32)."""
        gamma, beta = self.weight(f"{name}.scale", norm.scale), self.weight(f"{name}.shift", norm.shift)
        return self.add("LayerNormalization", self.add("Add", x, added), gamma, beta, epsilon=norm.epsilon)


def graph(parts: Parts, pooling: str, head: Sequence[tuple[Dense, str]]) -> Graph:
    """Return the graph of an encoder with a head.

    Inputs are ids, mask and, if there are any, types (b, s) int32. The output is (b, k) float32: logits, or without a
    head the pooled vector. The pooling "none" gives (b, s, k), an output of every token. "sides" gives (b, 2 width),
    the mean of each text of a pair; types separate the texts, even if the encoder itself has none.
    """
    writer = Writer()
    x = _pool(writer, states(writer, parts), pooling)
    for number, (dense, activation) in enumerate(head):
        x = writer.dense(x, f"head_{number}", dense)
        if activation != "linear":
            x = writer.add({"relu": "Relu", "tanh": "Tanh"}[activation], x)
    writer.add("Identity", x, name=OUT)
    outputs = int(head[-1][0].bias.shape[0]) if head else parts.width * (2 if pooling == "sides" else 1)
    shape = ("b", "s", outputs) if pooling == "none" else ("b", outputs)
    inputs = [Value(name, "int32", ("b", "s")) for name in _inputs(parts, pooling)]
    return Graph("encoder", writer.nodes, inputs, [Value(OUT, "float32", shape)], writer.weights)


def observed(parts: Parts) -> tuple[Graph, list[tuple[str, str]]]:
    """Return a graph without loops whose outputs are the inputs of all dense layers.

    And (dense layer, name of the output) for each depth.
    """
    writer = Writer()
    x, bias = _embed(writer, parts), _distance_bias(writer, parts)
    _layers(writer, parts, parts.order, x, bias)
    inputs = [Value(name, "int32", ("b", "s")) for name in _inputs(parts)]
    tensors = dict.fromkeys(tensor for _, tensor in writer.observed)
    outputs = [Value(tensor, "float32", ("b", "s", f"k{i}")) for i, tensor in enumerate(tensors)]
    return Graph("observed", writer.nodes, inputs, outputs, writer.weights), writer.observed


def _inputs(parts: Parts, pooling: str = "") -> tuple[str, ...]:
    return (IDS, MASK) if parts.second is None and pooling != "sides" else (IDS, MASK, TYPES)


def states(writer: Writer, parts: Parts) -> str:
    """Return the name of the (b, s, width) hidden states after the last layer."""
    x = _embed(writer, parts)
    bias = _distance_bias(writer, parts)
    for cycle, times in cycles(parts.order):
        x = _loop(writer, parts, cycle, x, bias, times) if times > 1 else _layers(writer, parts, cycle, x, bias)
    return x


def cycles(order: Sequence[int]) -> list[tuple[tuple[int, ...], int]]:
    """Return the order of the layers as runs, each with its number of repetitions; a run is the shortest that repeats.

    >>> cycles((0, 0, 0)), cycles((0, 1, 2, 0, 1, 2)), cycles((0, 1))
    ([((0,), 3)], [((0, 1, 2), 2)], [((0,), 1), ((1,), 1)])
    """
    runs: list[tuple[tuple[int, ...], int]] = []
    at = 0
    while at < len(order):
        rest = tuple(order[at:])
        size = next((n for n in range(1, len(rest) // 2 + 1) if rest[:n] == rest[n : 2 * n]), 1)
        times = next(t for t in range(1, len(rest) + 1) if rest[t * size : (t + 1) * size] != rest[:size])
        runs.append((rest[:size], times))
        at += size * times
    return runs


def _embed(writer: Writer, parts: Parts) -> str:
    words = writer.add("Gather", writer.weight("words", parts.words), IDS)
    if parts.word_scales is not None:
        scales = writer.add("Gather", writer.weight("words.scale", parts.word_scales), IDS)
        words = writer.add("Mul", writer.add("Cast", words, to=_FLOAT), scales)
    if parts.second is not None:
        kinds = np.stack([np.zeros_like(parts.second), parts.second])
        words = writer.add("Add", words, writer.add("Gather", writer.weight("kinds", kinds), TYPES))
    positions = _positions(writer, parts)
    x = writer.norm(words, positions, "embedded", parts.norm)
    return x if parts.project is None else writer.dense(x, "project", parts.project)


def _positions(writer: Writer, parts: Parts) -> str:
    table = writer.weight("positions", parts.positions)
    if parts.padding is None:
        return writer.add("Slice", table, writer.whole(0), writer.add("Shape", IDS, start=1, end=2))
    padding = np.array(parts.padding, np.int32)
    real = writer.add("Not", writer.add("Equal", IDS, writer.weight("padding", padding)))
    ones = writer.add("Cast", real, to=_INT32)
    counted = writer.add("Mul", writer.add("CumSum", ones, writer.weight("scalar_1", np.array(1, np.int64))), ones)
    return writer.add("Gather", table, writer.add("Add", counted, "padding"))


def _distance_bias(writer: Writer, parts: Parts) -> str:
    """Return (1, heads, s, s), the attention bias for the distance of key and query; "" if there is none."""
    if parts.distances is None:
        return ""

    length = writer.add("Squeeze", writer.add("Shape", IDS, start=1, end=2), writer.whole(0))
    zero, one = (writer.weight(f"scalar_{n}", np.array(n, np.int64)) for n in (0, 1))
    keys = writer.add("Range", zero, length, one)
    queries = writer.add("Unsqueeze", keys, writer.whole(1))
    columns = writer.add("Add", writer.add("Sub", keys, queries), writer.whole(parts.distances.shape[1] // 2))
    gathered = writer.add("Gather", writer.weight("distances", parts.distances), columns, axis=1)
    return writer.add("Unsqueeze", gathered, writer.whole(0))


def _layers(writer: Writer, parts: Parts, indices: Sequence[int], x: str, bias: str) -> str:
    for index in indices:
        x = _layer(writer, parts, index, x, bias)
    return x


def _layer(writer: Writer, parts: Parts, index: int, x: str, bias: str) -> str:
    layer, name = parts.layers[index], f"layer_{index}"
    attended = writer.attention(x, f"{name}.qkv", layer.qkv, bias, parts.heads)
    y = writer.norm(writer.dense(attended, f"{name}.out", layer.out), x, f"{name}.attended", layer.attended)
    up = _activated(writer, writer.product(y, f"{name}.up", layer.up), f"{name}.up.bias", layer, parts.activation)
    return writer.norm(writer.dense(up, f"{name}.down", layer.down), y, f"{name}.done", layer.done)


def _activated(writer: Writer, x: str, name: str, layer: Layer, activation: str) -> str:
    if activation not in _ACTIVATIONS:
        raise BundleError(f"the activation {activation!r} cannot be written as a graph: choose another encoder.")
    operator, bias = _ACTIVATIONS[activation], writer.weight(name, layer.up.bias)
    if operator == "Relu":
        return writer.add("Relu", writer.add("Add", x, bias))
    return writer.add(operator, x, bias, domain=FUSED)


def _loop(writer: Writer, parts: Parts, cycle: Sequence[int], x: str, bias: str, times: int) -> str:
    outside, writer.nodes = writer.nodes, []
    start = f"loop_{writer.count}"
    turn, go, state = f"{start}.turn", f"{start}.go", f"{start}.state"
    done = _layers(writer, parts, cycle, state, bias)
    still = writer.add("Identity", go)
    shape = ("b", "s", parts.width)
    inputs = [Value(turn, "int64", ()), Value(go, "bool", ()), Value(state, "float32", shape)]
    body = Graph(start, writer.nodes, inputs, [Value(still, "bool", ()), Value(done, "float32", shape)])
    writer.nodes = outside
    turns = writer.weight(f"{start}.turns", np.array(times, np.int64))
    return writer.add("Loop", turns, writer.weight("true", np.array(True)), x, body=body)


def _pool(writer: Writer, x: str, pooling: str) -> str:
    if pooling == "none":
        return x
    if pooling == "cls":
        return writer.add("Gather", x, writer.weight("scalar_0", np.array(0, np.int64)), axis=1)
    if pooling == "max":
        real = writer.add("Unsqueeze", writer.add("Cast", MASK, to=_BOOL), writer.whole(2))
        lowest = writer.weight("lowest", np.array(np.finfo(np.float32).min, np.float32))
        return writer.add("ReduceMax", writer.add("Where", real, x, lowest), axes=[1], keepdims=0)
    if pooling == "last":
        count = writer.add("Cast", writer.add("ReduceSum", MASK, writer.whole(1)), to=_INT64)  # (b, 1)
        place = writer.add("Sub", count, writer.weight("scalar_1", np.array(1, np.int64)))
        return writer.add("GatherND", x, place, batch_dims=1)
    weights = writer.add("Unsqueeze", writer.add("Cast", MASK, to=_FLOAT), writer.whole(1))
    if pooling == "sides":
        types = writer.add("Unsqueeze", writer.add("Cast", TYPES, to=_FLOAT), writer.whole(1))
        second = writer.add("Mul", weights, types)
        both = writer.add("Concat", writer.add("Sub", weights, second), second, axis=1)
        one = writer.weight("one", np.array(1, np.float32))  # for a side without tokens
        counts = writer.add("Max", writer.add("ReduceSum", both, writer.whole(2)), one)
        means = writer.add("Div", writer.add("MatMul", both, x), counts)  # (b, 2, width)
        return writer.add("Reshape", means, writer.whole(0, -1))
    total = writer.add("MatMul", weights, x)  # (b, 1, width)
    count = writer.add("ReduceSum", weights, writer.whole(2))
    mean = writer.add("Div", total, writer.add("Sqrt", count) if pooling == "sqrt" else count)
    return writer.add("Squeeze", mean, writer.whole(1))
