"""A student's first weights from its teacher: factorized word embeddings, and copies of some layers.

Knows modules and arrays; never text. Random weights would need about a hundred times as many sentences.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from penna.data.arrays import Array
from penna.encoders import checkpoints
from penna.encoders.checkpoints import Checkpoint
from penna.errors import EncoderError, SettingError
from penna.onnx_graphs import encoder_weights
from penna.onnx_graphs.encoder_weights import Layer, Norm, Parts
from penna.pretraining.network import Network
from penna.pretraining.vocabulary import Vocabulary

_PLACES = 16  # positions at which embeddings are compared


def chosen(text: str, distinct: int, layers: int) -> list[int]:
    """Return which of the teacher's ``layers`` (from 1) become the student's ``distinct`` ones.

    Raises SettingError if the numbers do not fit.

    >>> chosen("auto", 3, 6), chosen("2,4,6", 3, 6)
    ([1, 3, 5], [2, 4, 6])
    """
    if text == "auto":
        return [1 + number * layers // distinct for number in range(distinct)]
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != distinct or not all(1 <= number <= layers for number in numbers):
        raise SettingError(
            f"--init-from-teacher {text!r} cannot be: the student has {distinct} distinct layers, so name {distinct} "
            f"of the teacher's, 1 to {layers}, like {','.join(map(str, chosen('auto', distinct, layers)))}; or write "
            "auto."
        )
    return numbers


def borrow(network: Network, teacher: Checkpoint, vocabulary: Vocabulary, which: str) -> None:
    """Overwrite embeddings and layers of ``network`` with those of ``teacher``; heads and pooler do not change.

    If the student's embeddings are narrower, they are the principal components of the teacher's (the factorization of
    ALBERT, Lan et al. 2020, in reverse). Their projection to the layers' width is the least-squares fit to the input
    of the teacher's first layer. Raises EncoderError if the dimensions differ.
    """
    read = encoder_weights.read(checkpoints.load_module(teacher), min(network.shape.positions, teacher.max_length))
    distinct = list(dict.fromkeys(network.parts.layers))
    _check(network, teacher, read)
    rows = _rows(teacher, vocabulary)
    with torch.no_grad():
        for layer, number in zip(distinct, chosen(which, len(distinct), len(read.order)), strict=True):
            _put(layer, read.layers[read.order[number - 1]])
        _embed(network, read, rows)


def _check(network: Network, teacher: Checkpoint, read: Parts) -> None:
    mine = (network.shape.hidden, network.shape.heads, network.shape.ffn)
    its = (read.width, read.heads, read.layers[0].up.bias.shape[0])
    if mine != its:
        raise EncoderError(
            f"the teacher's layers do not fit: {teacher.name!r} is made for --hidden-size {its[0]} --heads {its[1]} "
            f"--intermediate-size {its[2]}, and the student has {mine[0]}, {mine[1]} and {mine[2]}."
        )
    if read.padding is not None or read.distances is not None:
        raise EncoderError(
            f"--init-from-teacher cannot copy from a {teacher.kind}: it encodes positions in another way."
        )


def _rows(teacher: Checkpoint, vocabulary: Vocabulary) -> Array:
    """Return (size,) the teacher's id of each of the student's tokens."""
    teacher_ids = checkpoints.load_tokenizer(teacher).get_vocab(with_added_tokens=True)
    rows = np.full(vocabulary.size, -1)
    for token, number in vocabulary.tokenizer.get_vocab(with_added_tokens=True).items():
        rows[number] = teacher_ids.get(token, -1)
    if (rows < 0).any():
        raise EncoderError(
            f"the teacher {teacher.name!r} does not know {int((rows < 0).sum()):,} of the student's tokens: "
            "give its folder as --tokenizer."
        )
    return rows


def _embed(network: Network, read: Parts, rows: Array) -> None:
    words, positions = read.words[rows].astype(np.float64), read.positions.astype(np.float64)
    embeddings, project = _embeddings(network)
    narrow = network.shape.embedding
    seen = _normalized(words + positions[1 + np.arange(len(words)) % min(_PLACES, len(positions) - 1)], read.norm)
    if project is None:
        _set(embeddings.LayerNorm.weight, read.norm.scale)
        _set(embeddings.LayerNorm.bias, read.norm.shift)
    else:
        if read.project is not None:  # the teacher's own embeddings are narrow
            seen = seen @ read.project.weight + read.project.bias
        words, positions = _components(words, positions, narrow)
        plain = Norm(np.ones(narrow), np.zeros(narrow), read.norm.epsilon)
        mine = _normalized(words + positions[1 + np.arange(len(words)) % min(_PLACES, len(positions) - 1)], plain)
        _set(embeddings.LayerNorm.weight, plain.scale)
        _set(embeddings.LayerNorm.bias, plain.shift)
        solution, *_ = np.linalg.lstsq(np.c_[mine, np.ones(len(mine))], seen, rcond=None)
        _set(project.weight, solution[:-1].T)
        _set(project.bias, solution[-1])
    _set(embeddings.word_embeddings.weight, words)
    _set(embeddings.position_embeddings.weight[: len(positions)], positions)
    # The teacher's first type is part of its positions; the second starts equal to it.
    embeddings.token_type_embeddings.weight.zero_()


def _components(words: Array, positions: Array, narrow: int) -> tuple[Array, Array]:
    """Project both on the ``narrow`` directions in which words vary most."""
    if narrow >= words.shape[1]:
        return words, positions
    centre = words.mean(0)
    _, directions = np.linalg.eigh((words - centre).T @ (words - centre))
    best = directions[:, ::-1][:, :narrow]
    return (words - centre) @ best, positions @ best


def _normalized(x: Array, norm: Norm) -> Array:
    x = x - x.mean(-1, keepdims=True)
    out: Array = x / np.sqrt((x * x).mean(-1, keepdims=True) + norm.epsilon) * norm.scale + norm.shift
    return out


def _embeddings(network: Network) -> tuple[Any, nn.Linear | None]:
    """Return the embeddings, and their projection to the layers' width."""
    model: Any = network.model
    if network.shape.kind == "albert":
        return model.albert.embeddings, model.albert.encoder.embedding_hidden_mapping_in
    return model.bert.embeddings, None


def _put(layer: Any, borrowed: Layer) -> None:
    queries, keys, values = np.split(borrowed.qkv.weight, 3, axis=1)
    biases = np.split(borrowed.qkv.bias, 3)
    albert = hasattr(layer, "ffn")
    inside = layer.attention if albert else layer.attention.self
    for module, weight, bias in zip(
        (inside.query, inside.key, inside.value), (queries, keys, values), biases, strict=True
    ):
        _dense(module, weight, bias)
    outside = layer.attention if albert else layer.attention.output
    _dense(outside.dense, borrowed.out.weight, borrowed.out.bias)
    _norm(outside.LayerNorm, borrowed.attended)
    up, down = (layer.ffn, layer.ffn_output) if albert else (layer.intermediate.dense, layer.output.dense)
    _dense(up, borrowed.up.weight, borrowed.up.bias)
    _dense(down, borrowed.down.weight, borrowed.down.bias)
    _norm(layer.full_layer_layer_norm if albert else layer.output.LayerNorm, borrowed.done)


def _dense(module: nn.Linear, weight: Array, bias: Array) -> None:
    _set(module.weight, weight.T)
    _set(module.bias, bias)


def _norm(module: nn.LayerNorm, norm: Norm) -> None:
    _set(module.weight, norm.scale)
    _set(module.bias, norm.shift)


def _set(parameter: torch.Tensor, values: Array | Sequence[float]) -> None:
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values, np.float32)))
