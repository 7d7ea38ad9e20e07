"""The ONNX export of an encoder: a torch module becomes graph.onnx, tokenizer.json and encoder.json.

The written graph is opened again and compared with torch; a graph with other outputs is an error and is removed.
``encoder_graph`` writes the nodes directly in onnxruntime's fused operators: tracing took ten times as long and gave a
slower graph. No torch at import: serving imports this module.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array, unit_length
from penna.encoders import tokens
from penna.encoders.checkpoints import Checkpoint, load_tokenizer
from penna.encoders.sliding_windows import Framing
from penna.errors import BundleError
from penna.export.base import SAMPLE, Head, Layer, Quantization, check_difference
from penna.onnx_graphs import encoder_config, verify_graph
from penna.onnx_graphs import encoder_weights as arrays
from penna.onnx_graphs.encoder_weights import Dense
from penna.runtime import onnx_encoder
from penna.runtime.onnx_encoder import Graph

if TYPE_CHECKING:
    import torch

__all__ = ["Graph", "record_difference", "write_graph"]

_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
}
_LARGEST = 2_000_000_000  # bytes; one ONNX file cannot hold more


def write_graph(
    module: "torch.nn.Module",
    checkpoint: Checkpoint,
    folder: Path,
    *,
    head: Head | None = None,
    pooling: str = "mean",
    length: int,
    sample: Sequence[str] = (),
    framing: Framing | None = None,
    unit: bool = False,
    quantization: Quantization | None = None,
) -> float:
    """Write the encoder (evaluation mode, float32), and return the largest difference from torch on ``sample``.

    With ``head`` the graph gives (n, k) logits, without it pooled (n, width) vectors, normalized with ``unit``. With
    ``framing`` it reads pairs, or long texts in sliding windows. The difference is also noted in encoder.json.

    Raises BundleError if the graph has other outputs than the module, or cannot be written.
    """
    from penna.onnx_graphs import encoder_graph, graph_values

    if pooling not in encoder_config.POOLINGS:
        raise BundleError(
            f"the pooling {pooling!r} cannot be written as a graph: choose one of {', '.join(encoder_config.POOLINGS)}."
        )
    layers = _layers(head)
    if framing is not None and framing.sides == 1 and framing.windows == 1:
        framing = None  # the same as without a framing
    length = min(length, checkpoint.max_length)
    most = length if framing is None else framing.most
    typed = framing is not None and framing.sides == 2 and framing.frame.typed
    parts = arrays.read(module, length, typed=typed)
    dense = [(Dense(weight.T, bias), activation) for weight, bias, activation in layers]
    nodes = encoder_graph.graph(parts, pooling, dense)
    _check_weights(nodes.weights, checkpoint)
    model = graph_values.model(nodes)
    facts = encoder_config.Facts(
        length=length,
        outputs=len(layers[-1][1]) if layers else parts.width * (2 if pooling == "sides" else 1),
        pad=checkpoint.pad,
        # The same as for training rows: a text must become the same tokens.
        characters=tokens.CHARACTERS * tokens.cap_of(checkpoint, most),
        pooling=pooling,
        width=parts.width,
        kind=checkpoint.kind,
        depth=len(parts.order),
        framing=framing,
        unit=unit,
    )
    folder.mkdir(parents=True, exist_ok=True)
    load_tokenizer(checkpoint).save(str(folder / onnx_encoder.TOKENIZER), pretty=False)
    (folder / encoder_config.FACTS).write_text(json.dumps(facts.to_json(), indent=1), encoding="utf-8")
    if model.ByteSize() > _LARGEST:
        raise BundleError(f"{checkpoint.name!r} is too large for one ONNX file (2 GB): choose a smaller encoder.")
    (folder / onnx_encoder.GRAPH).write_bytes(model.SerializeToString())
    del model, nodes  # each is a copy of the weights
    texts: list[Any] = [*SAMPLE, "long " * length, *sample]
    if framing is not None and framing.sides == 2:
        texts = list(zip(texts, texts[::-1], strict=True))
    opened = Graph.open(folder)
    difference = record_difference(folder, facts, _difference(module, opened, layers, texts))
    if quantization is not None:
        _write_int8(opened, parts, dense, quantization, difference)
    return difference


def _write_int8(
    opened: Graph, parts: arrays.Parts, head: list[tuple[Dense, str]], quantization: Quantization, parity: float
) -> None:
    """Replace the graph of a folder by the same in int8; its head stays in float32."""
    from penna.export.onnx import calibrate
    from penna.onnx_graphs import encoder_graph, graph_values, quantize

    facts = replace(opened.facts, precision=encoder_config.INT8, parity=parity)
    rows = opened.framed(quantization.texts).rows
    inputs = calibrate.activations(parts, rows, quantization.threads)
    bits = quantize.SEVEN_BITS if quantization.seven_bits else quantize.EIGHT_BITS
    graph = encoder_graph.graph(quantize.encoder(parts, inputs, bits), facts.pooling, head)
    data = json.dumps(facts.to_json(), indent=1)
    (opened.folder / encoder_config.FACTS).write_text(data, encoding="utf-8")
    (opened.folder / onnx_encoder.GRAPH).write_bytes(graph_values.model(graph).SerializeToString())


def _check_weights(weights: Mapping[str, Array], checkpoint: Checkpoint) -> None:
    """Raise BundleError if training ended in weights that are not numbers."""
    try:
        verify_graph.check_finite(weights)
    except ValueError as error:
        raise BundleError(f"the trained {checkpoint.name!r} cannot be served: {error}; choose a smaller lr.") from error


def record_difference(folder: Path, facts: encoder_config.Facts, difference: float) -> float:
    """Note in encoder.json how far the graph is from torch.

    Raises BundleError, and removes the graph, if the difference is above the tolerance.
    """
    if facts.precision == encoder_config.INT8:  # that of the fp32 graph is noted; scores decide on int8
        return difference
    try:
        check_difference(folder, facts, difference)
    except BundleError:
        (folder / onnx_encoder.GRAPH).unlink()
        raise
    data = replace(facts, parity=difference).to_json()
    (folder / encoder_config.FACTS).write_text(json.dumps(data, indent=1), encoding="utf-8")
    return difference


def _difference(module: "torch.nn.Module", opened: Graph, layers: list[Layer], texts: list[Any]) -> float:
    """Return the largest difference between torch and the graph: in probability, or as a share of the largest entry."""
    facts = opened.facts
    expected = _torch_outputs(module, opened, texts)
    for weight, bias, activation in layers:
        expected = _ACTIVATIONS[activation](expected @ weight.T + bias)
    every = facts.pooling == "none"
    exported = np.concatenate(opened.each(opened.framed(texts).rows)) if every else opened.run(texts)
    if facts.unit:
        expected = unit_length(expected)
    if layers:
        expected, exported = _softmax(expected), _softmax(exported)
    else:
        scale = max(1.0, float(np.abs(expected).max()))
        expected, exported = expected / scale, exported / scale
    return float(np.abs(expected - exported).max())


def _torch_outputs(module: "torch.nn.Module", opened: Graph, texts: list[Any]) -> Array:
    """Return (n, width) pooled vectors, or with "none" those of all tokens, one row at a time.

    There is no padding, which could hide a wrong mask in the graph.
    """
    import torch

    device = next(module.parameters()).device
    framed = opened.framed(texts)
    pooled = []
    with torch.inference_mode():
        for i in range(len(framed.rows)):
            ids, mask = tokens.padded(framed.rows, np.array([i]))
            types = tokens.types(framed.rows, np.array([i]), ids.shape[1])
            arrays = {"input_ids": ids, "attention_mask": mask} | ({} if types is None else {"token_type_ids": types})
            batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
            hidden = module(**batch).last_hidden_state[0].float()
            pooled.append(_pooled(hidden.cpu().numpy(), framed.rows, i, opened.facts.pooling))
    return np.concatenate(pooled) if opened.facts.pooling == "none" else framed.mean(np.stack(pooled))


def _pooled(hidden: Array, rows: tokens.Ragged, i: int, pooling: str) -> Array:
    """Return the pooled vector of row i from its (s, width) hidden states."""
    if pooling == "sides":
        second = tokens.seconds(rows, np.array([i]), len(hidden))[0] > 0
        return np.concatenate(
            [side.mean(0) if len(side) else 0 * hidden[0] for side in (hidden[~second], hidden[second])]
        )
    if pooling == "sqrt":
        return np.asarray(hidden.sum(0) / np.sqrt(len(hidden)))
    last = hidden[-1]
    vector: Array = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0), "none": hidden, "last": last}[
        pooling
    ]
    return vector


def _layers(head: Head | None) -> list[Layer]:
    if head is None:
        return []
    many = [(head[0], head[1], "linear")] if isinstance(head, tuple) and len(head) == 2 else list(head)
    checked: list[Layer] = []
    for weight, bias, activation in many:
        if activation not in _ACTIVATIONS:
            choices = ", ".join(_ACTIVATIONS)
            raise BundleError(f"a head cannot have the activation {activation!r}: choose one of {choices}.")
        checked.append((np.asarray(weight, np.float32), np.asarray(bias, np.float32), activation))
    return checked


def _softmax(logits: Array) -> Array:
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = exp / exp.sum(axis=1, keepdims=True)
    return shares
