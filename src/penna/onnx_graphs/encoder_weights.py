"""The weights of an encoder as plain arrays, in one form for all architectures.

Knows the modules of transformers, nothing of ONNX. No torch at import.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.errors import BundleError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Dense:
    """y = x @ weight + bias; weight (in, out), bias (out,)."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class QuantizedDense(Dense):
    """A dense layer in int8: weight (in, out) int8, times ``scale`` (out,) float32 by column.

    Its input, times ``smoothing`` (in,), becomes uint8 by ``input_scale`` () float32 and ``input_zero`` () uint8. These
    are constants: a row's output is the same in any batch.
    """

    scale: Array
    input_scale: Array
    input_zero: Array
    smoothing: Array | None = None


@dataclass(frozen=True)
class Norm:
    """Layer normalization; scale and shift (width,)."""

    scale: Array
    shift: Array
    epsilon: float


@dataclass(frozen=True)
class Layer:
    """Attention, then a feed-forward block, each with a residual connection and a normalization after it."""

    qkv: Dense  # queries, keys and values side by side: (width, 3 width)
    out: Dense
    attended: Norm
    up: Dense
    down: Dense
    done: Norm


@dataclass(frozen=True)
class Parts:
    """A whole encoder. ``order`` is the index in ``layers`` for each depth: ALBERT repeats a few layers."""

    words: Array  # (vocabulary, embedding width) float32, or int8 with ``word_scales``
    positions: Array  # (length, embedding width), with the token type; ``padding`` + 1 more rows if padding is set
    norm: Norm
    project: Dense | None  # from embedding width to width, if they differ
    layers: tuple[Layer, ...]
    order: tuple[int, ...]
    heads: int
    activation: str
    padding: int | None = None  # RoBERTa: positions count from here, without tokens of this id
    distances: Array | None = None  # MPNet: (heads, 2 length - 1), the attention bias of each distance
    word_scales: Array | None = None  # (vocabulary, 1) float32
    second: Array | None = None  # (embedding width,) added to tokens of type 1; None if not requested

    @property
    def width(self) -> int:
        """The width of the layers."""
        return int(self.layers[0].out.weight.shape[1])


def read(module: "torch.nn.Module", length: int, *, typed: bool = False) -> Parts:
    """Return the parts of a transformers encoder, for at most ``length`` tokens, of two types if ``typed``."""
    parts = _read(module, length)
    return replace(parts, second=_second(module)) if typed else parts


def _read(encoder: Any, length: int) -> Parts:
    kind = encoder.config.model_type
    if kind == "albert":
        return _albert(encoder, length)
    if kind == "distilbert":
        return _distilbert(encoder, length)
    if kind in ("bert", "electra", "roberta", "xlm-roberta", "camembert", "mpnet"):
        return _bert(encoder, length)
    raise BundleError(f"an encoder of architecture {kind!r} cannot be written as a graph: choose another encoder.")


def _bert(encoder: Any, length: int) -> Parts:
    config = encoder.config
    pack = _mpnet_layer if config.model_type == "mpnet" else _bert_layer
    layers = tuple(pack(layer) for layer in encoder.encoder.layer)
    return Parts(
        words=_array(encoder.embeddings.word_embeddings.weight),
        positions=_positions(encoder.embeddings, length),
        norm=_norm(encoder.embeddings.LayerNorm),
        project=_dense(encoder.embeddings_project) if hasattr(encoder, "embeddings_project") else None,
        layers=layers,
        order=tuple(range(len(layers))),
        heads=config.num_attention_heads,
        activation=config.hidden_act,
        padding=getattr(encoder.embeddings, "padding_idx", None),
        distances=_distances(encoder.encoder, length) if config.model_type == "mpnet" else None,
    )


def _albert(encoder: Any, length: int) -> Parts:
    config = encoder.config
    groups = encoder.encoder.albert_layer_groups
    inner = config.inner_group_num
    order: list[int] = []
    for depth in range(config.num_hidden_layers):
        group = int(depth / (config.num_hidden_layers / config.num_hidden_groups))
        order += range(group * inner, (group + 1) * inner)
    return Parts(
        words=_array(encoder.embeddings.word_embeddings.weight),
        positions=_positions(encoder.embeddings, length),
        norm=_norm(encoder.embeddings.LayerNorm),
        project=_dense(encoder.encoder.embedding_hidden_mapping_in),
        layers=tuple(_albert_layer(layer) for group in groups for layer in group.albert_layers),
        order=tuple(order),
        heads=config.num_attention_heads,
        activation=config.hidden_act,
    )


