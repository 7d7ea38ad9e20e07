"""From a recipe and a table to what the training loop takes: network, plan and rows. Torch stays in functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.encoders import checkpoints, tokens
from penna.models import Array
from penna.models._finetune_recipes import settings, steps
from penna.models._finetuned import inputs_of
from penna.recipe import Recipe
from penna.table import Table

if TYPE_CHECKING:
    from penna.models._network import Network
    from penna.training import loop


def depth_of(chosen: dict[str, Any], checkpoint: checkpoints.Checkpoint) -> int:
    return checkpoint.depth_at(float(chosen["depth"]))


def build(checkpoint: checkpoints.Checkpoint, chosen: dict[str, Any], columns: int, seed: int) -> Network:
    """The network of a recipe where it will be trained, with what the recipe freezes frozen."""
    import torch

    from penna.models import _network
    from penna.training import optimiser, precision

    depth = depth_of(chosen, checkpoint)
    encoder = checkpoints.load_module(checkpoint, depth=depth, dropout=chosen["dropout"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network.Network(encoder, checkpoint.width, columns, chosen["pooling"], chosen["dropout"])
    _network.quicken(encoder, precision.device())
    # A shared layer is every layer: it cannot be frozen in part.
    frozen = 0 if checkpoint.shared_layers else round(chosen["frozen"] * depth)
    optimiser.freeze(network, frozen, embeddings=chosen["embedding_lr"] == 0)
    network.to(precision.device())
    return network


def plan(recipe: Recipe, rows: int, dtype: Any, loss: str = "cross_entropy") -> loop.Plan:
    from penna.training import loop, optimiser

    chosen = settings(recipe)
    return loop.Plan(
        steps=steps(recipe, rows),
        batch=chosen["batch"],
        rates=optimiser.Rates(
            body=chosen["lr"],
            head=chosen["head_lr"],
            embeddings=chosen["embedding_lr"],
            layer_decay=chosen["layer_decay"],
            weight_decay=chosen["weight_decay"],
        ),
        warmup=chosen["warmup"],
        shape=chosen["schedule"],
        smoothing=chosen["smoothing"],
        seed=recipe.seed,
        dtype=dtype,
        loss=loss,
    )


def class_weights(y: Array, classes: int, how: str) -> tuple[float, ...] | None:
    """With "balanced" each class weighs as much as any other, as in scikit-learn; with "none" each row does."""
    if how == "none":
        return None
    counts = np.maximum(np.bincount(y, minlength=classes), 1)
    return tuple((len(y) / (classes * counts)).tolist())


def tokens_of(
    checkpoint: checkpoints.Checkpoint, train: Table, cap: int, cache: Path | None
) -> tuple[tokens.Ragged, int, float]:
    """The rows' ids, the length that they are cut to, and the share of rows that it cuts."""
    cap = min(cap, checkpoint.max_length)
    length, truncated = tokens.length_for(tokens.tokenise(checkpoint, train, cap, cache).whole, cap)
    return tokens.tokenise(checkpoint, train, length, cache), length, truncated


def rows_of(
    texts: tokens.Ragged,
    lookup: Array,
    y: Array,
    weights: tuple[float, ...] | None = None,
    shares: Array | None = None,
) -> loop.Rows:
    from penna.training import loop

    moved = replace(texts, values=lookup[texts.values].astype(np.int32), pad=int(lookup[texts.pad]))
    return loop.Rows(moved.lengths, inputs_of(moved), y, weights, shares)


def sample(table: Table, most: int, seed: int) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), most, replace=False)))
