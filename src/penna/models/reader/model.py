"""A trained reader, in torch and as it is served. No torch at import."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows, tokens, word_alignment
from penna.models.tagger.model import BATCH, CHUNK, save_weights

if TYPE_CHECKING:
    from penna.encoders.sliding_windows import Frame
    from penna.export import ServedEncoder
    from penna.networks.token_head import WordNetwork
    from penna.training import loop


def read(checkpoint: checkpoints.Checkpoint, table: Table, length: int) -> word_alignment.Worded:
    """Return the second texts of a table of pairs, the first ones before them."""
    tokenizer = checkpoints.load_tokenizer(checkpoint)
    return _read(tokenizer, sliding_windows.Frame.of(tokenizer, checkpoint.types), table, length, checkpoint.pad)


def _read(tokenizer: Any, frame: Frame, table: Table, length: int, pad: int) -> word_alignment.Worded:
    assert table.pair is not None, "only for pairs"
    questions, texts = (list(table.text[name]) for name in table.pair)
    return word_alignment.read(
        tokenizer, frame, texts, partial(word_offsets.words, rule=word_offsets.FOUND), length, pad, leads=questions
    )


def places_of(texts: word_alignment.Worded) -> tuple[Array, Array]:
    """(rows, 1 + most) places of what is pointed at in each row, and words' numbers.

    First comes the row's first token, which stands for no answer (number -2).
    """
    at, numbers = texts.by_window()
    first = np.zeros((len(at), 1), np.int64)
    return np.concatenate([first, at], axis=1), np.concatenate([first - 2, numbers], axis=1)


def inputs_of(rows: tokens.Ragged, at: Array) -> Any:
    """Return a function from row numbers to one padded batch of tensors."""
    import torch

    def inputs(index: Array) -> loop.Inputs:
        ids, mask = tokens.padded(rows, index, even=True)
        types = tokens.types(rows, index, ids.shape[1])
        given = {"input_ids": ids, "attention_mask": mask, "words": at[index]}
        given |= {} if types is None else {"token_type_ids": types}
        return {name: torch.from_numpy(array) for name, array in given.items()}

    return inputs


def outputs_of(texts: word_alignment.Worded, logits: Array, numbers: Array) -> Array:
    """(n,) object: (words + 1, 2) float32, each column a distribution, from (rows, 1 + most, 2) logits.

    What says "no answer" least among a text's rows says it for the text.
    """
    flat = np.full((len(texts.window), 2), -np.inf, np.float32)
    there = numbers >= 0
    flat[numbers[there]] = logits[there]
    text_of = np.searchsorted(texts.starts, np.arange(len(logits)), side="right") - 1
    none = np.full((len(texts.offsets) - 1, 2), np.inf, np.float32)
    np.minimum.at(none, text_of, logits[:, 0])
    rows = ragged.cut(flat, texts.offsets)
    return ragged.objects(_shares(np.concatenate([none[i : i + 1], row])) for i, row in enumerate(rows))


def _shares(logits: Array) -> Array:
    exp = np.exp((logits - logits.max(axis=0, keepdims=True)).astype(np.float64))
    return np.asarray(exp / exp.sum(axis=0, keepdims=True), np.float32)


def answered(network: WordNetwork, texts: word_alignment.Worded, dtype: Any) -> Array:
    """Return what the network says of texts."""
    from penna.training import loop

    at, numbers = places_of(texts)
    logits = np.zeros((*at.shape, 2), np.float32)
    for start in range(0, len(texts.rows), CHUNK):
        part = np.arange(start, min(start + CHUNK, len(texts.rows)))
        rows = texts.rows.take(part)
        logits[part] = loop.outputs(network, rows.lengths, inputs_of(rows, at[part]), BATCH, dtype).numpy()
    return outputs_of(texts, logits, numbers)


@dataclass(frozen=True, eq=False)
class Reader:
    """A trained encoder that points at words.

    Of the training rows ``long_share`` were read by windows, and of ``truncated_share`` the question was cut.
    """

    network: WordNetwork
    checkpoint: checkpoints.Checkpoint
    length: int
    long_share: float
    truncated_share: float
    outcome: loop.Outcome

    windows = 0  # as many as a text takes

    def outputs(self, table: Table) -> Array:
        """(n,) object of (words + 1, 2), in the number format that is fastest here."""
        from penna.training import precision

        if not len(table):
            return ragged.objects([])
        return answered(self.network, read(self.checkpoint, table, self.length), precision.fastest_dtype())

    def save(self, folder: Path) -> None:
        """Write the ONNX graph with its tokenizer, in float32."""
        network = self.network.cpu().eval()
        head = (network.head.weight.detach().numpy(), network.head.bias.detach().numpy())
        framing = sliding_windows.framing(self.checkpoint, self.length, pair=True, windows=sliding_windows.MOST_WINDOWS)
        encoder = export.EncoderExport(network.encoder, self.checkpoint, self.length, head, "none", framing)
        export.write_encoder(encoder, folder)

    def save_checkpoint(self, folder: Path) -> None:
        """Write the weights in Hugging Face form: ``AutoModel`` opens the encoder; head.safetensors holds the head."""
        save_weights(self.network, self.checkpoint, self.length, folder)


@dataclass(frozen=True, eq=False)
class ServedReader:
    """A reader as it is served, and the folder that it was opened from."""

    graph: ServedEncoder
    folder: Path

    def outputs(self, table: Table) -> Array:
        """(n,) object of (words + 1, 2) float32."""
        facts = self.graph.facts
        assert facts.framing is not None, "checked when it was opened"
        out: list[Array] = []
        for part in table.batches(CHUNK):
            texts = _read(self.graph.tokenizer, facts.framing.frame, part, facts.length, facts.pad)
            at, numbers = places_of(texts)
            logits = np.zeros((*at.shape, 2), np.float32)
            for i, states in enumerate(self.graph.each(texts.rows)):
                logits[i] = states[np.maximum(at[i], 0)]
            out += list(outputs_of(texts, logits, numbers))
        return ragged.objects(out)

    def save(self, folder: Path) -> None:
        """Write a copy of what was opened."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