def _distilbert(encoder: Any, length: int) -> Parts:
    layers = tuple(_distilbert_layer(layer) for layer in encoder.transformer.layer)
    return Parts(
        words=_array(encoder.embeddings.word_embeddings.weight),
        positions=_positions(encoder.embeddings, length),
        norm=_norm(encoder.embeddings.LayerNorm),
        project=None,
        layers=layers,
        order=tuple(range(len(layers))),
        heads=encoder.config.n_heads,
        activation=encoder.config.activation,
    )


def _bert_layer(layer: Any) -> Layer:
    inside, outside = layer.attention.self, layer.attention.output
    return Layer(
        qkv=_side_by_side(inside.query, inside.key, inside.value),
        out=_dense(outside.dense),
        attended=_norm(outside.LayerNorm),
        up=_dense(layer.intermediate.dense),
        down=_dense(layer.output.dense),
        done=_norm(layer.output.LayerNorm),
    )


def _mpnet_layer(layer: Any) -> Layer:
    inside = layer.attention.attn
    return Layer(
        qkv=_side_by_side(inside.q, inside.k, inside.v),
        out=_dense(inside.o),
        attended=_norm(layer.attention.LayerNorm),
        up=_dense(layer.intermediate.dense),
        down=_dense(layer.output.dense),
        done=_norm(layer.output.LayerNorm),
    )


def _albert_layer(layer: Any) -> Layer:
    inside = layer.attention
    return Layer(
        qkv=_side_by_side(inside.query, inside.key, inside.value),
        out=_dense(inside.dense),
        attended=_norm(inside.LayerNorm),
        up=_dense(layer.ffn),
        down=_dense(layer.ffn_output),
        done=_norm(layer.full_layer_layer_norm),
    )


def _distilbert_layer(layer: Any) -> Layer:
    inside = layer.attention
    return Layer(
        qkv=_side_by_side(inside.q_lin, inside.k_lin, inside.v_lin),
        out=_dense(inside.out_lin),
        attended=_norm(layer.sa_layer_norm),
        up=_dense(layer.ffn.lin1),
        down=_dense(layer.ffn.lin2),
        done=_norm(layer.output_layer_norm),
    )


def _positions(embeddings: Any, length: int) -> Array:
    first = getattr(embeddings, "padding_idx", -1) + 1
    table = _array(embeddings.position_embeddings.weight)[: first + length]
    if len(table) < first + length:
        raise BundleError(
            f"the encoder has too few positions for a length of {length} tokens: choose a smaller length."
        )
    if hasattr(embeddings, "token_type_embeddings"):  # always type 0 here, so it is part of every position
        table = table + _array(embeddings.token_type_embeddings.weight)[0]
    return table


def _second(module: Any) -> Array:
    table = _array(module.embeddings.token_type_embeddings.weight)
    return np.asarray(table[1] - table[0])


def _distances(encoder: Any, length: int) -> Array:
    """Return (heads, 2 length - 1) biases; the column is length - 1 + (key - query)."""
    import torch

    with torch.inference_mode():
        bias = _array(encoder.compute_position_bias(torch.zeros(1, length, 1)))[0]
    return np.concatenate([bias[:, :0:-1, 0], bias[:, 0, :]], axis=1)


def _side_by_side(*modules: Any) -> Dense:
    parts = [_dense(module) for module in modules]
    return Dense(np.concatenate([p.weight for p in parts], axis=1), np.concatenate([p.bias for p in parts]))


def _dense(module: Any) -> Dense:
    return Dense(np.ascontiguousarray(_array(module.weight).T), _array(module.bias))


def _norm(module: Any) -> Norm:
    return Norm(_array(module.weight), _array(module.bias), float(module.eps))


def _array(tensor: Any) -> Array:
    array: Array = tensor.detach().float().cpu().numpy()
    return array
