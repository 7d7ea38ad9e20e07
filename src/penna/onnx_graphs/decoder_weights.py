"""The weights of a decoder with cross-attention as plain arrays. Knows the modules of transformers, nothing of ONNX.

No torch at import.
"""

from dataclasses import dataclass
from typing import Any

from penna.data.arrays import Array
from penna.encoders import subword_tokenizer
from penna.onnx_graphs.encoder_weights import Dense, Layer, Norm, _array, _bert_layer, _dense, _norm, _positions


@dataclass(frozen=True)
class DecoderLayer:
    """An encoder layer with a second attention, over the encoder's states."""

    layer: Layer
    query: Dense
    key: Dense
    value: Dense
    across: Dense
    crossed: Norm


@dataclass(frozen=True)
class DecoderParts:
    """A whole decoder. ``order`` is the index in ``layers`` for each depth; shared layers are stored once."""

    words: Array  # (vocabulary, width)
    positions: Array  # (length, width), the token type added
    norm: Norm
    layers: tuple[DecoderLayer, ...]
    order: tuple[int, ...]
    heads: int
    activation: str
    change: Dense  # applied to the last states before the output embeddings
    changed: Norm
    answers: Array | None  # (vocabulary, width) output embeddings, if not tied to the input
    bias: Array  # (vocabulary,); very low for tokens that are never generated

    @property
    def width(self) -> int:
        """The width of the layers."""
        return int(self.words.shape[1])


def read(module: Any) -> DecoderParts:
    """Return the parts of a BertLMHeadModel with cross-attention."""
    body, head = module.bert, module.cls.predictions
    distinct = list(dict.fromkeys(body.encoder.layer))
    tied = head.decoder.weight is body.embeddings.word_embeddings.weight
    return DecoderParts(
        words=_array(body.embeddings.word_embeddings.weight),
        positions=_positions(body.embeddings, module.config.max_position_embeddings),
        norm=_norm(body.embeddings.LayerNorm),
        layers=tuple(map(_layer, distinct)),
        order=tuple(distinct.index(layer) for layer in body.encoder.layer),
        heads=module.config.num_attention_heads,
        activation=module.config.hidden_act,
        change=_dense(head.transform.dense),
        changed=_norm(head.transform.LayerNorm),
        answers=None if tied else _array(head.decoder.weight),
        bias=_allowed(_array(head.decoder.bias)),
    )


def _allowed(bias: Array) -> Array:
    out = bias.copy()
    out[list(subword_tokenizer.NEVER)] = -1e4
    return out


def _layer(layer: Any) -> DecoderLayer:
    inside, outside = layer.crossattention.self, layer.crossattention.output
    return DecoderLayer(
        layer=_bert_layer(layer),
        query=_dense(inside.query),
        key=_dense(inside.key),
        value=_dense(inside.value),
        across=_dense(outside.dense),
        crossed=_norm(outside.LayerNorm),
    )
