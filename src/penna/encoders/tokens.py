"""Texts as token ids: computed once per tokenizer and text, cached on disk, in one flat array. Knows no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Objects, Table
from penna.encoders import cache as caches
from penna.encoders.cache import spans
from penna.encoders.checkpoints import Checkpoint, load_tokenizer, working

if TYPE_CHECKING:
    import tokenizers

Ids: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

CAP = 512  # rows are cached up to this length, or up to a longer requested length
CHARACTERS = 20  # per token: a longer text is cut before it is tokenized, so that a 2 MB cell costs nothing
_CHUNK = 1000


@dataclass(frozen=True)
class Ragged:
    """Rows of ids of different lengths: row i is ``values[offsets[i]:offsets[i + 1]]``.

    ``whole`` is each row's length before truncation (for a very long text, a lower bound). ``pad`` is the padding id.
    ``turns`` (n,) is the start of each row's second text, or None. ``typed`` means that the encoder gets token types.
    """

    values: Ids
    offsets: Array
    whole: Array
    pad: int = 0
    turns: Array | None = None
    typed: bool = True

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Array:
        """The (n,) int64 lengths of the rows."""
        return np.diff(self.offsets)

    def take(self, index: Array) -> "Ragged":
        """Return the rows at these positions, in this order."""
        flat, offsets = spans(self.offsets[:-1][index], self.lengths[index])
        turns = None if self.turns is None else self.turns[index]
        return Ragged(self.values[flat], offsets, self.whole[index], self.pad, turns, self.typed)


def tokenise(checkpoint: Checkpoint, table: Table, length: int, cache: Path | None) -> Ragged:
    """Return each row's ids with special tokens, cut to ``length`` (the closing special token stays)."""
    length = min(length, checkpoint.max_length)
    stored, closing = _kept(checkpoint, table, min(checkpoint.max_length, max(CAP, length)), cache)
    return _cut(stored, length, closing)


def inner(checkpoint: Checkpoint, table: Table, most: int, cache: Path | None) -> Ragged:
    """Return each row's first ids without special tokens, although these count among the ``most`` ids.

    ``most`` may exceed what the encoder reads at once; ``whole`` counts no special tokens. For a pair, call it for
    each side.
    """
    tokenizer = load_tokenizer(checkpoint)
    with working(checkpoint):
        closing, opening = len(_closing(tokenizer)), _opening(tokenizer)
    stored, _ = _kept(checkpoint, table, cap_of(checkpoint, most), cache)
    lengths = np.clip(stored.lengths - 1 - opening - closing, 0, most - opening - closing)
    flat, offsets = spans(stored.offsets[:-1] + 1 + opening, lengths)
    whole = np.maximum(stored.whole - opening - closing, 0)
    return Ragged(stored.values[flat].astype(np.int32, copy=False), offsets, whole, stored.pad)


def cap_of(checkpoint: Checkpoint, most: int) -> int:
    """Return how many ids of a text are cached if ``most`` are requested: few different values, so few caches."""
    return max(CAP, most) if most > checkpoint.max_length else min(checkpoint.max_length, max(CAP, most))


def _kept(checkpoint: Checkpoint, table: Table, cap: int, cache: Path | None) -> tuple[Ragged, Ids]:
    """Return rows of (whole length, ids cut to ``cap`` with special tokens), and the special tokens that end each."""
    store = None if cache is None else caches.Store(cache, f"tokens-{checkpoint.fingerprint}-{cap}")
    hashes, first = np.unique(table.hashes, return_index=True)
    segments = [] if store is None else store.segments(hashes)
    missing = ~caches.known(segments, hashes)
    tokenizer = load_tokenizer(checkpoint)
    with working(checkpoint):
        closing = _closing(tokenizer)
    if missing.any():
        with working(checkpoint):
            values, offsets = _encode(tokenizer, table.full_text[first[missing]], cap, closing, checkpoint.pad)
        segments.append(caches.segment(hashes[missing], values, offsets))
        if store is not None:
            store.append(segments[-1])
    values, offsets = caches.gather_ragged(segments, table.hashes)
    # On disk a row starts with its whole length, which truncation would lose.
    return Ragged(values, offsets, values[offsets[:-1]].astype(np.int64), checkpoint.pad), closing


