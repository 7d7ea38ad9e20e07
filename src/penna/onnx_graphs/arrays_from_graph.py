"""The arrays of an encoder or a decoder, read from a graph by the names that Penna's writers give them.

Knows plain graphs and shapes; every shape is checked against the others. Raises ValueError if one does not fit.

The nodes only give what no array shows: the number of heads, the activation and the order of layers. ``verify_graph``
checks the nodes by writing them again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.onnx_graphs.decoder_weights import DecoderLayer, DecoderParts
from penna.onnx_graphs.encoder_graph import _ACTIVATIONS
from penna.onnx_graphs.encoder_weights import Dense, Layer, Norm, Parts, QuantizedDense
from penna.onnx_graphs.graph_values import Graph, Node

#: The most applied layers, the same as for a checkpoint's config.
MOST_LAYERS = 1000
_MOST_HEAD = 8  # layers of a head


@dataclass(frozen=True)
class Weights:
    """Weights by name. ``taken`` checks the shape: None stands for an axis of any size above 0."""

    arrays: Mapping[str, Array]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def taken(self, name: str, *shape: int | None, kind: Any = np.float32) -> Array:
        """Return the array ``name``. Raise ValueError if it is missing or has another shape."""
        array = self.arrays.get(name)
        if array is None:
            raise ValueError(f"it lacks the weights {name}")
        fits = len(array.shape) == len(shape) and array.dtype == kind
        wanted = tuple(e if want is None else want for e, want in zip(array.shape, shape, strict=False))
        if not fits or array.shape != wanted or not array.size:
            raise ValueError(f"its weights {name} are of another shape than Penna writes")
        return array

    def dense(self, name: str, inside: int, outside: int | None) -> Dense:
        """Return a dense layer."""
        if f"{name}.input_scale" in self:
            return self.quantized(name, inside, outside)
        weight = self.taken(f"{name}.weight", inside, outside)
        return Dense(weight, self.taken(f"{name}.bias", weight.shape[1]))

    def quantized(self, name: str, inside: int, outside: int | None) -> QuantizedDense:
        """Return a dense layer in int8."""
        weight = self.taken(f"{name}.weight", inside, outside, kind=np.int8)
        columns = weight.shape[1]
        return QuantizedDense(
            weight,
            self.taken(f"{name}.bias", columns),
            self.scale(f"{name}.scale", columns),
            self.scale(f"{name}.input_scale"),
            self.taken(f"{name}.input_zero", kind=np.uint8),
            self.scale(f"{name}.smoothing", weight.shape[0]) if f"{name}.smoothing" in self else None,
        )

    def scale(self, name: str, *shape: int) -> Array:
        """Return int8 scales. Raise ValueError unless they are positive numbers."""
        scales = self.taken(name, *shape)
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise ValueError(f"its int8 scales {name} are not positive numbers")
        return scales

    def norm(self, name: str, width: int) -> Norm:
        """Return a layer normalization; its epsilon is not an array, and is checked with the nodes."""
        return Norm(self.taken(f"{name}.scale", width), self.taken(f"{name}.shift", width), 0.0)

    def layer(self, name: str, width: int) -> Layer:
        """Return a transformer layer."""
        up = self.dense(f"{name}.up", width, None)
        return Layer(
            qkv=self.dense(f"{name}.qkv", width, 3 * width),
            out=self.dense(f"{name}.out", width, width),
            attended=self.norm(f"{name}.attended", width),
            up=up,
            down=self.dense(f"{name}.down", up.weight.shape[1], width),
            done=self.norm(f"{name}.done", width),
        )


def encoder(graph: Graph, length: int, words: Array | None = None) -> Parts:
    """Return the parts of an encoder for ``length`` tokens; ``words`` are embeddings of another file, if any."""
    weights = Weights(graph.weights if words is None else {**graph.weights, "words": words})
    quantized = "words.scale" in weights
    table = weights.taken("words", None, None, kind=np.int8 if quantized else np.float32)
    inside = table.shape[1]
    padding = _padding(graph)
    project = weights.dense("project", inside, None) if "project.weight" in weights else None
    width = inside if project is None else project.weight.shape[1]
    order = _order(graph)
    heads = _heads(graph, ("Attention", "QAttention"), width)
    return Parts(
        words=table,
        word_scales=weights.scale("words.scale", len(table), 1) if quantized else None,
        positions=weights.taken("positions", length + (0 if padding is None else padding + 1), inside),
        norm=weights.norm("embedded", inside),
        project=project,
        layers=tuple(weights.layer(f"layer_{i}", width) for i in range(max(order) + 1)),
        order=order,
        heads=heads,
        activation=_activation(graph, "layer_0.up.bias"),
        padding=padding,
        distances=weights.taken("distances", heads, 2 * length - 1) if "distances" in weights else None,
        second=weights.taken("kinds", 2, inside)[1] if "kinds" in weights else None,
    )


def head(graph: Graph, inside: int) -> list[tuple[Dense, str]]:
    """Return the layers of the head after the pooling, each with its activation."""
    weights, layers = Weights(graph.weights), list[tuple[Dense, str]]()
    for number in range(_MOST_HEAD):
        if f"head_{number}.weight" not in weights:
            break
        dense = weights.dense(f"head_{number}", inside, None)
        (added,) = [node for node in graph.nodes if f"head_{number}.bias" in node.inputs] or [Node("", (), ("",))]
        after = {node.operator for node in graph.nodes if added.outputs[0] in node.inputs}
        activation = next((name for name, what in (("relu", "Relu"), ("tanh", "Tanh")) if what in after), "linear")
        layers.append((dense, activation))
        inside = dense.weight.shape[1]
    return layers


def decoder(once: Graph, step: Graph, length: int, inside: int, words: Array | None = None) -> DecoderParts:
    """Return the parts of a decoder of at most ``length`` tokens, for encoder states of width ``inside``."""
    weights = Weights(step.weights if words is None else {**step.weights, "words": words})
    table = weights.taken("words", None, None)
    pieces, width = table.shape
    order = _order(step)
    once_weights = Weights(once.weights)
    return DecoderParts(
        words=table,
        positions=weights.taken("positions", length, width),
        norm=weights.norm("embedded", width),
        layers=tuple(_decoder_layer(once_weights, weights, i, inside, width) for i in range(max(order) + 1)),
        order=order,
        heads=_heads(step, ("MultiHeadAttention",), width),
        activation=_activation(step, "layer_0.up.bias"),
        change=weights.dense("change", width, width),
        changed=weights.norm("changed", width),
        answers=weights.taken("answers", pieces, width) if "answers" in weights else None,
        bias=weights.taken("answers.bias", pieces),
    )


def _decoder_layer(once: Weights, step: Weights, index: int, inside: int, width: int) -> DecoderLayer:
    return DecoderLayer(
        layer=step.layer(f"layer_{index}", width),
        query=step.dense(f"layer_{index}.query", width, width),
        key=once.dense(f"keys_{index}", inside, width),
        value=once.dense(f"values_{index}", inside, width),
        across=step.dense(f"layer_{index}.across", width, width),
        crossed=step.norm(f"layer_{index}.crossed", width),
    )


def _order(graph: Graph) -> tuple[int, ...]:
    """Return the layer at each depth, from the nodes; loops are unrolled."""
    order: list[int] = []
    for node in graph.nodes:
        body, times = node.settings.get("body"), 1
        if isinstance(body, Graph):
            times = _whole(graph, node.inputs[0] if node.inputs else "")
        cycle = [*_layers(body.nodes if isinstance(body, Graph) else (node,))]
        if not 0 <= times <= MOST_LAYERS or len(order) + times * len(cycle) > MOST_LAYERS:
            raise ValueError(f"it applies more than {MOST_LAYERS} layers")
        order += cycle * times
    if not order or set(order) != set(range(max(order) + 1)):
        raise ValueError("its layers are not numbered as Penna numbers them")
    return tuple(order)


def _layers(nodes: Sequence[Node]) -> Iterator[int]:
    """Yield the number of each layer that starts at one of these nodes."""
    for node in nodes:
        for name in node.inputs:
            number = name.removeprefix("layer_").removesuffix(".qkv.weight")
            if name == f"layer_{number}.qkv.weight" and number.isdecimal() and int(number) < MOST_LAYERS:
                yield int(number)


def _every(graph: Graph) -> Iterator[Node]:
    """Yield all nodes, with those of loops."""
    for node in graph.nodes:
        yield node
        body = node.settings.get("body")
        if isinstance(body, Graph):
            yield from body.nodes


def _padding(graph: Graph) -> int | None:
    return _whole(graph, "padding") if "padding" in graph.weights else None


def _whole(graph: Graph, name: str) -> int:
    array = graph.weights.get(name)
    if array is None or array.shape != () or array.dtype.kind != "i" or not 0 <= int(array) < 1 << 31:
        raise ValueError(f"its {name or 'loop'} is not a valid constant number")
    return int(array)


def _heads(graph: Graph, operators: tuple[str, ...], width: int) -> int:
    heads = next((node.settings.get("num_heads") for node in _every(graph) if node.operator in operators), None)
    if type(heads) is not int or not 0 < heads <= width or width % heads:
        raise ValueError(f"its heads ({heads}) do not divide its width ({width})")
    return heads


def _activation(graph: Graph, bias: str) -> str:
    """Return the activation whose operator reads this bias, or the sum with it."""
    operator = next((node.operator for node in _every(graph) if bias in node.inputs), "")
    operator = "Relu" if operator == "Add" else operator
    name = next((name for name, written in _ACTIVATIONS.items() if written == operator), None)
    if name is None:
        raise ValueError(f"its activation {operator!r} is not one that Penna writes")
    return name
