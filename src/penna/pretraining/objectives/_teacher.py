"""The teacher of a distillation: any encoder, without gradients. Knows tensors, tokens and a checkpoint."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from penna.data.arrays import Array
from penna.encoders import checkpoints
from penna.errors import EncoderError
from penna.pretraining.batch import Batch
from penna.pretraining.vocabulary import Vocabulary

#: The three projections of an attention layer, by the last part of their names in every architecture with relations.
PROJECTIONS = ("query", "key", "value")


@dataclass(frozen=True)
class Seen:
    """A teacher's states and mask, in its own tokens."""

    last: torch.Tensor  # (b, t, width)
    before: torch.Tensor | None  # (b, t, width): the input of the last layer, if requested
    mask: torch.Tensor  # (b, t) bool


class Teacher:
    """A frozen encoder. ``same`` is True if it has all of the student's tokens."""

    def __init__(self, name: str, vocabulary: Vocabulary, dtype: str, device: str) -> None:
        self.checkpoint = checkpoints.find(name)
        self.tokenizer = checkpoints.load_tokenizer(self.checkpoint)
        self.vocabulary = vocabulary
        self.number = _numbers(self.tokenizer, vocabulary)
        self.same = self.number is not None
        self.module: Any = checkpoints.load_module(self.checkpoint, dtype=dtype).to(device).requires_grad_(False)
        self.width = self.checkpoint.width
        if device == "cpu" and dtype == "bfloat16" and hasattr(self.module, "set_attn_implementation"):
            self.module.set_attn_implementation("eager")  # as in encoders.embeddings: plain products are as fast there

    @property
    def projections(self) -> list[nn.Module]:
        """The projections of its last layer. Raises EncoderError if they have unusual names."""
        return projections(self.module, self.checkpoint.name)

    @property
    def flops(self) -> float:
        """The FLOPs of one pass per token, without attention over long texts."""
        table = self.module.get_input_embeddings().weight
        weights = [p.numel() for p in self.module.parameters() if p.ndim == 2 and p is not table]
        per_call = 2.0 * float(sum(weights))
        # A shared layer is stored once and applied many times.
        return per_call * (self.checkpoint.layers if self.checkpoint.shared_layers else 1)

    def check(self, length: int, whole_tokens: bool) -> None:
        """Raise EncoderError if this teacher cannot provide the requested parts."""
        if whole_tokens and not self.same:
            raise EncoderError(
                f"the teacher {self.checkpoint.name!r} splits text into other tokens than --tokenizer, so there are "
                "no hidden states to compare: use its tokenizer, or --distil pooled,similarity."
            )
        if self.same and length > self.checkpoint.max_length:
            raise EncoderError(
                f"the teacher {self.checkpoint.name!r} reads {self.checkpoint.max_length} tokens, not {length}: "
                f"give --max-seq-length {self.checkpoint.max_length}."
            )

    def read(self, batch: Batch, rows: slice) -> tuple[Array, Array]:
        """Return (b, t) ids and a (b, t) bool mask of these rows, in its own tokens."""
        if self.number is not None:
            return self.number[batch.ids[rows]], batch.mask[rows]
        texts = self._texts(batch, rows)
        cut = [e.ids for e in self.tokenizer.encode_batch(texts)]
        longest = self.checkpoint.max_length
        # A truncated text keeps its last token, the end mark.
        cut = [ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]] for ids in cut]
        lengths = np.array([len(ids) for ids in cut])
        mask = np.arange(lengths.max())[None, :] < lengths[:, None]
        out = np.full(mask.shape, self.checkpoint.pad, np.int32)
        out[mask] = np.concatenate(cut)
        return out, mask

    def _texts(self, batch: Batch, rows: slice) -> list[str]:
        tokens = zip(batch.ids[rows], batch.lengths[rows], strict=True)
        texts: list[str] = self.vocabulary.tokenizer.decode_batch([ids[:n].tolist() for ids, n in tokens])
        return texts

    def see(self, ids: torch.Tensor, mask: torch.Tensor, deep: bool) -> Seen:
        """Return its states of (b, t) ids, with the input of the last layer if ``deep``."""
        with torch.no_grad():
            out = self.module(input_ids=ids, attention_mask=mask.long(), output_hidden_states=deep)
        return Seen(out.last_hidden_state.float(), out.hidden_states[-2].float() if deep else None, mask)


def _numbers(tokenizer: Any, vocabulary: Vocabulary) -> Array | None:
    """Return (size,) int32, the teacher's id of each of the student's tokens; None if it splits text differently.

    The student may have fewer tokens: the teacher also understands a rare word in pieces.
    """
    own, other = (json.loads(t.to_str()) for t in (tokenizer, vocabulary.tokenizer))
    if any(own[part] != other[part] for part in ("normalizer", "pre_tokenizer")):
        return None
    teacher_ids, numbers = tokenizer.get_vocab(with_added_tokens=True), np.zeros(vocabulary.size, np.int32)
    for token, number in vocabulary.tokenizer.get_vocab(with_added_tokens=True).items():
        if token not in teacher_ids:
            return None
        numbers[number] = teacher_ids[token]
    return numbers


def projections(module: nn.Module, name: str) -> list[nn.Module]:
    """Return the last modules called query, key and value inside ``module``. Raise EncoderError if one is missing."""
    modules = []
    for projection in PROJECTIONS:
        named = [m for n, m in module.named_modules() if n.rsplit(".", 1)[-1] == projection]
        if not named:
            raise EncoderError(
                f"the encoder {name!r} has no query, key and value layers: leave relations out of --distil."
            )
        modules.append(named[-1])
    return modules


def heads(one: int, other: int, most: int = 16) -> int:
    """Return the largest number of parts, up to ``most``, that divides both widths.

    >>> heads(384, 768), heads(192, 384)
    (16, 16)
    """
    return max(n for n in range(1, most + 1) if math.gcd(one, other) % n == 0)
