"""A trained tagger, in torch and as it is served. No torch at import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export, safe_load
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows, tokens, word_alignment
from penna.features import crf_attributes
from penna.heads.crf_marginals import marginals
from penna.solvers.logistic import softmax

if TYPE_CHECKING:
    from penna.export import ServedEncoder
    from penna.networks.token_head import WordNetwork
    from penna.training import loop

WORDS = "words.json"
_LARGEST = 4 << 20
#: Rows scored at once, and kept in memory at once.
BATCH, CHUNK = 64, 4096
#: What a tag after another may score: beyond, a chain could not be counted through.
_MOST = 300.0


def read(checkpoint: checkpoints.Checkpoint, table: Table, length: int, rule: str) -> word_alignment.Worded:
    """Return a table's words in rows of tokens."""
    tokenizer = checkpoints.load_tokenizer(checkpoint)
    frame = sliding_windows.Frame.of(tokenizer, 1)
    texts = list(table.full_text)
    made = word_alignment.read(tokenizer, frame, texts, partial(word_offsets.words, rule=rule), length, checkpoint.pad)
    return replace(made, cues=cues_of(texts, rule))


def cues_of(texts: Sequence[str], rule: str) -> Array:
    """(w, CUES) of all words of all texts."""
    parts = [crf_attributes.cues([t[a:b] for a, b in word_offsets.words(t, rule).tolist()]) for t in texts]
    return np.concatenate([np.zeros((0, crf_attributes.CUES), np.float32), *parts])


def inputs_of(rows: tokens.Ragged, at: Array, cues: Array) -> Any:
    """Return a function from row numbers to one padded batch of tensors.

    ``at`` (rows, most) places of words, ``cues`` of them.
    """
    import torch

    def inputs(index: Array) -> loop.Inputs:
        ids, mask = tokens.padded(rows, index, even=True)
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "words": torch.from_numpy(at[index]),
            "cues": torch.from_numpy(cues[index]),
        }

    return inputs


def probabilities(network: WordNetwork, texts: word_alignment.Worded, dtype: Any) -> Array:
    """(n,) object: (words, tags) float32 of each text."""
    logits, there = _logits(network, texts, dtype), texts.window >= 0
    return answered(logits[there], there, texts.offsets, _array(network.transitions))


def _logits(network: WordNetwork, texts: word_alignment.Worded, dtype: Any) -> Array:
    """(w, tags) float32 of all words one after another; zeros of those that have no token."""
    from penna.training import loop

    at, numbers = texts.by_window()
    flat = np.zeros((len(texts.window), network.head.out_features), np.float32)
    for start in range(0, len(texts.rows), CHUNK):
        part = np.arange(start, min(start + CHUNK, len(texts.rows)))
        rows = texts.rows.take(part)
        inputs = inputs_of(rows, at[part], cues_at(texts, numbers[part]))
        logits = loop.outputs(network, rows.lengths, inputs, BATCH, dtype).numpy()
        there = numbers[part] >= 0
        flat[numbers[part][there]] = logits[:, : there.shape[1]][there]  # what tags score after tags stands behind
    return flat


def answered(logits: Array, there: Array, offsets: Array, transitions: Array | None) -> Array:
    """(n,) object of (words, tags) probabilities, from the logits of those words that have a token.

    ``there`` (w,) says of all words which, ``transitions`` (tags, tags) what a tag after another scores. Windows of a
    text are one row.
    """
    flat = nothing(len(there), logits.shape[1])
    if transitions is None:
        flat[there] = softmax(logits)
    elif len(logits):
        counts = np.diff(np.concatenate([[0], np.cumsum(there)])[offsets])
        flat[there] = np.concatenate(marginals(logits, counts, transitions))
    return ragged.cut(flat, offsets)


def _array(tensor: Any) -> Any:
    """Return the same in numpy; None where there is none."""
    return None if tensor is None else tensor.detach().float().cpu().numpy()


def cues_at(texts: word_alignment.Worded, numbers: Array) -> Array:
    """Return the cues of words by their (rows, most) numbers, zeros where there is none."""
    assert texts.cues is not None, "read with them"
    known = np.concatenate([texts.cues, np.zeros((1, texts.cues.shape[1]), np.float32)])
    return np.asarray(known[numbers])  # -1 is the last


def nothing(count: int, tags: int) -> Array:
    """Return what is answered for words that have no token: they are outside."""
    out = np.zeros((count, tags), np.float32)
    out[:, 0] = 1.0
    return out


