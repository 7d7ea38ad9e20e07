"""An encoder-decoder's arrays as two ONNX models: one runs once for a text, the other for each next token.

Knows arrays; never a module. Weights of repeated layers are stored once. Embeddings that both models share are in a
third file, which ``onnx_translator`` merges into each of the two on loading.
"""

from collections.abc import Sequence
from typing import Any

from penna.onnx_graphs.decoder_weights import DecoderLayer, DecoderParts
from penna.onnx_graphs.encoder_graph import _ACTIVATIONS, MASK, Writer, _activated, states
from penna.onnx_graphs.encoder_graph import IDS as SOURCE
from penna.onnx_graphs.encoder_weights import Dense, Parts
from penna.onnx_graphs.graph_values import FUSED, Graph, Node, Value

TOKEN, PLACE, MOST = "token", "place", "most"
NEXT, SCORES = "next", "scores"
WORDS = "words"


def once(encoder: Parts, decoder: DecoderParts, joint: bool) -> Graph:
    """Return the graph that runs once for a source.

    Inputs are ids and mask (b, s) int32. Outputs are ``keys_i`` and ``values_i`` (b, heads, s, d) for each distinct
    layer of the decoder. If ``joint``, the embeddings are not among its weights.
    """
    writer = Writer()
    x = states(writer, encoder)
    outputs = []
    for index, layer in enumerate(decoder.layers):
        for name, dense in (("keys", layer.key), ("values", layer.value)):
            wide = writer.dense(x, f"{name}_{index}", dense)
            split = writer.add("Reshape", wide, writer.whole(0, 0, decoder.heads, decoder.width // decoder.heads))
            outputs.append(writer.add("Transpose", split, name=f"{name}_{index}", perm=[0, 2, 1, 3]))
    if joint:
        del writer.weights[WORDS]
    return _model(writer, "once", {SOURCE: _WHOLE, MASK: _WHOLE}, dict.fromkeys(outputs, _FLOATS))


def step(decoder: DecoderParts, joint: bool) -> Graph:
    """Return the graph that generates one more token for each of n rows of b sources, the same number for each.

    Inputs are ``token`` (n, 1) int32, ``place`` (1,) int64 (the number of earlier tokens), ``most`` (1,) int64,
    ``mask`` (b, s), each distinct layer's ``keys_i`` and ``values_i``, and for each depth the past, ``past_keys_j`` and
    ``past_values_j`` (n, heads, t, d). Outputs are ``next`` (n, most) int64, likeliest first, their ``scores``
    (log-probabilities), and the past with this token.
    """
    writer = Writer()
    words = writer.weight(WORDS, decoder.words)
    positions = writer.add("Gather", writer.weight("positions", decoder.positions), PLACE)
    x = writer.norm(writer.add("Gather", words, TOKEN), positions, "embedded", decoder.norm)
    inputs: dict[str, Any] = {TOKEN: _WHOLE, PLACE: _COUNT, MOST: _COUNT, MASK: _WHOLE}
    inputs |= {name: _FLOATS for i in range(len(decoder.layers)) for name in (f"keys_{i}", f"values_{i}")}
    outputs: dict[str, Any] = {NEXT: _COUNTS, SCORES: _TABLE}
    for depth, index in enumerate(decoder.order):
        x = _layer(writer, decoder, index, depth, x)
        inputs |= {f"past_{name}_{depth}": _FLOATS for name in ("keys", "values")}
        outputs |= {f"then_{name}_{depth}": _FLOATS for name in ("keys", "values")}
    _answer(writer, decoder, words, x)
    if joint:
        del writer.weights[WORDS]
    return _model(writer, "step", inputs, outputs)


def _layer(writer: Writer, decoder: DecoderParts, index: int, depth: int, x: str) -> str:
    part, name = decoder.layers[index], f"layer_{index}"
    layer = part.layer
    y = writer.norm(
        writer.dense(_looking_back(writer, decoder, name, layer.qkv, depth, x), f"{name}.out", layer.out),
        x, f"{name}.attended", layer.attended,
    )  # fmt: skip
    z = writer.norm(
        writer.dense(_looking_across(writer, decoder, part, index, y), f"{name}.across", part.across),
        y, f"{name}.crossed", part.crossed,
    )  # fmt: skip
    up = _activated(writer, writer.product(z, f"{name}.up", layer.up), f"{name}.up.bias", layer, decoder.activation)
    return writer.norm(writer.dense(up, f"{name}.down", layer.down), z, f"{name}.done", layer.done)


def _looking_back(writer: Writer, decoder: DecoderParts, name: str, qkv: Dense, depth: int, x: str) -> str:
    """Return (n, 1, width), the attention over the earlier tokens and this one."""
    wide = writer.dense(x, f"{name}.qkv", qkv)
    query, key, value = _split(writer, wide, decoder.width)
    out = [f"back_{depth}", f"then_keys_{depth}", f"then_values_{depth}"]
    past = [f"past_keys_{depth}", f"past_values_{depth}"]
    return _attention(writer, [query, key, value, "", "", "", *past], out, decoder.heads)


def _split(writer: Writer, wide: str, width: int) -> list[str]:
    return [
        writer.add("Slice", wide, writer.whole(low), writer.whole(low + width), writer.whole(2))
        for low in (0, width, 2 * width)
    ]


def _looking_across(writer: Writer, decoder: DecoderParts, part: DecoderLayer, index: int, y: str) -> str:
    """Return (n, 1, width), the attention over the source; rows of one source share its keys in one query."""
    sources = writer.add("Shape", f"keys_{index}", start=0, end=1)
    query_states = writer.dense(y, f"layer_{index}.query", part.query)
    together = writer.add("Concat", sources, writer.whole(-1, decoder.width), axis=0)
    query = writer.add("Reshape", query_states, together)
    attended = _attention(
        writer, [query, f"keys_{index}", f"values_{index}", "", MASK], [f"{query}.found"], decoder.heads
    )
    return writer.add("Reshape", attended, writer.whole(-1, 1, decoder.width))


def _attention(writer: Writer, inputs: Sequence[str], outputs: Sequence[str], heads: int) -> str:
    writer.nodes.append(Node("MultiHeadAttention", tuple(inputs), tuple(outputs), FUSED, {"num_heads": heads}))
    return outputs[0]


def _answer(writer: Writer, decoder: DecoderParts, words: str, x: str) -> None:
    """Write the likeliest next tokens and their log-probabilities."""
    flat = writer.add("Reshape", x, writer.whole(-1, decoder.width))
    changed = writer.product(flat, "change", decoder.change)
    activation, bias = _ACTIVATIONS[decoder.activation], writer.weight("change.bias", decoder.change.bias)
    if activation == "Relu":
        active = writer.add("Relu", writer.add("Add", changed, bias))
    else:
        active = writer.add(activation, changed, bias, domain=FUSED)
    gamma, beta = (
        writer.weight("changed.scale", decoder.changed.scale),
        writer.weight("changed.shift", decoder.changed.shift),
    )
    settled = writer.add("LayerNormalization", active, gamma, beta, epsilon=decoder.changed.epsilon)
    answers = words if decoder.answers is None else writer.weight("answers", decoder.answers)
    logits = writer.add("Gemm", settled, answers, writer.weight("answers.bias", decoder.bias), transB=1)
    # The fused softmax takes a tenth of the time of subtracting a sum of exponentials.
    chances = writer.add("Softmax", logits, axis=1)
    best = f"{chances}.best"
    writer.nodes.append(Node("TopK", (chances, MOST), (best, NEXT), settings={"axis": 1}))
    writer.add("Log", best, name=SCORES)


def _model(writer: Writer, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> Graph:
    def described(values: dict[str, Any]) -> list[Value]:
        # Variable dimensions have their own name in each value, so none are declared equal.
        return [
            Value(value, kind, tuple(f"{value}_{i}" for i in range(axes))) for value, (kind, axes) in values.items()
        ]

    return Graph(name, writer.nodes, described(inputs), described(outputs), writer.weights)


#: Type and number of axes of inputs and outputs.
_WHOLE = ("int32", 2)
_COUNT = ("int64", 1)
_COUNTS = ("int64", 2)
_FLOATS = ("float32", 4)
_TABLE = ("float32", 2)
