"""The family ``tagger``: an encoder with a head on the first token of each word, all of it trained. It stands for
``finetune`` where words are tagged. Torch stays in functions: ``open`` never meets it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import ragged
from penna.encoders import checkpoints, tokens, words
from penna.models import Array, Cost, OutOfTime, Pruned, Report, Resources, _depths, _tagged
from penna.models import _finetune_parts as parts
from penna.models._tagged import Opened, Tagger, open_rule
from penna.recipe import Knob, Profile, Recipe, Scalar
from penna.table import Table
from penna.tasks import Task

if TYPE_CHECKING:
    from penna.models._word_network import WordNetwork
    from penna.training import loop, speed

PACKAGES = ("onnxruntime", "tokenizers")
NEEDS = "text"
LOSSES = ("tags",)

#: What a recipe means where it says nothing; as in ``finetune``, of which these are the knobs that words have, too.
_USUAL: dict[str, Scalar] = {
    "depth": 1.0, "frozen": 0.0, "lr": 2e-4, "head_lr": 10.0, "embedding_lr": 1.0, "epochs": 6.0, "batch": 16,
    "dropout": 0.1, "smoothing": 0.0, "length": 128,
}  # fmt: skip
CHECK_ROWS = 1000
FEWEST_STEPS = 30
ENOUGH_STEPS = 400
PROBE_ROWS = 640
#: Of the rows' lengths the share that is not cut into windows.
_WHOLE = 0.99

_paces: dict[tuple[Any, ...], speed.Pace] = {}


def portfolio(profile: Profile) -> list[Recipe]:
    """Known-good recipes, cheapest first, each for every encoder."""
    if profile.loss not in LOSSES:
        return []
    epochs = _epochs(profile)
    choices: list[dict[str, Scalar]] = [
        {"epochs": epochs, "depth": 0.5},
        {"epochs": epochs},
        {"epochs": 1.5 * epochs, "lr": 1e-4},
        {"epochs": epochs, "lr": 4e-4, "dropout": 0.2},
    ]
    return [
        Recipe.made("tagger", _USUAL | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in choices
        for encoder, depth in _depths.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    ]


def _epochs(profile: Profile) -> float:
    return float(np.clip(6 * (3500 / max(profile.rows, 1)) ** 0.5, 0.5, 30).round(1))


def knobs(profile: Profile) -> tuple[Knob, ...]:
    """What a search may turn; nothing where there is no encoder."""
    if not profile.encoders or profile.loss not in LOSSES:
        return ()
    epochs = _epochs(profile)
    return (
        Knob("encoder", values=profile.encoders),
        _depths.knob(profile),
        Knob("lr", low=4e-5, high=6e-4, log=True),
        Knob("head_lr", values=(1.0, 5.0, 10.0, 20.0)),
        Knob("embedding_lr", values=(0.0, 0.3, 1.0)),
        Knob("epochs", low=epochs / 4, high=2 * epochs, log=True),
        Knob("batch", values=(8, 16, 32)),
        Knob("dropout", values=(0.0, 0.1, 0.2, 0.3)),
        Knob("smoothing", values=(0.0, 0.05, 0.1)),
    )


def cost(recipe: Recipe, profile: Profile, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of some three seconds, which is remembered for this process."""
    checkpoint = checkpoints.find(recipe["encoder"])
    pace, rows = _pace(recipe, checkpoint, train, profile.classes, resources)
    fixed, each = _seconds(rows, pace)
    head = 4e-6 * profile.classes * (checkpoint.width + 1)
    return Cost(
        seconds=fixed + each * _steps(recipe, rows),
        megabytes=checkpoint.megabytes_at(parts.depth_of(_settings(recipe), checkpoint)) + head + 1.0,
        # The ONNX graph answers one text in about a quarter of the time that the training graph takes.
        milliseconds=250 * pace.alone,
    )


def shrink(recipe: Recipe, profile: Profile, train: Table, resources: Resources, seconds: float) -> Recipe | None:
    """The same recipe with as much effort as fits into ``seconds``; None where too little would be left to learn."""
    checkpoint = checkpoints.find(recipe["encoder"])
    pace, rows = _pace(recipe, checkpoint, train, profile.classes, resources)
    fixed, each = _seconds(rows, pace)
    whole = _steps(recipe.but(effort=1.0), rows)
    affordable = (seconds - fixed) / each
    epoch = math.ceil(rows / recipe["batch"])
    if affordable < max(FEWEST_STEPS, min(epoch, ENOUGH_STEPS, whole)):
        return None
    return recipe.but(effort=min(recipe.effort, round(0.99 * affordable / whole, 4)))


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Tagger:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    import torch

    from penna.models import _network
    from penna.training import loop, precision

    torch.set_num_threads(resources.threads)
    chosen, rule = _settings(recipe), _rule(task)
    checkpoint = checkpoints.find(chosen["encoder"])
    texts, length = _texts(checkpoint, train, rule, chosen["length"])
    watched = None if valid is None else parts.sample(valid, CHECK_ROWS, recipe.seed)
    seen = [texts] if watched is None else [texts, _tagged.read(checkpoint, watched, rule, length)]
    network, dtype = _built(checkpoint, chosen, task.columns, recipe.seed), precision.fastest_dtype()
    with _network.compact(network, np.unique(np.concatenate([t.rows.values for t in seen]))) as lookup:
        rows = _rows(_tagged.moved(texts, lookup), ragged.flat(task.encode(train))[0], train.weight)
        score = None
        if watched is not None:
            truth, scored = task.encode(watched), _tagged.moved(seen[1], lookup)

            def score() -> float:
                return task.score(truth, _tagged.probabilities(network, scored, dtype))

        plan = _plan(recipe, len(rows), dtype)
        outcome = loop.train(network, rows, plan, resources.deadline, score, report)
    if outcome.why == "pruned":
        raise Pruned
    if outcome.why == "deadline" and outcome.steps < FEWEST_STEPS:
        raise OutOfTime(f"{outcome.steps} of {outcome.planned} steps fitted before the deadline: too few to learn from")
    return Tagger(network, checkpoint, rule, length, float(texts.long.mean()), outcome)


