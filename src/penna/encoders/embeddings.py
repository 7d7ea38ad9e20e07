"""Embeddings of texts by a frozen encoder: computed once per text, checkpoint and setting, and cached on disk.

Knows a checkpoint, texts and a deadline; never a task. Four things make it fast: bf16 weights if the caller measured
them as faster, batches without padding or a mask, each distinct text once, and inner depths from the same pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array, unit_length
from penna.data.table import Table
from penna.encoders import cache as caches
from penna.encoders import sliding_windows
from penna.encoders.cache import Segment, Store
from penna.encoders.checkpoints import OWN, Checkpoint, load_module
from penna.encoders.sliding_windows import Framed, Framing
from penna.encoders.tokens import Ragged, padded
from penna.encoders.tokens import types as token_types
from penna.errors import SettingError

__all__ = ["POOLINGS", "Encoder", "Setting", "Store", "Unfinished", "batches_of", "embed", "inner_depths", "loaded"]

if TYPE_CHECKING:
    import torch

#: Poolings of a row's tokens: mean, first, maximum, sum over the square root of the count, last.
POOLINGS = ("mean", "cls", "max", "sqrt", "last")
_BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768}
_CHUNK_TOKENS = 400_000  # tokens between two writes to disk: a kill loses no more than these
_MANY_ROWS = 100_000  # with more rows, inner depths would fill the cache


class Unfinished(Exception):
    """The deadline passed. Finished embeddings are on disk, and the next call continues from there."""


@dataclass(frozen=True)
class Setting:
    """Everything that an embedding depends on, except the text."""

    depth: int
    pooling: str = "mean"
    length: int = 128
    dtype: str = "float32"
    windows: int = 1  # sliding windows of a longer text
    pair: bool = False  # both texts of a pair in one row

    def key(self, checkpoint: Checkpoint) -> str:
        """Return the key of the store. A text of one row has the same vector for any number of windows."""
        more = ("-pair" if self.pair else "") + (f"-{self.windows}" if self.windows > 1 else "")
        return f"vectors-{checkpoint.fingerprint}-{self.depth}-{self.pooling}-{self.length}-{self.dtype}{more}"

    def framing(self, checkpoint: Checkpoint) -> Framing:
        """Return how texts become rows of tokens."""
        return sliding_windows.framing(checkpoint, self.length, pair=self.pair, windows=self.windows)


def embed(
    checkpoint: Checkpoint,
    table: Table,
    *,
    depth: int,
    pooling: str = OWN,
    length: int = 128,
    dtype: str = "float32",
    windows: int = 1,
    cache: Path | None = None,
    deadline: Deadline | None = None,
    threads: int = 2,
) -> Array:
    """Return (n, width) float32: each row's hidden states after ``depth`` layers, pooled over its tokens.

    Both texts of a pair are in one row. A text longer than ``length`` gets the mean over at most ``windows`` sliding
    windows. Vectors are normalized if the encoder's folder states so.

    Raises Unfinished if the deadline passes before the last text.
    """
    pooling = checkpoint.pooled(pooling)
    if pooling not in POOLINGS:
        raise SettingError(f"pooling {pooling!r} is not known: choose one of {', '.join(POOLINGS)}.")
    setting = Setting(depth, pooling, checkpoint.sentence_at(length), dtype, 1, table.pair is not None)
    long = _long(checkpoint, table, setting, cache) if windows > 1 else np.zeros(len(table), bool)
    out = np.zeros((len(table), checkpoint.width), np.float32)
    for rows, many in ((np.flatnonzero(~long), 1), (np.flatnonzero(long), windows)):
        if len(rows):
            windowed = replace(setting, windows=many)
            part = table if len(rows) == len(table) else table.take(rows)
            out[rows] = _vectors(checkpoint, part, windowed, cache, deadline, threads)
    return unit_length(out) if checkpoint.unit else out


def _long(checkpoint: Checkpoint, table: Table, setting: Setting, cache: Path | None) -> Array:
    """Return (n,) bool: texts that are longer than one row."""
    return sliding_windows.read(setting.framing(checkpoint), checkpoint, table, cache).long


def _vectors(
    checkpoint: Checkpoint, table: Table, setting: Setting, cache: Path | None, deadline: Deadline | None, threads: int
) -> Array:
    store = None if cache is None else Store(cache, setting.key(checkpoint))
    hashes, first = np.unique(table.hashes, return_index=True)
    segments = [] if store is None else store.segments(hashes)
    missing = np.flatnonzero(~caches.known(segments, hashes))
    if len(missing):
        texts = sliding_windows.read(setting.framing(checkpoint), checkpoint, table.take(first[missing]), cache)
        depth = setting.depth
        depths = [depth] if cache is None or len(missing) > _MANY_ROWS else inner_depths(checkpoint, depth)
        segments += _compute(checkpoint, setting, depths, hashes[missing], texts, cache, deadline, threads)
    return caches.gather(segments, table.hashes, checkpoint.width)


def inner_depths(checkpoint: Checkpoint, depth: int) -> list[int]:
    """Return the depths that a pass to ``depth`` stores: the depths to try below it, and itself."""
    return sorted({d for d in map(checkpoint.depth_at, checkpoint.shares) if d < depth} | {depth})


def batches_of(lengths: Array, budget: int = _BATCH_TOKENS["cpu"]) -> Iterator[Array]:
    """Yield batches of row indices, shortest first, of at most ``budget`` tokens with padding.

    Rows of one length get their own batch if they fill a quarter of it: without padding no mask is needed.
    """
    order = np.argsort(lengths, kind="stable")
    ordered = np.maximum(lengths[order], 1)
    start = 0
    while start < len(order):
        same = int(np.searchsorted(ordered, ordered[start], side="right"))
        alone = (same - start) * ordered[start] >= budget // 4
        stop = start + 1
        while stop < (same if alone else len(order)) and (stop + 1 - start) * ordered[stop] <= budget:
            stop += 1
        yield order[start:stop]
        start = stop


def _compute(
    checkpoint: Checkpoint,
    setting: Setting,
    depths: Sequence[int],
    hashes: caches.Hashes,
    texts: Framed,
    cache: Path | None,
    deadline: Deadline | None,
    threads: int,
) -> list[Segment]:
    """Return new segments of ``setting.depth``; write those of every depth to the cache, chunk by chunk."""
    encoder = loaded(checkpoint, tuple(depths), setting.pooling, setting.dtype, threads)
    fresh: list[Segment] = []
    for chunk in _chunks(texts):
        done, pooled = _run(encoder, texts.take(chunk), deadline)
        for depth, values in zip(depths, pooled, strict=True):
            part = caches.segment(hashes[chunk[done]], values)
            if cache is not None:
                Store(cache, replace(setting, depth=depth).key(checkpoint)).append(part)
            if depth == setting.depth:
                fresh.append(part)
        if not done.all():
            raise Unfinished(f"the time ended before the texts were embedded with {checkpoint.name}")
    return fresh


def _chunks(texts: Framed) -> Iterator[Array]:
    """Yield positions of texts, short ones first."""
    order = np.argsort(texts.rows.lengths[texts.starts[:-1]], kind="stable")
    tokens = np.diff(texts.rows.offsets[texts.starts])[order]
    cuts = np.searchsorted(np.cumsum(tokens), np.arange(_CHUNK_TOKENS, tokens.sum(), _CHUNK_TOKENS))
    yield from (part for part in np.split(order, cuts) if len(part))


def _run(encoder: "Encoder", texts: Framed, deadline: Deadline | None) -> tuple[Array, list[Array]]:
    """Return which texts (n,) were done before the deadline, and their vectors by depth."""
    pooled = [np.zeros((len(texts.rows), encoder.checkpoint.width), np.float32) for _ in encoder.depths]
    finished = np.zeros(len(texts.rows), bool)
    for batch in batches_of(texts.rows.lengths, encoder.batch_tokens):
        if deadline is not None and deadline.over():
            break
        for out, values in zip(pooled, encoder.pool(texts.rows, batch), strict=True):
            out[batch] = values
        finished[batch] = True
    done = np.logical_and.reduceat(finished, texts.starts[:-1])
    return done, [texts.mean(values)[done] for values in pooled]


class Encoder:
    """A loaded module that pools the hidden states of several depths in one pass."""

    def __init__(self, checkpoint: Checkpoint, depths: Sequence[int], pooling: str, dtype: str, threads: int) -> None:
        import torch

        self.threads = threads
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.checkpoint = checkpoint
        self.depths = list(depths)
        self.pooling = pooling
        self.batch_tokens = _BATCH_TOKENS[self.device]
        self.module = load_module(checkpoint, depth=max(depths), dtype=dtype).to(self.device)
        if self.device == "cpu" and dtype == "bfloat16" and hasattr(self.module, "set_attn_implementation"):
            # Torch's fused kernel gains nothing from bf16: on one thread plain products are as fast or faster.
            self.module.set_attn_implementation("eager")

    def pool(self, tokens: Ragged, batch: Array) -> list[Array]:
        """Return (b, width) float32 vectors for each depth."""
        import torch

        torch.set_num_threads(self.threads)
        ids, mask = padded(tokens, batch)
        types = token_types(tokens, batch, ids.shape[1])
        typed = {} if types is None else {"token_type_ids": torch.from_numpy(types).to(self.device)}
        with torch.inference_mode():
            inside = None if mask.all() else torch.from_numpy(mask).to(self.device)
            states = self.module(
                input_ids=torch.from_numpy(ids).to(self.device),
                attention_mask=inside,
                output_hidden_states=len(self.depths) > 1,
                **typed,
            )
            if len(self.depths) == 1:
                return [_pooled(states.last_hidden_state, inside, self.pooling)]
            # One state for each applied layer; older transformers keep one for each call of ALBERT's block.
            counted = len(states.hidden_states) - 1
            inner = [states.hidden_states[d * counted // self.depths[-1]] for d in self.depths[:-1]]
            # The last depth comes from last_hidden_state: some encoders apply a final norm that hidden_states lack.
            wanted = [*inner, states.last_hidden_state]
            return [_pooled(state, inside, self.pooling) for state in wanted]


@lru_cache(maxsize=1)
def loaded(checkpoint: Checkpoint, depths: tuple[int, ...], pooling: str, dtype: str, threads: int) -> Encoder:
    """Return an encoder; the last one stays in memory, because validation rows follow training rows."""
    return Encoder(checkpoint, depths, pooling, dtype, threads)


def _pooled(states: "torch.Tensor", inside: "torch.Tensor | None", pooling: str) -> Array:
    import torch

    states = states.float()
    if pooling == "cls":
        vectors: Any = states[:, 0]
    elif pooling == "max":
        hidden = states if inside is None else states.masked_fill(inside[:, :, None] == 0, -1e9)
        vectors = hidden.amax(1)
    elif pooling == "last":
        vectors = states[:, -1] if inside is None else states[torch.arange(len(states)), inside.sum(1) - 1]
    else:
        weight = torch.ones_like(states[:, :, :1]) if inside is None else inside[:, :, None].float()
        count = weight.sum(1)
        vectors = (states * weight).sum(1) / (count.sqrt() if pooling == "sqrt" else count)
    out: Array = vectors.cpu().numpy()
    return out
