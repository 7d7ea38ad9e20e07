"""Whether a graph is one that Penna writes: it is written again from its own arrays, and compared node by node.

So only the weights' values and a few sizes are free; operators, edges, constants, how often loops turn, and what goes in
and comes out are those of the writers (``_onnx_nodes``, ``_onnx_decoder``). What is free is bounded by what a batch
would take. Nothing is run, and onnxruntime has not seen the files yet. Raises ValueError with the reason.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penna.encoders import _onnx_decoder, _onnx_nodes, _onnx_parts, _onnx_reader
from penna.encoders._onnx_plain import Array, Graph, Node
from penna.encoders.parts import Parts

#: Tokens of a batch, padding included, unless a single row has more.
BATCH = 1024
#: Numbers that one operator may put out for a batch: 1 GB of them.
_MOST = 1 << 28
_CHUNK = 1 << 22


def check_encoder(path: Path, *, length: int, pooling: str, outputs: int, depth: int) -> int:
    """Check graph.onnx against what encoder.json says of it; returns how many ids it knows."""
    graph = _onnx_reader.read(path)
    parts = _onnx_parts.encoder(graph, length)
    head = _onnx_parts.head(graph, parts.width * (2 if pooling == "sides" else 1))
    _agree("depth", depth, len(parts.order))
    expected = _onnx_nodes.graph(parts, pooling, head)
    _same(graph, expected)
    _agree("outputs", outputs, expected.outputs[0].shape[-1])
    _bounded(parts, length, outputs)
    _finite(graph.weights)
    return len(parts.words)


def check_translator(once: Path, step: Path, words: Path | None, *, length: int, said: int, depth: int, heads: int,
                     size: int, beams: int) -> tuple[int, int]:  # fmt: skip
    """Check the graphs of a translation artefact; returns how many ids of a source they know, and how many of an
    answer."""
    first, second = _onnx_reader.read(once), _onnx_reader.read(step)
    shared = None if words is None else _onnx_reader.weights_alone(words)
    if shared is not None and set(shared) != {_onnx_decoder.WORDS}:
        raise ValueError("the file of words holds something else")
    table = None if shared is None else shared[_onnx_decoder.WORDS]
    if table is not None and {_onnx_decoder.WORDS} & {*first.weights, *second.weights}:
        raise ValueError("its words are there twice")
    encoder = _onnx_parts.encoder(first, length, table)
    decoder = _onnx_parts.decoder(first, second, said, encoder.width, table)
    _agree("depth", (depth, heads, size), (len(decoder.order), decoder.heads, decoder.width // decoder.heads))
    _same(first, _onnx_decoder.once(encoder, decoder, table is not None))
    _same(second, _onnx_decoder.step(decoder, table is not None))
    _bounded(encoder, length, decoder.width)
    widest = max(len(decoder.words), *(layer.layer.up.weight.shape[1] for layer in decoder.layers))
    _few("words or units", BATCH * widest)
    _few("tokens", BATCH * beams * said * decoder.width)
    for weights in (first.weights, second.weights, shared or {}):
        _finite(weights)
    return len(encoder.words), len(decoder.words)


def _agree(what: str, said: Any, found: Any) -> None:
    if said != found:
        raise ValueError(f"its {what} is {found} where {said} is noted")


def _bounded(parts: Parts, length: int, outputs: int) -> None:
    rows = max(BATCH, length)
    widest = max(3 * parts.width, parts.words.shape[1], outputs, *(l.up.weight.shape[1] for l in parts.layers))
    _few("units", rows * widest)
    _few("heads and tokens", parts.heads * rows * length)


def _few(what: str, numbers: int) -> None:
    if numbers > _MOST:
        raise ValueError(f"it has so many {what} that a batch would take {numbers * 4 >> 20} MB")


def _same(found: Graph, expected: Graph) -> None:
    """Raise ValueError at the first place where the two differ, other than in the values of weights."""
    described = [(g.name, list(g.inputs), list(g.outputs), len(g.nodes)) for g in (found, expected)]
    if described[0] != described[1]:
        raise ValueError("what goes in, what comes out, or the number of its nodes is another")
    for node, other in zip(found.nodes, expected.nodes, strict=True):
        _same_node(node, other)
    for name in sorted(found.weights.keys() ^ expected.weights.keys()):
        raise ValueError(f"its weights {name[:80]} are too many or missing")
    for name, array in expected.weights.items():
        _same_weights(name, found.weights[name], np.asarray(array))


def _same_node(node: Node, other: Node) -> None:
    plain = [(n.operator, n.domain, n.inputs, n.outputs, sorted(n.settings)) for n in (node, other)]
    if plain[0] != plain[1]:
        raise ValueError(f"its node {node.operator[:40] or 'without a name'} is none that Penna writes there")
    for name, value in other.settings.items():
        given = node.settings[name]
        if isinstance(value, Graph) and isinstance(given, Graph):
            _same(given, value)
        elif name == "epsilon":  # a weight among settings
            if type(given) is not float or not 0 <= given <= 1:
                raise ValueError(f"its node {node.operator} has an epsilon of {given}")
        elif type(given) is not type(value) or given != value:
            raise ValueError(f"its node {node.operator} has another {name} than Penna writes")


def _same_weights(name: str, array: Array, other: Array) -> None:
    """Numbers of weights are free; whole numbers, and those that stand alone, are part of the graph."""
    alike = array.dtype == other.dtype and array.shape == other.shape
    free = other.dtype.kind == "f" and other.ndim > 0
    if not alike or not (free or bool((array == other).all())):
        raise ValueError(f"its {name[:80]} is another than Penna writes")


def _finite(weights: Mapping[str, Array]) -> None:
    for name, array in weights.items():
        if array.dtype.kind == "f" and not _all_finite(array.reshape(-1)):
            raise ValueError(f"its weights {name} are no finite numbers")


def _all_finite(numbers: Sequence[float] | Array) -> bool:
    """By sums, which take a fifth of the time of a look at each number; a sum that overflows is looked into."""
    flat = np.asarray(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(flat), _CHUNK):
            part = flat[start : start + _CHUNK]
            if not np.isfinite(part.sum()) and not np.isfinite(part).all():
                return False
    return True
