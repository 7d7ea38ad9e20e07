"""The activations of an encoder on real texts, from which constant int8 scales follow. No torch."""

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from penna.data.arrays import Array
from penna.encoders.tokens import Ragged, padded, seconds
from penna.onnx_graphs import encoder_graph, graph_values
from penna.onnx_graphs.encoder_weights import Parts
from penna.onnx_graphs.quantize import Activations
from penna.runtime import onnx_encoder

#: Rows of tokens that are run, and tokens of each whose activations are kept.
MOST_ROWS, MOST_TOKENS = 128, 12


def activations(parts: Parts, rows: Ragged, threads: int) -> dict[str, Activations]:
    """Return the inputs of every dense layer, over all depths at which it is applied, by its name in the graph.

    Parameters
    ----------
    parts : Parts
        The encoder in float32.
    rows : Ragged
        Rows of tokens; ``MOST_ROWS`` of them are used.
    threads : int
        Threads of onnxruntime.
    """
    graph, layers = encoder_graph.observed(parts)
    outputs = [value.name for value in graph.outputs]
    rng = np.random.default_rng(0)
    samples: dict[str, list[Array]] = defaultdict(list)
    largest: dict[str, Array] = {}
    with tempfile.TemporaryDirectory(prefix="penna-") as folder:
        path = Path(folder) / onnx_encoder.GRAPH
        path.write_bytes(graph_values.model(graph).SerializeToString())
        session = onnx_encoder.started(path, str(path), threads)
        for row in rng.permutation(len(rows))[:MOST_ROWS]:
            arrays = dict(zip(outputs, session.run(outputs, _inputs(rows, row, len(graph.inputs))), strict=True))
            for layer, tensor in layers:
                values = arrays[tensor][0]
                largest[layer] = np.maximum(largest.get(layer, 0.0), np.abs(values).max(axis=0))
                samples[layer].append(values[rng.permutation(len(values))[:MOST_TOKENS]])
    return {layer: Activations(np.concatenate(kept), largest[layer]) for layer, kept in samples.items()}


def _inputs(rows: Ragged, row: int, count: int) -> dict[str, Array]:
    ids, mask = padded(rows, np.array([row]))
    inputs = {"ids": ids, "mask": mask}
    if count == len(inputs) + 1:
        inputs["types"] = seconds(rows, np.array([row]), ids.shape[1])
    return {name: array.astype(np.int32) for name, array in inputs.items()}
