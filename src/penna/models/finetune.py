"""Family ``finetune``: an encoder and a head, all of it trained. Torch stays in functions: ``open`` never meets it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.encoders import checkpoints, tokens
from penna.models import Array, Cost, OutOfTime, Pruned, Report, Resources
from penna.models._finetuned import FineTuned, Opened, inputs_of, softmax
from penna.recipe import Knob, Profile, Recipe, Scalar
from penna.table import Table
from penna.tasks import Task

if TYPE_CHECKING:
    from penna.models._network import Network
    from penna.training import loop, speed

#: What a recipe means where it says nothing. ``depth`` and ``frozen`` are shares of the encoder's layers, so that one
#: space serves encoders of any depth; ``head_lr`` and ``embedding_lr`` multiply ``lr``.
DEFAULTS: dict[str, Scalar] = {
    "depth": 1.0,
    "frozen": 0.0,
    "lr": 1e-4,
    "head_lr": 10.0,
    "embedding_lr": 1.0,
    "layer_decay": 1.0,
    "weight_decay": 0.01,
    "epochs": 4.0,
    "warmup": 0.1,
    "schedule": "linear",
    "batch": 32,
    "dropout": 0.1,
    "smoothing": 0.0,
    "class_weights": "none",
    "pooling": "mean",
    "head_start": "random",
    "length": 128,
}

#: The validation score on the way is taken on at most this many rows.
CHECK_ROWS = 1500
#: A fit of fewer steps teaches an encoder nothing.
FEWEST_STEPS = 30
#: Shrinking stops at one epoch, or at this many steps where an epoch has more.
ENOUGH_STEPS = 400
#: Rows that the speed probe draws its batches from.
PROBE_ROWS = 640

_paces: dict[tuple[Any, ...], speed.Pace] = {}


def portfolio(profile: Profile) -> list[Recipe]:
    """Known-good recipes for a table of this size, cheapest first, each for every encoder."""
    small = profile.rows < 2000
    epochs = 8.0 if small else 4.0
    choices: list[dict[str, Scalar]] = [
        {"epochs": epochs / 2},
        {"epochs": epochs},
    ]
    return [
        Recipe.of("finetune", seed=profile.seed).but(encoder=encoder, **(DEFAULTS | choice))  # type: ignore[arg-type]
        for choice in choices
        for encoder in profile.encoders
    ]


def knobs(profile: Profile) -> tuple[Knob, ...]:
    """What a search may turn; nothing where there is no encoder."""
    if not profile.encoders:
        return ()
    return (
        Knob("encoder", values=profile.encoders),
        Knob("depth", values=(1.0, 0.67, 0.5)),
        Knob("frozen", values=(0.0, 0.34, 0.5)),
        Knob("lr", low=2e-5, high=4e-4, log=True),
        Knob("head_lr", values=(1.0, 5.0, 10.0, 20.0)),
        Knob("embedding_lr", values=(0.0, 0.3, 1.0)),
        Knob("layer_decay", values=(1.0, 0.9, 0.8)),
        Knob("epochs", low=1.0, high=16.0 if profile.rows < 2000 else 8.0, log=True),
        Knob("warmup", values=(0.06, 0.1, 0.2)),
        Knob("schedule", values=("linear", "cosine")),
        Knob("batch", values=(16, 32, 64)),
        Knob("dropout", values=(0.0, 0.1, 0.2)),
        Knob("smoothing", values=(0.0, 0.05, 0.1)),
        Knob("class_weights", values=("none", "balanced")),
        Knob("pooling", values=("mean", "cls")),
        Knob("head_start", values=("random", "logistic")),
        Knob("length", values=(64, 128, 256)),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Every knob's value, the defaults included."""
    return DEFAULTS | dict(recipe.knobs)


def steps(recipe: Recipe, rows: int) -> int:
    """Optimiser steps of a fit on this many rows."""
    chosen = settings(recipe)
    wanted = float(chosen["epochs"]) * recipe.effort * rows / int(chosen["batch"])
    return max(1, math.ceil(wanted))


