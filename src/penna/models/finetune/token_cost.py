"""What training an encoder on the parts of texts will take, as ``tagger`` and ``reader`` predict it.

Torch stays in functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.budget import Resources
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, tokens, word_alignment
from penna.models.base import Cost
from penna.models.finetune import batches as parts
from penna.models.finetune.recipes import settings
from penna.search.recipe import Recipe

if TYPE_CHECKING:
    from penna.networks.token_head import WordNetwork
    from penna.training import loop, throughput

#: The validation score on the way is taken on at most this many texts.
CHECK_ROWS = 1000
#: A fit of fewer steps teaches an encoder nothing.
FEWEST_STEPS = 30
#: Shrinking stops at one epoch, or at this many steps where an epoch has more.
ENOUGH_STEPS = 400
#: Texts that the speed probe draws its batches from, and by which a length is chosen.
PROBE_ROWS, LENGTH_ROWS = 640, 2000
#: Of the texts the share that is not cut into windows.
_WHOLE = 0.99

#: (table, length) -> its texts as rows of tokens.
Read = Callable[[checkpoints.Checkpoint, Table, int], word_alignment.Worded]

_paces: dict[tuple[Any, ...], throughput.Pace] = {}


@dataclass(frozen=True)
class TokenCostKey:
    """How a family reads texts, the ``loss`` that it learns by, its ``columns``, and what it would learn of rows that
    are only timed.
    """

    read: Read
    loss: str
    columns: int
    rows: Callable[[word_alignment.Worded], loop.Rows]


def texts_of(
    checkpoint: checkpoints.Checkpoint, table: Table, read: Read, cap: int
) -> tuple[word_alignment.Worded, int]:
    """Return the rows of tokens, as long as nearly all texts need, and that length."""
    cap = min(cap, checkpoint.max_length)
    some = read(checkpoint, parts.sample(table, LENGTH_ROWS, 0), cap)
    length, _ = tokens.length_for(some.rows.lengths, cap, _WHOLE)
    length = min(max(length, 16), cap)
    return read(checkpoint, table, length), length


def built(checkpoint: checkpoints.Checkpoint, chosen: dict[str, Any], columns: int, seed: int) -> WordNetwork:
    """Return the network of a recipe."""
    from penna.networks.token_head import ChainNetwork, WordNetwork

    kind = ChainNetwork if chosen.get("crf") else WordNetwork
    network: WordNetwork = parts.build(checkpoint, chosen, columns, seed, kind)
    return network


def steps(recipe: Recipe, rows: int) -> int:
    """Optimiser steps of a fit on this many rows of tokens."""
    return max(1, math.ceil(float(recipe["epochs"]) * recipe.fidelity * rows / int(recipe["batch"])))


def plan(recipe: Recipe, rows: int, dtype: Any, loss: str) -> loop.Plan:
    """How to train on so many rows of tokens."""
    return parts.plan(recipe, rows, dtype, loss)


def cost(recipe: Recipe, key: TokenCostKey, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of some three seconds, which is remembered for this process."""
    checkpoint = checkpoints.find(recipe["encoder"])
    pace, rows = _pace(recipe, checkpoint, key, train, resources)
    fixed, each = _seconds(rows, pace)
    head = 4e-6 * key.columns * (checkpoint.width + 1)
    return Cost(
        seconds=fixed + each * steps(recipe, rows),
        size_mb=checkpoint.megabytes_at(parts.depth_of(settings(recipe), checkpoint)) + head + 1.0,
        # The ONNX graph answers one text in about a quarter of the time that the training graph takes.
        latency_ms=250 * pace.alone * rows / max(len(train), 1),
    )


def shrink(recipe: Recipe, key: TokenCostKey, train: Table, resources: Resources, seconds: float) -> Recipe | None:
    """Return the same recipe with as much effort as fits into ``seconds``.

    None where too little would be left to learn.
    """
    checkpoint = checkpoints.find(recipe["encoder"])
    pace, rows = _pace(recipe, checkpoint, key, train, resources)
    fixed, each = _seconds(rows, pace)
    whole = steps(recipe.replace(fidelity=1.0), rows)
    affordable = (seconds - fixed) / each
    epoch = math.ceil(rows / recipe["batch"])
    if affordable < max(FEWEST_STEPS, min(epoch, ENOUGH_STEPS, whole)):
        return None
    return recipe.replace(fidelity=min(recipe.fidelity, round(0.99 * affordable / whole, 4)))


def _pace(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, task_key: TokenCostKey, train: Table, resources: Resources
) -> tuple[throughput.Pace, int]:
    """Return the measured pace of this recipe on this machine, and how many rows of tokens the texts are."""
    import torch

    from penna.networks import encoder_with_head
    from penna.training import precision, throughput

    chosen = settings(recipe)
    some = parts.sample(train, PROBE_ROWS, 0)
    texts, length = texts_of(checkpoint, some, task_key.read, chosen["length"])
    still = parts.depth_of(chosen, checkpoint), chosen["frozen"], chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, task_key.loss, length, resources.threads, chosen["batch"], *still)
    if key not in _paces:
        torch.set_num_threads(resources.threads)
        network = built(checkpoint, chosen, task_key.columns, 0)
        with encoder_with_head.compact(network, np.unique(texts.rows.values)) as lookup:
            made = plan(recipe, len(train), precision.fastest_dtype(), task_key.loss)
            _paces[key] = throughput.measure(network, task_key.rows(word_alignment.moved(texts, lookup)), made)
    return _paces[key], round(len(texts.rows) / max(len(some), 1) * len(train))


def _seconds(rows: int, pace: throughput.Pace) -> tuple[float, float]:
    """Return what a fit takes whatever its steps (loading, tokens, scoring a fifth as many rows), and for each step."""
    from penna.training.loop import Plan

    held_out = rows / 4
    return 1.5 + 3e-4 * rows + (Plan.checks * min(held_out, CHECK_ROWS) + held_out) * pace.row, pace.step


def shares_of(texts: word_alignment.Worded, weight: Array | None) -> Array | None:
    """How far each row of tokens is to be believed, from the texts' weights."""
    return None if weight is None else np.repeat(weight, np.diff(texts.starts))
