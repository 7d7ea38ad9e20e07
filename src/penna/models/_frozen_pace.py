"""How fast an encoder embeds on this machine: a short probe, remembered in the process and in the cache folder."""

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from penna.encoders import embed, tokens
from penna.encoders.checkpoints import Checkpoint
from penna.models import Resources
from penna.table import Table

_ROWS = 100

_known: dict[str, "_Rate"] = {}


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


def pace_of(checkpoint: Checkpoint, train: Table, setting: embed.Setting, resources: Resources) -> Pace:
    """The pace for rows like these; a second or so of probing where this encoder was never met before."""
    some = train.take(np.random.default_rng(0).permutation(len(train))[:_ROWS])
    ids = tokens.tokenise(checkpoint, some, setting.length, resources.cache)
    key = f"{checkpoint.fingerprint}-{setting.depth}-{setting.dtype}-{resources.threads}"
    file = resources.cache / "pace" / f"{key}.json"
    rate = _known.get(key) or _read(file) or _probe(checkpoint, ids, setting, resources, file)
    _known[key] = rate
    return Pace(row=len(ids.values) / max(len(ids), 1) / rate.tokens, alone=rate.alone)


def _probe(
    checkpoint: Checkpoint, ids: tokens.Ragged, setting: embed.Setting, resources: Resources, file: Path
) -> _Rate:
    encoder = embed.Encoder(checkpoint, [setting.depth], setting.pooling, setting.dtype, resources.threads)
    batches = list(embed.batches_of(ids.lengths))
    encoder.pool(ids, batches[0])  # the first pass pays for setting up
    begun = time.perf_counter()
    for batch in batches:
        encoder.pool(ids, batch)
    rate = len(ids.values) / (time.perf_counter() - begun)
    middle = np.argsort(ids.lengths)[[len(ids) // 2]]
    alone = []
    for _ in range(5):
        begun = time.perf_counter()
        encoder.pool(ids, middle)
        alone.append(time.perf_counter() - begun)
    found = _Rate(rate, float(np.median(alone)))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs another probe, no more
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".half")
        half.write_text(json.dumps(asdict(found)), encoding="utf-8")
        half.replace(file)
    return found


def _read(file: Path) -> _Rate | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        rate = _Rate(float(data["tokens"]), float(data["alone"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rate if rate.tokens > 0 and rate.alone > 0 else None