def cost(recipe: Recipe, profile: Profile, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of some three seconds, which is remembered for this process."""
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    pace = _pace(recipe, checkpoint, train, len(set(train.target if train.target is not None else ())), resources)
    fixed, each = _seconds(recipe, len(train), pace)
    depth = _depth(chosen, checkpoint)
    head = 4e-6 * profile.classes * (checkpoint.width + 1)
    return Cost(
        seconds=fixed + each * steps(recipe, len(train)),
        megabytes=checkpoint.megabytes_at(depth) + head + _files(checkpoint),
        # The ONNX graph answers faster than the training graph, about twice.
        milliseconds=500 * pace.alone,
    )


def shrink(recipe: Recipe, profile: Profile, train: Table, resources: Resources, seconds: float) -> Recipe | None:
    """The same recipe with as much effort as fits into ``seconds``; None where too little would be left to learn."""
    checkpoint = checkpoints.find(recipe["encoder"])
    pace = _pace(recipe, checkpoint, train, profile.classes, resources)
    fixed, each = _seconds(recipe, len(train), pace)
    whole = steps(recipe.but(effort=1.0), len(train))
    affordable = (seconds - fixed) / each
    epoch = math.ceil(len(train) / settings(recipe)["batch"])
    if affordable < max(FEWEST_STEPS, min(epoch, ENOUGH_STEPS, whole)):
        return None
    return recipe.but(effort=min(recipe.effort, round(0.99 * affordable / whole, 4)))


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> FineTuned:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    import torch

    from penna.models import _network
    from penna.training import loop, precision

    torch.set_num_threads(resources.threads)
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    texts, length, truncated = _tokens(checkpoint, train, chosen["length"], resources.cache)
    dtype = precision.fastest_dtype()
    network = _build(checkpoint, chosen, len(task.classes), recipe.seed)
    y = task.encode(train)
    watched = None if valid is None else _sample(valid, CHECK_ROWS, recipe.seed)
    seen = [texts] if watched is None else [texts, tokens.tokenise(checkpoint, watched, length, resources.cache)]
    with _network.compact(network, np.unique(np.concatenate([r.values for r in seen]))) as lookup:
        rows = _rows(texts, lookup, y, _class_weights(y, len(task.classes), chosen["class_weights"]))
        if chosen["head_start"] == "logistic":
            _network.start_head(network, rows, dtype, resources.threads)
        score = None
        if watched is not None:
            truth = task.encode(watched)
            scored = _rows(seen[1], lookup, truth)

            def score() -> float:
                logits = loop.outputs(network, scored.lengths, scored.inputs, 64, dtype)
                return task.score(truth, softmax(logits.numpy()))

        outcome = loop.train(network, rows, _plan(recipe, len(train), dtype), resources.deadline, score, report)
    if outcome.why == "pruned":
        raise Pruned
    if outcome.why == "deadline" and outcome.steps < FEWEST_STEPS:
        raise OutOfTime(f"{outcome.steps} of {outcome.planned} steps fitted before the deadline: too few to learn from")
    return FineTuned(network, checkpoint, length, truncated, resources.cache, outcome)


def open(folder: Path) -> Opened:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    from penna.encoders.graph import Graph

    return Opened(Graph.open(folder), folder)


def _depth(chosen: dict[str, Any], checkpoint: checkpoints.Checkpoint) -> int:
    return max(1, round(float(chosen["depth"]) * checkpoint.layers))


def _build(checkpoint: checkpoints.Checkpoint, chosen: dict[str, Any], classes: int, seed: int) -> Network:
    """The network of a recipe where it will be trained, with what the recipe freezes frozen."""
    import torch

    from penna.models import _network
    from penna.training import optimiser, precision

    depth = _depth(chosen, checkpoint)
    encoder = checkpoints.load_module(checkpoint, depth=depth, dropout=chosen["dropout"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network.Network(encoder, checkpoint.width, classes, chosen["pooling"], chosen["dropout"])
    _network.quicken(encoder, precision.device())
    # A shared layer is every layer: it cannot be frozen in part.
    frozen = 0 if checkpoint.shared_layers else round(chosen["frozen"] * depth)
    optimiser.freeze(network, frozen, embeddings=chosen["embedding_lr"] == 0)
    network.to(precision.device())
    return network


def _plan(recipe: Recipe, rows: int, dtype: Any) -> loop.Plan:
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
    )


def _class_weights(y: Array, classes: int, how: str) -> tuple[float, ...] | None:
    """With "balanced" each class weighs as much as any other, as in scikit-learn; with "none" each row does."""
    if how == "none":
        return None
    counts = np.maximum(np.bincount(y, minlength=classes), 1)
    return tuple((len(y) / (classes * counts)).tolist())


def _tokens(
    checkpoint: checkpoints.Checkpoint, train: Table, cap: int, cache: Path | None
) -> tuple[tokens.Ragged, int, float]:
    """The rows' ids, the length that they are cut to, and the share of rows that it cuts."""
    cap = min(cap, checkpoint.max_length)
    length, truncated = tokens.length_for(tokens.tokenise(checkpoint, train, cap, cache).whole, cap)
    return tokens.tokenise(checkpoint, train, length, cache), length, truncated


def _rows(texts: tokens.Ragged, lookup: Array, y: Array, weights: tuple[float, ...] | None = None) -> loop.Rows:
    from penna.training import loop

    moved = replace(texts, values=lookup[texts.values].astype(np.int32), pad=int(lookup[texts.pad]))
    return loop.Rows(moved.lengths, inputs_of(moved), y, weights)


def _sample(table: Table, most: int, seed: int) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), most, replace=False)))


def _pace(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, train: Table, classes: int, resources: Resources
) -> speed.Pace:
    """The measured pace of this recipe on this machine; what the recipe shares with an earlier one is not measured."""
    import torch

    from penna.models import _network
    from penna.training import precision, speed

    chosen = settings(recipe)
    texts, length, _ = _tokens(checkpoint, _sample(train, 4 * PROBE_ROWS, 0), chosen["length"], resources.cache)
    slow = ("depth", "frozen", "batch", "pooling")
    still = chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, length, resources.threads, *still, *(chosen[name] for name in slow))
    if key not in _paces:
        torch.set_num_threads(resources.threads)
        network = _build(checkpoint, chosen, classes, 0)
        with _network.compact(network, np.unique(texts.values)) as lookup:
            rows = _rows(texts, lookup, np.arange(len(texts)) % classes)
            _paces[key] = speed.measure(network, rows, _plan(recipe, len(train), precision.fastest_dtype()))
    return _paces[key]


def _seconds(recipe: Recipe, rows: int, pace: speed.Pace) -> tuple[float, float]:
    """What a fit takes whatever its steps (loading, tokens, head, scoring a fifth as many rows), and for each step."""
    from penna.training.loop import Plan

    held_out = rows / 4
    scored = Plan.checks * min(held_out, CHECK_ROWS) + held_out
    if settings(recipe)["head_start"] == "logistic":
        scored += min(rows, 20_000)
    return 1.5 + 5e-5 * rows + scored * pace.row, pace.step


def _files(checkpoint: checkpoints.Checkpoint) -> float:
    """Megabytes of the tokenizer that the artefact carries."""
    file = checkpoint.folder / "tokenizer.json"
    return file.stat().st_size / 1e6 if file.is_file() else 1.0