def padded(
    ragged: Ragged, index: Array, *, even: bool = False, multiple: int = 1, most: int | None = None
) -> tuple[Array, Array]:
    """Return one batch: ids (b, m) int64 and mask (b, m) int64, where m is the longest of these rows.

    With ``even``, m is somewhat larger, so that batches have few different shapes. Torch caches memory for each shape
    (about 13 MB in bf16 for layers of width 384), and a fit would end with gigabytes. Otherwise m is rounded up to a
    ``multiple``, unless that is above ``most``.
    """
    rows = ragged.take(index)
    lengths = rows.lengths
    longest = int(lengths.max(initial=1))
    width = (
        min(even_length(longest), int(ragged.lengths.max(initial=1))) if even else -(-longest // multiple) * multiple
    )
    width = width if most is None else max(longest, min(width, most))
    inside = np.arange(width)[None, :] < lengths[:, None]
    ids = np.full(inside.shape, ragged.pad, np.int64)
    ids[inside] = rows.values
    return ids, inside.astype(np.int64)


def even_length(length: int) -> int:
    """Return the length, or the next one that is a multiple of a sixteenth to an eighth of it.

    >>> [even_length(length) for length in (7, 17, 35, 128, 130)]
    [7, 18, 36, 128, 144]
    """
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def types(ragged: Ragged, index: Array, width: int) -> Array | None:
    """Return the types of one batch's tokens (b, width) int64, 1 from each second text on; None if not typed."""
    return seconds(ragged, index, width) if ragged.typed and ragged.turns is not None else None


def seconds(ragged: Ragged, index: Array, width: int) -> Array:
    """Return (b, width) int64: 1 from the start of each row's second text, also for encoders without types."""
    assert ragged.turns is not None, "only for pairs"
    return (np.arange(width)[None, :] >= ragged.turns[index][:, None]).astype(np.int64)


def length_for(lengths: Array, cap: int, share: float = 0.95) -> tuple[int, float]:
    """Return a length that holds this share of the rows without truncation, and the share of truncated rows.

    The length is rounded up to a multiple of 8, at most ``cap``. Pass ``Ragged.whole`` as ``lengths``.

    >>> length_for(np.array([5, 9, 12, 300]), cap=128, share=0.75)
    (16, 0.25)
    """
    if not len(lengths):
        return min(8, cap), 0.0
    enough = int(np.quantile(lengths, share, method="inverted_cdf"))
    length = min(-(-enough // 8) * 8, cap)
    return length, float(np.mean(lengths > length))


def _encode(tokenizer: "tokenizers.Tokenizer", texts: Objects, cap: int, closing: Ids, pad: int) -> tuple[Ids, Array]:
    """Return flat rows of (whole length, ids ...), and their offsets."""
    rows: list[Ids] = []
    for batch in _batches(texts, cap * CHARACTERS):
        for encoding in tokenizer.encode_batch_fast(batch):
            ids = encoding.ids or [pad]
            row = np.array([len(ids), *ids[:cap]], np.int32)
            if len(ids) > cap:
                row[len(row) - len(closing) :] = closing
            rows.append(row)
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.concatenate(rows), offsets


def _batches(texts: Objects, longest: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), _CHUNK):
        # A tokenizer refuses a lone surrogate: it becomes a question mark.
        yield [t[:longest].encode("utf-8", "replace").decode("utf-8") for t in texts[start : start + _CHUNK]]


def _closing(tokenizer: "tokenizers.Tokenizer") -> Ids:
    """Return the special tokens that end every row ([SEP]), also a truncated one."""
    empty, sample = tokenizer.encode("").ids, tokenizer.encode("a").ids
    count = 0
    while count < len(empty) - 1 and empty[-1 - count] == sample[-1 - count]:
        count += 1
    return np.array(empty[len(empty) - count :], np.int32)


def _opening(tokenizer: "tokenizers.Tokenizer") -> int:
    """Return the number of special tokens that start every row ([CLS])."""
    mask: list[int] = tokenizer.encode("a").special_tokens_mask
    return mask.index(0) if 0 in mask else 0


def _cut(ragged: Ragged, length: int, closing: Ids) -> Ragged:
    lengths = np.minimum(ragged.lengths - 1, length)
    flat, offsets = spans(ragged.offsets[:-1] + 1, lengths)
    values = ragged.values[flat].astype(np.int32, copy=False)
    cut = np.flatnonzero(ragged.whole > length)
    if len(cut) and len(closing) < length:
        ends = offsets[1:][cut][:, None] + np.arange(-len(closing), 0)[None, :]
        values[ends] = closing
    return Ragged(values, offsets, ragged.whole, ragged.pad)
