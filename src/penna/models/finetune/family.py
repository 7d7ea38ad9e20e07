"""Family ``finetune``: an encoder and a head, all of it trained. Torch stays in functions: ``open`` never meets it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.budget import OutOfTime, Resources
from penna.data.table import Table
from penna.encoders import checkpoints
from penna.heads import heads
from penna.heads.links import target_of
from penna.models.base import Cost, Pruned, Report
from penna.models.finetune import batches as parts
from penna.models.finetune import bi_encoder, cross_encoder, single_text
from penna.models.finetune.model import FineTuned, ServedFinetune, open_link
from penna.models.finetune.recipes import portfolio, search_space, settings, steps
from penna.models.frozen import family as frozen
from penna.models.shared.encoder_io import softmax
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.training import throughput

PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True

__all__ = ["cost", "fit", "load", "portfolio", "search_space", "shrink"]

#: The validation score on the way is taken on at most this many rows.
CHECK_ROWS = 1000
#: A fit of fewer steps teaches an encoder nothing.
FEWEST_STEPS = 30
#: Shrinking stops at one epoch, or at this many steps where an epoch has more.
ENOUGH_STEPS = 400
#: Rows that the speed probe draws its batches from.
PROBE_ROWS = 640
#: It takes so many seconds, and no larger share of what is left.
_PROBE, _PROBED = 3.0, 0.02

_paces: dict[tuple[Any, ...], throughput.Pace] = {}


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of at most some three seconds, which is remembered for this process."""
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    pace = _pace(recipe, checkpoint, train, profile.classes, resources)
    fixed, each = _seconds(recipe, len(train), pace)
    depth = parts.depth_of(chosen, checkpoint)
    head = 4e-6 * (chosen.get("bins") or profile.classes) * (checkpoint.width + 1)
    return Cost(
        seconds=fixed + each * steps(recipe, len(train)),
        size_mb=checkpoint.megabytes_at(depth) + head + checkpoint.tokenizer_megabytes,
        # The ONNX graph answers one text in about a quarter of the time that the training graph takes.
        latency_ms=250 * pace.alone,
    )


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe with as much effort as fits into ``seconds``.

    None where too little would be left to learn.
    """
    checkpoint = checkpoints.find(recipe["encoder"])
    pace = _pace(recipe, checkpoint, train, profile.classes, resources)
    fixed, each = _seconds(recipe, len(train), pace)
    whole = steps(recipe.replace(fidelity=1.0), len(train))
    affordable = (seconds - fixed) / each
    epoch = math.ceil(len(train) / settings(recipe)["batch"])
    if affordable < max(FEWEST_STEPS, min(epoch, ENOUGH_STEPS, whole)):
        return None
    return recipe.replace(fidelity=min(recipe.fidelity, round(0.99 * affordable / whole, 4)))


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> FineTuned:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    import torch

    from penna.networks import encoder_with_head
    from penna.training import loop, precision

    torch.set_num_threads(resources.threads)
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    way = _way(chosen, train)
    texts, framing = way.texts_of(checkpoint, train, chosen, resources.cache)
    dtype = precision.fastest_dtype()
    target = target_of(task, train, chosen.get("bins", 0))
    network = parts.build(checkpoint, chosen, target.columns, recipe.seed, way.kind())
    watched = None if valid is None else parts.sample(valid, CHECK_ROWS, recipe.seed)
    seen = [texts] if watched is None else [texts, way.read(framing, checkpoint, watched, resources.cache)]
    with encoder_with_head.compact(network, np.unique(np.concatenate(list(map(way.ids, seen))))) as lookup:
        weights = parts.class_weights(target.y, target.columns, chosen["class_weights"], target.weights)
        rows = way.rows_of(way.moved(texts, lookup), target.y, weights, target.weights, recipe.seed)
        if chosen["head_start"] == "logistic":
            encoder_with_head.start_head(network, rows, dtype, resources.threads, target.loss)
        score = None
        if watched is not None:
            truth = task.encode(watched)
            scored = way.moved(seen[1], lookup)

            def score() -> float:
                return task.score(truth, target.link(way.answers(network, scored, dtype), softmax))

        plan = parts.plan(recipe, len(train), dtype, chosen.get("loss", target.loss))
        outcome = loop.train(network, rows, plan, resources.deadline, score, report)
    if outcome.why == "pruned":
        raise Pruned
    if outcome.why == "deadline" and outcome.steps < FEWEST_STEPS:
        raise OutOfTime(f"{outcome.steps} of {outcome.planned} steps fitted before the deadline: too few to learn from")
    made: FineTuned = way.Model(network, checkpoint, framing, *way.shares(texts), resources.cache, outcome, target.link)
    return made


def _way(chosen: dict[str, Any], table: Table) -> Any:
    """How rows are read and trained on: three files that offer the same."""
    if table.pair is None:
        return single_text
    return bi_encoder if chosen["pair"] == "apart" else cross_encoder


def load(folder: Path) -> ServedFinetune | frozen.ServedFrozen:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    from penna.export.onnx.encoder_export import Graph

    if (folder / heads.FACTS).exists():  # vectors, and a head on what is between them
        return frozen.load(folder)
    graph = Graph.open(folder)
    return ServedFinetune(graph, folder, open_link(folder, graph.facts.outputs))


def _pace(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, train: Table, classes: int, resources: Resources
) -> throughput.Pace:
    """Return the measured pace of this recipe on this machine.

    What the recipe shares with an earlier one is not measured.
    """
    import torch

    from penna.networks import encoder_with_head
    from penna.training import precision, throughput

    chosen = settings(recipe)
    some = parts.sample(train, 4 * PROBE_ROWS, 0)
    way = _way(chosen, some)
    texts, framing = way.texts_of(checkpoint, some, chosen, resources.cache)
    slow = ("frozen", "batch", "pooling")
    still = parts.depth_of(chosen, checkpoint), chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, way, framing, resources.threads, *still, *(chosen[name] for name in slow))
    if key not in _paces:
        torch.set_num_threads(resources.threads)
        network = parts.build(checkpoint, chosen, classes, 0, way.kind())
        with encoder_with_head.compact(network, way.ids(texts)) as lookup:
            rows = way.rows_of(way.moved(texts, lookup), np.arange(len(some)) % classes)
            plan = parts.plan(recipe, len(train), precision.fastest_dtype())
            found = throughput.measure(network, rows, plan, min(_PROBE, _PROBED * resources.deadline.left()))
        _paces[key] = replace(found, row=way.windows(texts) * found.row, alone=way.windows(texts) * found.alone)
    return _paces[key]


def _seconds(recipe: Recipe, rows: int, pace: throughput.Pace) -> tuple[float, float]:
    """Return what a fit takes whatever its steps (loading, tokens, head, scoring a fifth as many rows), and for each
    step.
    """
    from penna.training.loop import Plan

    held_out = rows / 4
    scored = Plan.checks * min(held_out, CHECK_ROWS) + held_out
    if settings(recipe)["head_start"] == "logistic":
        scored += min(rows, 20_000)
    return 1.5 + 5e-5 * rows + scored * pace.row, pace.step