def open(folder: Path) -> Opened:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    from penna.encoders.graph import Graph
    from penna.errors import BundleError

    graph = Graph.open(folder)
    if graph.facts.pooling != "none" or graph.facts.framing is None:
        raise BundleError(f"{folder} holds an encoder that does not answer for words: copy the artefact again.")
    return Opened(graph, folder, open_rule(folder))


def _settings(recipe: Recipe) -> dict[str, Any]:
    from penna.models._finetune_recipes import settings

    return settings(recipe)


def _rule(task: Task) -> str:
    rule: str = task.rule  # type: ignore[attr-defined]
    return rule


def _texts(checkpoint: checkpoints.Checkpoint, train: Table, rule: str, cap: int) -> tuple[words.Worded, int]:
    """The rows of tokens, as long as nearly all texts need, and that length."""
    cap = min(cap, checkpoint.max_length)
    some = _tagged.read(checkpoint, parts.sample(train, 2000, 0), rule, cap)
    length, _ = tokens.length_for(some.rows.lengths, cap, _WHOLE)
    length = min(max(length, 16), cap)
    return _tagged.read(checkpoint, train, rule, length), length


def _built(checkpoint: checkpoints.Checkpoint, chosen: dict[str, Any], columns: int, seed: int) -> WordNetwork:
    from penna.models._word_network import WordNetwork

    network: WordNetwork = parts.build(checkpoint, chosen, columns, seed, WordNetwork)
    return network


def _rows(texts: words.Worded, tags: Array, weight: Array | None = None) -> loop.Rows:
    """What is learnt from: windows, and the (flat) tags of the words that are looked at in each."""
    from penna.training import loop

    at, numbers = texts.by_window()
    y = np.where(numbers >= 0, tags[np.maximum(numbers, 0)] if len(tags) else 0, -100)
    shares = None
    if weight is not None:  # of the text that a window is part of
        owner = np.zeros(len(texts.rows), np.int64)
        there = texts.window >= 0
        owner[texts.window[there]] = np.repeat(np.arange(len(texts.long)), np.diff(texts.offsets))[there]
        shares = weight[owner]
    return loop.Rows(texts.rows.lengths, _tagged.inputs_of(texts.rows, at), y, None, shares)


def _plan(recipe: Recipe, rows: int, dtype: Any) -> loop.Plan:
    return parts.plan(recipe, rows, dtype, "tags")


def _steps(recipe: Recipe, rows: int) -> int:
    return max(1, math.ceil(float(recipe["epochs"]) * recipe.effort * rows / int(recipe["batch"])))


def _pace(
    recipe: Recipe, checkpoint: checkpoints.Checkpoint, train: Table, tags: int, resources: Resources
) -> tuple[speed.Pace, int]:
    """The measured pace of this recipe on this machine, and how many windows the rows are."""
    import torch

    from penna.models import _network
    from penna.training import precision, speed

    chosen = _settings(recipe)
    some = parts.sample(train, PROBE_ROWS, 0)
    # How words are found makes little difference to how long rows are.
    texts, length = _texts(checkpoint, some, "found", chosen["length"])
    still = parts.depth_of(chosen, checkpoint), chosen["frozen"], chosen["embedding_lr"] == 0, chosen["dropout"] > 0
    key = (checkpoint.fingerprint, length, resources.threads, chosen["batch"], *still)
    if key not in _paces:
        torch.set_num_threads(resources.threads)
        network = _built(checkpoint, chosen, tags, 0)
        with _network.compact(network, np.unique(texts.rows.values)) as lookup:
            rows = _rows(_tagged.moved(texts, lookup), np.arange(len(texts.window)) % tags)
            _paces[key] = speed.measure(network, rows, _plan(recipe, len(train), precision.fastest_dtype()))
    return _paces[key], round(len(texts.rows) / max(len(some), 1) * len(train))


def _seconds(rows: int, pace: speed.Pace) -> tuple[float, float]:
    """What a fit takes whatever its steps (loading, tokens, scoring a fifth as many rows), and for each step."""
    from penna.training.loop import Plan

    held_out = rows / 4
    return 1.5 + 3e-4 * rows + (Plan.checks * min(held_out, CHECK_ROWS) + held_out) * pace.row, pace.step