@dataclass(frozen=True, eq=False)
class Tagger:
    """A trained encoder with a head on words. ``long_share`` of the training rows were read by windows; none is cut."""

    network: WordNetwork
    checkpoint: checkpoints.Checkpoint
    rule: str
    length: int
    long_share: float
    outcome: loop.Outcome
    truncated_share: float = 0.0

    windows = 0  # as many as a text takes

    def outputs(self, table: Table) -> Array:
        """(n,) object of (words, tags), in the number format that is fastest here."""
        from penna.training import precision

        if not len(table):
            return ragged.objects([])
        texts = read(self.checkpoint, table, self.length, self.rule)
        return probabilities(self.network, texts, precision.fastest_dtype())

    def save(self, folder: Path) -> None:
        """Write the ONNX graph with its tokenizer, in float32."""
        network = self.network.cpu().eval()
        head = (_array(network.head.weight), _array(network.head.bias))
        framing = sliding_windows.framing(self.checkpoint, self.length, windows=sliding_windows.MOST_WINDOWS)
        encoder = export.EncoderExport(network.encoder, self.checkpoint, self.length, head, "none", framing)
        export.write_encoder(encoder, folder)
        data = {"format": 1, "rule": self.rule, "cues": _array(network.cues.weight).tolist()}
        if network.transitions is not None:
            data["transitions"] = _array(network.transitions).tolist()
        (folder / WORDS).write_text(json.dumps(data), encoding="utf-8")
        opened = ServedTagger(export.load_encoder(folder), folder, *open_words(folder, len(head[1])))
        export.record_difference(
            folder, opened.graph.facts, max(opened.graph.facts.parity or 0.0, self._difference(opened))
        )

    def _difference(self, opened: ServedTagger) -> float:
        """Return the largest difference in probability between the network and the served model."""
        import torch

        table = Table({"text": ragged.objects(export.SAMPLE)})
        texts = read(self.checkpoint, table, self.length, self.rule)
        logits, seen = _logits(self.network, texts, "float32"), texts.window >= 0
        worst = 0.0
        for row, there, found in zip(
            ragged.cut(logits, texts.offsets), ragged.cut(seen, texts.offsets), opened.outputs(table), strict=True
        ):
            if there.any():
                expected = self.network.shares(torch.from_numpy(row[there])).detach().numpy()
                worst = max(worst, float(np.abs(expected - found[there]).max()))
        return worst

    def save_checkpoint(self, folder: Path) -> None:
        """Write the weights in Hugging Face form: ``AutoModel`` opens the encoder; head.safetensors holds the head."""
        save_weights(self.network, self.checkpoint, self.length, folder)


@dataclass(frozen=True, eq=False)
class ServedTagger:
    """A tagger as it is served, and the folder that it was opened from."""

    graph: ServedEncoder
    folder: Path
    rule: str
    cues: Array  # (tags, CUES)
    transitions: Array | None = None  # (tags, tags)

    def outputs(self, table: Table) -> Array:
        """(n,) object of (words, tags) float32."""
        facts = self.graph.facts
        assert facts.framing is not None, "checked when it was opened"
        place = partial(word_offsets.words, rule=self.rule)
        out: list[Array] = []
        for part in table.batches(CHUNK):
            given = list(part.full_text)
            texts = word_alignment.read(
                self.graph.tokenizer, facts.framing.frame, given, place, facts.length, facts.pad
            )
            there, states = texts.window >= 0, self.graph.each(texts.rows)
            picked = [states[w][t] for w, t in zip(texts.window[there], texts.token[there], strict=True)]
            logits = np.reshape(picked, (-1, facts.outputs)) + cues_of(given, self.rule)[there] @ self.cues.T
            out += list(answered(logits, there, texts.offsets, self.transitions))
        return ragged.objects(out)

    def save(self, folder: Path) -> None:
        """Write a copy of what was opened."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def open_words(folder: Path, tags: int) -> tuple[str, Array, Array | None]:
    """How words are found, (tags, CUES) what their cues add, and (tags, tags) what a tag after another scores, or None.

    Raises BundleError on anything damaged.
    """
    path = folder / WORDS
    with safe_load.damaged(path):
        data = safe_load.load_json(path, _LARGEST)
        rule, cues = data["rule"], np.array(data["cues"], np.float32)
        steps = np.array(data["transitions"], np.float32) if "transitions" in data else None
        if rule not in word_offsets.RULES or cues.shape != (tags, crf_attributes.CUES) or not np.isfinite(cues).all():
            raise ValueError("its parts do not go with its graph")
        if steps is not None and (steps.shape != (tags, tags) or not (np.abs(steps) < _MOST).all()):
            raise ValueError("what its tags score after one another does not go with its graph")
    return str(rule), cues, steps


def save_weights(trained: WordNetwork, checkpoint: checkpoints.Checkpoint, length: int, folder: Path) -> None:
    """Write the encoder in Hugging Face form, with its tokenizer, and the head next to it."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    network: Any = trained.cpu()
    network.encoder.save_pretrained(folder)
    checkpoints.load_tokenizer(checkpoint).save(str(folder / "tokenizer.json"))
    head = {"weight": network.head.weight.detach(), "bias": network.head.bias.detach()}
    head["cues"] = network.cues.weight.detach()
    if network.transitions is not None:
        head["transitions"] = network.transitions.detach()
    save_file(head, folder / "head.safetensors", metadata={"pooling": "none", "length": str(length)})
