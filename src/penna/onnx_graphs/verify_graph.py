"""A check that Penna writes such a graph: it is written again from its own arrays, and compared node by node.

So only the values of weights and a few sizes are free. Operators, edges, constants, loop counts, inputs and outputs are
those of the writers (``encoder_graph``, ``decoder_graph``). The memory of a batch bounds the sizes. Nothing is run, and
onnxruntime has not seen the files yet. Raises ValueError with the reason.

A changed writer must still write the graphs of existing artifacts, for the poolings and activations that they have.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.onnx_graphs import arrays_from_graph, decoder_graph, encoder_graph, strict_reader
from penna.onnx_graphs.decoder_weights import DecoderParts
from penna.onnx_graphs.encoder_config import FP32, INT8
from penna.onnx_graphs.encoder_weights import Parts
from penna.onnx_graphs.graph_values import Graph, Node

if TYPE_CHECKING:
    from penna.onnx_graphs.encoder_config import Facts as EncoderFacts
    from penna.onnx_graphs.translator_config import Facts as TranslatorFacts

#: The most tokens of a batch with padding, unless a single row has more.
BATCH = 1024
#: The most numbers in the output of one operator for a batch: 1 GB.
_MOST = 1 << 28
_CHUNK = 1 << 22
#: The most target tokens for each source token, for a source of one token (``onnx_translator.limit_of``).
_LONGEST_ANSWER = 12

#: Reads a file as plain values.
read = strict_reader.read


def check_encoder(path: Path, facts: "EncoderFacts") -> int:
    """Check graph.onnx against encoder.json, and return the number of its token ids."""
    graph = read(path)
    parts = arrays_from_graph.encoder(graph, facts.length)
    head = arrays_from_graph.head(graph, parts.width * (2 if facts.pooling == "sides" else 1))
    _agree("precision", facts.precision, FP32 if parts.word_scales is None else INT8)
    _agree("depth and width", (facts.depth, facts.width), (len(parts.order), parts.width))
    expected = encoder_graph.graph(parts, facts.pooling, head)
    _same(graph, expected)
    _agree("inputs", facts.inputs, [value.name for value in expected.inputs])
    _agree("outputs", facts.outputs, expected.outputs[0].shape[-1])
    _bounded(parts, facts.length, facts.outputs)
    check_finite(graph.weights)
    return len(parts.words)


def read_words(path: Path) -> Mapping[str, Array]:
    """Return the embeddings that both graphs of a translation model share, from their own file."""
    arrays = strict_reader.weights_alone(path)
    if set(arrays) != {decoder_graph.WORDS}:
        raise ValueError("it holds something other than words")
    return arrays


def check_translator(
    first: Graph, second: Graph, shared: Mapping[str, Array], facts: "TranslatorFacts"
) -> tuple[int, int]:
    """Check the graphs of a translation model against translator.json; return its source ids and target ids."""
    table = shared.get(decoder_graph.WORDS)
    encoder = arrays_from_graph.encoder(first, facts.length, table)
    decoder = arrays_from_graph.decoder(first, second, facts.target_length, encoder.width, table)
    sizes = len(decoder.order), decoder.heads, decoder.width // decoder.heads
    _agree("depth, heads and size", (facts.depth, facts.heads, facts.size), sizes)
    _same(first, decoder_graph.once(encoder, decoder, table is not None))
    _same(second, decoder_graph.step(decoder, table is not None))
    _bounded(encoder, facts.length, decoder.width)
    _bounded_answers(decoder, facts)
    for weights in (first.weights, second.weights, shared):
        check_finite(weights)
    return len(encoder.words), len(decoder.words)


def _bounded_answers(decoder: DecoderParts, facts: "TranslatorFacts") -> None:
    widest = max(len(decoder.words), *(layer.layer.up.weight.shape[1] for layer in decoder.layers))
    _few("words or units", BATCH * widest)
    # Sources of a batch have BATCH tokens over all beams, unless a single one has more; they limit the targets.
    tokens = max(_LONGEST_ANSWER * BATCH, facts.beams * facts.target_length)
    _few("layers and tokens", 2 * facts.depth * tokens * decoder.width)


def _agree(what: str, noted: Any, actual: Any) -> None:
    if noted != actual:
        raise ValueError(f"its {what}: {actual}, but {noted} is noted")


def _bounded(parts: Parts, length: int, outputs: int) -> None:
    rows = max(BATCH, length)
    widest = max(3 * parts.width, parts.words.shape[1], outputs, *(layer.up.weight.shape[1] for layer in parts.layers))
    _few("units", rows * widest)
    _few("heads and tokens", parts.heads * rows * length)


def _few(what: str, numbers: int) -> None:
    if numbers > _MOST:
        raise ValueError(f"a batch of it would take {numbers * 4 >> 20} MB for {what}")


def _same(actual: Graph, expected: Graph) -> None:
    """Raise ValueError at the first difference, other than in the values of weights."""
    described = [(g.name, list(g.inputs), list(g.outputs), len(g.nodes)) for g in (actual, expected)]
    if described[0] != described[1]:
        raise ValueError("its inputs, its outputs, or the number of its nodes differ")
    for node, other in zip(actual.nodes, expected.nodes, strict=True):
        _same_node(node, other)
    for name in sorted(actual.weights.keys() ^ expected.weights.keys()):
        raise ValueError(f"its weights {name[:80]} are too many or missing")
    for name, array in expected.weights.items():
        _same_weights(name, actual.weights[name], np.asarray(array))


def _same_node(node: Node, other: Node) -> None:
    plain = [(n.operator, n.domain, n.inputs, n.outputs, sorted(n.settings)) for n in (node, other)]
    if plain[0] != plain[1]:
        raise ValueError(f"its node {node.operator[:40] or 'without a name'} is not one that Penna writes there")
    for name, value in other.settings.items():
        setting = node.settings[name]
        if isinstance(value, Graph) and isinstance(setting, Graph):
            _same(setting, value)
        elif name == "epsilon":  # a weight, but stored as a setting
            if type(setting) is not float or not 0 <= setting <= 1:
                raise ValueError(f"its node {node.operator} has an epsilon of {setting}")
        elif type(setting) is not type(value) or setting != value:
            raise ValueError(f"its node {node.operator} has another {name} than Penna writes")


def _same_weights(name: str, array: Array, other: Array) -> None:
    """Compare weights: values of float arrays are free; integers and scalars are part of the graph."""
    same_form = array.dtype == other.dtype and array.shape == other.shape
    free = other.dtype.kind == "f" and other.ndim > 0
    if not same_form or not (free or bool((array == other).all())):
        raise ValueError(f"its {name[:80]} differs from what Penna writes")


def check_finite(weights: Mapping[str, Array]) -> None:
    """Raise ValueError if a weight is not a finite number."""
    for name, array in weights.items():
        if array.dtype.kind == "f" and not _all_finite(array.reshape(-1)):
            raise ValueError(f"its weights {name} are not finite numbers")


def _all_finite(numbers: Sequence[float] | Array) -> bool:
    """Return whether all are finite, by sums, in a fifth of the time; only an overflowing sum is checked in full."""
    flat = np.asarray(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(flat), _CHUNK):
            part = flat[start : start + _CHUNK]
            if not np.isfinite(part.sum()) and not np.isfinite(part).all():
                return False
    return True
