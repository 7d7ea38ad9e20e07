"""Family ``finetune``: an encoder and a head, all of it trained. Torch stays in functions: ``open`` never meets it."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export
from penna.budget import Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints
from penna.heads import heads
from penna.heads.links import target_of
from penna.models.base import Cost, Report
from penna.models.finetune import batches as parts
from penna.models.finetune import bi_encoder, cross_encoder, single_text
from penna.models.finetune.model import FineTuned, ServedFinetune, open_link
from penna.models.finetune.recipes import portfolio, search_space, settings, steps
from penna.models.frozen import family as frozen
from penna.models.shared import training_cost
from penna.models.shared.encoder_io import softmax
from penna.models.shared.trainer import EncoderTraining, Validation
from penna.models.shared.training_cost import TrainingCost
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.training import throughput

DISPLAY_NAME = "A fine-tuned encoder"
MARKER = "triangle"
PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True

__all__ = ["cost", "fit", "load", "portfolio", "search_space", "shrink"]

#: The speed probe takes no larger share of the time that is left.
_PROBED = 0.02


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predict the cost from a probe of at most some three seconds, which this process remembers."""
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    training, pace = _training_cost(recipe, checkpoint, train, profile.classes, resources)
    depth = parts.depth_of(chosen, checkpoint)
    head = 4e-6 * (chosen.get("bins") or profile.classes) * (checkpoint.width + 1)
    return Cost(
        seconds=training.seconds(recipe),
        size_mb=checkpoint.megabytes_at(depth) + head + checkpoint.tokenizer_megabytes,
        latency_ms=training_cost.SERVED_MS * pace.alone,
    )


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the recipe at the fidelity that fits into ``seconds``; None if too few steps would be left."""
    checkpoint = checkpoints.find(recipe["encoder"])
    return _training_cost(recipe, checkpoint, train, profile.classes, resources)[0].shrunk(recipe, seconds)


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> FineTuned:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    import torch

    from penna.training import precision

    torch.set_num_threads(resources.threads)
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    way = _way(chosen, train)
    texts, framing = way.texts_of(checkpoint, train, chosen, resources.cache)
    dtype = precision.fastest_dtype()
    target = target_of(task, train, chosen.get("bins", 0))
    network = parts.build(checkpoint, chosen, target.columns, recipe.seed, way.kind())
    weights = parts.class_weights(target.y, target.columns, chosen["class_weights"], target.weights)
    validation = None
    if valid is not None:
        valid = parts.sample(valid, training_cost.CHECK_ROWS, recipe.seed)
        validation = Validation(
            task,
            task.encode(valid),
            way.read(framing, checkpoint, valid, resources.cache),
            lambda read: target.link(way.answers(network, read, dtype), softmax),
        )
    start = partial(_start_head, network, dtype, resources.threads, target.output_kind)
    training = EncoderTraining(
        network=network,
        train=texts,
        ids=way.ids,
        remapped=way.moved,
        rows=lambda read: way.rows_of(read, target.y, weights, target.weights, recipe.seed),
        plan=lambda _: parts.plan(recipe, len(train), dtype, chosen.get("loss", target.output_kind.loss)),
        validation=validation,
        start=start if chosen["head_start"] == "logistic" else None,
    )
    outcome = training.run(resources.deadline, report)
    made: FineTuned = way.Model(network, checkpoint, framing, *way.shares(texts), resources.cache, outcome, target.link)
    return made


def _way(chosen: dict[str, Any], table: Table) -> Any:
    """How rows are read and trained on: three files that offer the same."""
    if table.pair is None:
        return single_text
    return bi_encoder if chosen["pair"] == "apart" else cross_encoder


def load(folder: Path) -> ServedFinetune | frozen.ServedFrozen:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    if (folder / heads.FACTS).exists():  # vectors, and a head on what is between them
        return frozen.load(folder)
    graph = export.load_encoder(folder)
    return ServedFinetune(graph, folder, open_link(folder, graph.facts.outputs))


def _start_head(network: Any, dtype: Any, threads: int, output_kind: OutputKind, rows: Any) -> None:
    from penna.networks import encoder_with_head

    encoder_with_head.start_head(network, rows, dtype, threads, output_kind)


def _training_cost(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, train: Table, classes: int, resources: Resources
) -> tuple[TrainingCost, throughput.Pace]:
    chosen, pace = settings(recipe), _pace(recipe, checkpoint, train, classes, resources)
    n = len(train)
    fixed = 1.5 + 5e-5 * n + training_cost.validation_seconds(n, pace)
    if chosen["head_start"] == "logistic":
        fixed += min(n, 20_000) * pace.row
    return TrainingCost(fixed, pace.step, lambda r: steps(r, n), math.ceil(n / chosen["batch"])), pace


def _pace(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, train: Table, classes: int, resources: Resources
) -> throughput.Pace:
    """Return the measured pace of this recipe on this machine, shared by recipes that differ in nothing slow."""
    import torch

    from penna.training import precision

    chosen = settings(recipe)
    sample = parts.sample(train, 4 * training_cost.PROBE_ROWS, 0)
    way = _way(chosen, sample)
    texts, framing = way.texts_of(checkpoint, sample, chosen, resources.cache)
    slow = ("frozen", "batch", "pooling")
    still = parts.depth_of(chosen, checkpoint), chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, way, framing, resources.threads, *still, *(chosen[name] for name in slow))

    def measure() -> throughput.Pace:
        torch.set_num_threads(resources.threads)
        return training_cost.encoder_pace(
            parts.build(checkpoint, chosen, classes, 0, way.kind()),
            way.ids(texts),
            lambda lookup: way.rows_of(way.moved(texts, lookup), np.arange(len(sample)) % classes),
            parts.plan(recipe, len(train), precision.fastest_dtype()),
            min(training_cost.PROBE_SECONDS, _PROBED * resources.deadline.left()),
            way.windows(texts),
        )

    pace: throughput.Pace = training_cost.once(key, measure)
    return pace
