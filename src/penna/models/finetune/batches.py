"""From a recipe and a table to what the training loop takes: network, plan and rows. Torch stays in functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows, tokens
from penna.models.finetune.model import inputs_of
from penna.models.finetune.recipes import settings, steps
from penna.search.recipe import Recipe

if TYPE_CHECKING:
    from penna.networks.encoder_with_head import Network
    from penna.training import loop


def depth_of(chosen: dict[str, Any], checkpoint: checkpoints.Checkpoint) -> int:
    """Return the number of layers that a recipe uses."""
    return checkpoint.depth_at(float(chosen["depth"]))


def build(
    checkpoint: checkpoints.Checkpoint,
    chosen: dict[str, Any],
    columns: int,
    seed: int,
    kind: type[Network] | None = None,
) -> Network:
    """Return the network of a recipe on the device where it is trained, with its frozen layers."""
    import torch

    from penna.networks import encoder_with_head
    from penna.training import optimizer, precision

    depth, pooling = depth_of(chosen, checkpoint), checkpoint.pooled(chosen["pooling"])
    encoder = checkpoints.load_module(checkpoint, depth=depth, dropout=chosen["dropout"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = (kind or encoder_with_head.Network)(encoder, checkpoint.width, columns, pooling, chosen["dropout"])
    encoder_with_head.quicken(encoder, precision.device())
    # A shared layer is every layer: it cannot be frozen in part.
    frozen = 0 if checkpoint.shared_layers else round(chosen["frozen"] * depth)
    optimizer.freeze(network, frozen, embeddings=chosen["embedding_lr"] == 0)
    network.to(precision.device())
    return network


def plan(recipe: Recipe, rows: int, dtype: Any, loss: str = OutputKind.CLASS_PROBABILITIES.loss) -> loop.Plan:
    """Return how the recipe is trained on ``rows`` rows."""
    from penna.training import loop, optimizer

    chosen = settings(recipe)
    return loop.Plan(
        steps=steps(recipe, rows),
        batch=chosen["batch"],
        rates=optimizer.Rates(
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


def class_weights(y: Array, classes: int, how: str, rows: Array | None = None) -> tuple[float, ...] | None:
    """With "balanced" each class weighs as much as any other, as in scikit-learn, ``rows`` (n,) weighed.

    With "none" each row does.
    """
    if how == "none":
        return None
    counts = np.bincount(y, weights=rows, minlength=classes).astype(np.float64)
    counts = np.maximum(counts, counts.sum() / max(len(y), 1))  # of no row as if there were one
    return tuple((counts.sum() / (classes * counts)).tolist())


def texts_of(
    checkpoint: checkpoints.Checkpoint, train: Table, chosen: dict[str, Any], cache: Path | None
) -> tuple[sliding_windows.Framed, sliding_windows.Framing]:
    """Return the rows of tokens of a table's texts or pairs, and how they were made: as long as most of them need."""
    cap = min(chosen["length"], checkpoint.max_length)
    windows = sliding_windows.MOST_WINDOWS if chosen["long"] == "windows" else 1
    widest = sliding_windows.framing(checkpoint, cap, pair=train.pair is not None, windows=windows)
    seen = sliding_windows.read(replace(widest, windows=1), checkpoint, train, cache)
    # A text that is a little longer should rather be a longer row than two.
    share = 0.95 if windows == 1 else 0.99
    length, _ = tokens.length_for(np.where(seen.long, cap + 1, seen.rows.lengths), cap, share)
    framing = replace(widest, length=length)
    return sliding_windows.read(framing, checkpoint, train, cache), framing


def moved(texts: sliding_windows.Framed, lookup: Array) -> sliding_windows.Framed:
    """Return the same rows in the ids of a smaller vocabulary."""
    ids = lookup[texts.rows.values].astype(np.int32)
    return replace(texts, rows=replace(texts.rows, values=ids, pad=int(lookup[texts.rows.pad])))


def rows_of(
    texts: sliding_windows.Framed,
    y: Array,
    weights: tuple[float, ...] | None = None,
    shares: Array | None = None,
    seed: int = 0,
    *,
    sides: bool = False,
) -> loop.Rows:
    """Return what is trained on, of pairs with their ``sides`` if requested.

    Of a text with several windows each look takes one by chance: over the epochs all of them have been seen, and a long
    text neither costs nor counts more than a short one.
    """
    from penna.training import loop

    inputs, rng = inputs_of(texts.rows, sides=sides), np.random.default_rng(seed)
    firsts, counts = texts.starts[:-1], np.diff(texts.starts)

    def drawn(index: Array) -> loop.Inputs:
        batch: loop.Inputs = inputs(firsts[index] + (rng.random(len(index)) * counts[index]).astype(np.int64))
        return batch

    return loop.Rows(texts.rows.lengths[firsts], drawn, y, weights, shares)


def sample(table: Table, most: int, seed: int) -> Table:
    """Return at most ``most`` rows, drawn at random, in their order."""
    if len(table) <= most:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), most, replace=False)))
