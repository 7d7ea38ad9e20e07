"""How fast an encoder embeds on this machine: a short probe, remembered for minutes in the process and in the cache.

Other work on the machine makes a probe slow. So one is not believed for long, and of two the quicker holds.
"""

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from penna.budget import Resources
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import embeddings, sliding_windows, tokens
from penna.encoders.checkpoints import Checkpoint

_ROWS, _TILES = 100, 20
_LONGEST = 1.0  # seconds after which the probe has seen enough
_FRESH = 300.0  # seconds

_known: dict[str, tuple["_Rate", float]] = {}  # key -> rate, and when it was measured


@dataclass(frozen=True)
class Pace:
    """Seconds for one row among many, and for one row alone."""

    row: float
    alone: float


@dataclass(frozen=True)
class _Rate:
    """Tokens a second in batches, and seconds for one text of ordinary length."""

    tokens: float
    alone: float


def pace_of(checkpoint: Checkpoint, train: Table, setting: embeddings.Setting, resources: Resources) -> Pace:
    """Return the pace for rows like these; a second or so of probing where this encoder was never met before."""
    some = train.take(np.random.default_rng(0).permutation(len(train))[:_ROWS])
    texts = sliding_windows.read(setting.framing(checkpoint), checkpoint, some, resources.cache)
    ids = texts.rows
    key = f"{checkpoint.fingerprint}-{setting.depth}-{setting.dtype}-{resources.threads}"
    file = resources.cache / "pace" / f"{key}.json"
    rate, measured = _known.get(key) or _read(file) or (_Rate(0.0, np.inf), 0.0)
    if time.time() - measured > _FRESH:
        found = _probe(checkpoint, ids, setting, resources, file)
        rate, measured = _Rate(max(rate.tokens, found.tokens), min(rate.alone, found.alone)), time.time()
    _known[key] = rate, measured
    windows = len(ids) / max(len(some), 1)
    return Pace(row=len(ids.values) / max(len(some), 1) / rate.tokens, alone=windows * rate.alone)


def _probe(
    checkpoint: Checkpoint, ids: tokens.Ragged, setting: embeddings.Setting, resources: Resources, file: Path
) -> _Rate:
    encoder = embeddings.loaded(checkpoint, (setting.depth,), setting.pooling, setting.dtype, resources.threads)
    many = ids.take(np.tile(np.arange(len(ids)), _TILES))  # batches as full as they will be
    batches = list(embeddings.batches_of(many.lengths, encoder.batch_tokens))
    order = [len(batches) // 2, len(batches) - 1, 0]  # rows of middling length tell most
    size, seconds, begun = 0, 0.0, time.perf_counter()
    for batch in (batches[i] for i in order):
        seconds += _seconds(encoder, many, batch, 2)
        size += int(many.lengths[batch].sum())
        if time.perf_counter() - begun > _LONGEST:
            break
    found = _Rate(size / seconds, _seconds(encoder, ids, np.argsort(ids.lengths)[[len(ids) // 2]], 15))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs another probe, no more
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".half")
        half.write_text(json.dumps(asdict(found)), encoding="utf-8")
        half.replace(file)
    return found


def _seconds(encoder: embeddings.Encoder, ids: tokens.Ragged, batch: Array, times: int) -> float:
    """Return the quickest of some passes, after one that pays for setting up.

    Other work must not look like slowness.
    """
    encoder.pool(ids, batch)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        encoder.pool(ids, batch)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def _read(file: Path) -> tuple[_Rate, float] | None:
    """Return a rate that another process left, and when.

    None where that is too old, since the folder may have moved.
    """
    try:
        written = file.stat().st_mtime
        if time.time() - written > _FRESH:
            return None
        data = json.loads(file.read_text(encoding="utf-8"))
        rate = _Rate(float(data["tokens"]), float(data["alone"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (rate, written) if rate.tokens > 0 and rate.alone > 0 else None
