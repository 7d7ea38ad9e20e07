"""Cost and training of an encoder with a head on words, for ``tagger`` and ``reader``. Torch stays in functions."""

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
from penna.models.base import Cost, Report
from penna.models.finetune import batches as parts
from penna.models.finetune.recipes import settings
from penna.models.shared import training_cost
from penna.models.shared.trainer import EncoderTraining, Validation
from penna.models.shared.training_cost import TrainingCost
from penna.search.recipe import Recipe
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.networks.token_head import WordNetwork
    from penna.training import loop, throughput

#: Texts by which a length is chosen.
LENGTH_ROWS = 2000
#: Of the texts the share that is not cut into windows.
_WHOLE = 0.99

#: (table, length) -> its texts as rows of tokens.
Read = Callable[[checkpoints.Checkpoint, Table, int], word_alignment.Worded]


@dataclass(frozen=True)
class TokenCostKey:
    """How a family reads texts, its ``loss`` and ``columns``, and ``rows`` for a speed probe."""

    read: Read
    loss: str
    columns: int
    rows: Callable[[word_alignment.Worded], loop.Rows]


@dataclass(frozen=True)
class TokenFit:
    """The training of a family: its ``loss``, the rows of remapped texts, and ``outputs(network, texts, dtype)``."""

    loss: str
    rows: Callable[[word_alignment.Worded], loop.Rows]
    outputs: Callable[[Any, word_alignment.Worded, Any], Array]


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
    """Predict the cost from a probe of some three seconds, which this process remembers."""
    checkpoint = checkpoints.find(recipe["encoder"])
    training, pace, rows = _training_cost(recipe, checkpoint, key, train, resources)
    head = 4e-6 * key.columns * (checkpoint.width + 1)
    return Cost(
        seconds=training.seconds(recipe),
        size_mb=checkpoint.megabytes_at(parts.depth_of(settings(recipe), checkpoint)) + head + 1.0,
        latency_ms=training_cost.SERVED_MS * pace.alone * rows / max(len(train), 1),
    )


def shrink(recipe: Recipe, key: TokenCostKey, train: Table, resources: Resources, seconds: float) -> Recipe | None:
    """Return the recipe at the fidelity that fits into ``seconds``; None if too few steps would be left."""
    checkpoint = checkpoints.find(recipe["encoder"])
    return _training_cost(recipe, checkpoint, key, train, resources)[0].shrunk(recipe, seconds)


def _training_cost(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, task_key: TokenCostKey, train: Table, resources: Resources
) -> tuple[TrainingCost, throughput.Pace, int]:
    """Return the cost, the measured pace of this recipe, and how many rows of tokens the texts are."""
    import torch

    from penna.training import precision

    chosen = settings(recipe)
    sample = parts.sample(train, training_cost.PROBE_ROWS, 0)
    texts, length = texts_of(checkpoint, sample, task_key.read, chosen["length"])
    still = parts.depth_of(chosen, checkpoint), chosen["frozen"], chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, task_key.loss, length, resources.threads, chosen["batch"], *still)

    def measure() -> throughput.Pace:
        torch.set_num_threads(resources.threads)
        return training_cost.encoder_pace(
            built(checkpoint, chosen, task_key.columns, 0),
            texts.rows.values,
            lambda lookup: task_key.rows(word_alignment.moved(texts, lookup)),
            plan(recipe, len(train), precision.fastest_dtype(), task_key.loss),
        )

    pace: throughput.Pace = training_cost.once(key, measure)
    rows = round(len(texts.rows) / max(len(sample), 1) * len(train))
    fixed = 1.5 + 3e-4 * rows + training_cost.validation_seconds(rows, pace)
    epoch = math.ceil(rows / recipe["batch"])
    return TrainingCost(fixed, pace.step, lambda r: steps(r, rows), epoch), pace, rows


def train(
    recipe: Recipe,
    task: Task,
    tables: tuple[Table, Table | None],
    read: Read,
    fit: TokenFit,
    resources: Resources,
    report: Report,
) -> tuple[WordNetwork, checkpoints.Checkpoint, word_alignment.Worded, int, loop.Outcome]:
    """Train an encoder with a head on words, on (train, validation) tables.

    Returns
    -------
    tuple
        The network, its checkpoint, the training texts as rows of tokens, their length, and the outcome.
    """
    import torch

    from penna.training import precision

    torch.set_num_threads(resources.threads)
    chosen = settings(recipe)
    checkpoint, dtype = checkpoints.find(chosen["encoder"]), precision.fastest_dtype()
    texts, length = texts_of(checkpoint, tables[0], read, chosen["length"])
    network = built(checkpoint, chosen, task.columns, recipe.seed)
    validation, valid = None, tables[1]
    if valid is not None:
        valid = parts.sample(valid, training_cost.CHECK_ROWS, recipe.seed)
        texts_read = read(checkpoint, valid, length)
        validation = Validation(task, task.encode(valid), texts_read, lambda read: fit.outputs(network, read, dtype))
    training = EncoderTraining(
        network=network,
        train=texts,
        ids=lambda read: read.rows.values,
        remapped=word_alignment.moved,
        rows=fit.rows,
        plan=lambda n: plan(recipe, n, dtype, fit.loss),
        validation=validation,
    )
    return network, checkpoint, texts, length, training.run(resources.deadline, report)


def shares_of(texts: word_alignment.Worded, weight: Array | None) -> Array | None:
    """How far each row of tokens is to be believed, from the texts' weights."""
    return None if weight is None else np.repeat(weight, np.diff(texts.starts))
