"""Family ``seq2seq``: an encoder and a decoder that says the same in other words.

Torch stays in functions: ``open`` never meets it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penna import export
from penna.budget import Resources
from penna.data.table import Table
from penna.models.base import Cost, Report
from penna.models.seq2seq import batches as parts
from penna.models.seq2seq.model import SAMPLE, ServedSeq2seq, Translating, answered, exported, greedy
from penna.models.seq2seq.recipes import OUTPUT_KINDS, portfolio, search_space, settings, steps
from penna.models.shared import trainer, training_cost
from penna.models.shared.training_cost import TrainingCost
from penna.preprocessing import parallel_pairs
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "An encoder-decoder"
MARKER = "triangle"
PACKAGES = ("onnxruntime", "tokenizers")
NEEDS_NO_ENCODER = True
USES_NAMED_ENCODER = True
REQUIRES = "text"
NEEDS_TORCH = True
#: It trains networks that begin anew, without an encoder in the recipe.
FROM_SCRATCH = True

__all__ = ["OUTPUT_KINDS", "cost", "fit", "load", "portfolio", "search_space", "shrink"]

#: The validation score on the way is taken on at most so many rows.
CHECK_ROWS = 300
#: A fit of fewer steps says nothing that makes sense.
FEWEST_STEPS = 60
#: Shrinking stops at this share of a pass over the rows, or at so many steps.
LEAST_EPOCHS, ENOUGH_STEPS = 1.0, 600
#: Rows that the probe takes its batches and its vocabulary from.
PROBE_ROWS = 1500
#: A batch of the probe holds so many tokens: a whole one of a slow machine would take seconds.
PROBE_TOKENS = 512
#: What saying a token costs next to learning one: no way back, but one at a time.
_SAYING = 1.5


@dataclass(frozen=True)
class Pace:
    """Seconds for a training step, tokens of both sides in a row, and megabytes of the weights."""

    step: float
    tokens: float
    megabytes: float


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predict the cost from a probe of some seconds, which this process remembers."""
    pace = _pace(recipe, train, resources)
    seconds = _training_cost(recipe, len(train), pace).seconds(recipe)
    return Cost(seconds, pace.megabytes, 1e3 * _row_seconds(recipe, pace) + 5.0)


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the recipe at the fidelity that fits into ``seconds``; None if too few steps would be left."""
    return _training_cost(recipe, len(train), _pace(recipe, train, resources)).shrunk(recipe, seconds)


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> Translating:
    """Learn vocabularies and weights; without ``valid`` a fixed schedule, with nothing selected on the way."""
    import torch

    from penna.training import precision

    torch.set_num_threads(resources.threads)
    chosen = settings(recipe)
    parallel = parallel_pairs.kept(train) if chosen["pairs"] == "drop" else train
    words = parts.words_of(chosen, parallel)
    pairs = parts.pairs_of(chosen, words, parallel)
    network = parts.build(chosen, words, pairs.longest, recipe.seed)
    facts = parts.facts(chosen, words, network, pairs, parallel)
    score = None
    if valid is not None:
        watched = _sample(valid, CHECK_ROWS, recipe.seed)
        truth = task.encode(watched)

        def score() -> float:
            with exported(network, words, greedy(facts), resources.threads) as translator:
                return task.score(truth, answered(translator, watched))

    plan = parts.plan(recipe, pairs, precision.fastest_dtype())
    answering = 0.0 if valid is None else len(valid) * _row_seconds(recipe, _pace(recipe, train, resources))
    deadline = resources.deadline.before(min(answering, 0.3 * max(resources.deadline.left(), 0.0)))
    outcome = trainer.train(network, parts.rows_of(pairs), plan, deadline, score, report, FEWEST_STEPS)
    sample = _sample(parallel, SAMPLE, 0).full_text.tolist()
    return Translating(network, words, facts, outcome, sample, resources.threads)


def load(folder: Path) -> ServedSeq2seq:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    return ServedSeq2seq(export.load_translator(folder), folder)


def _pace(recipe: Recipe, train: Table, resources: Resources) -> Pace:
    """Return the measured pace of this recipe on this machine, shared by recipes that differ in nothing slow."""
    import torch

    chosen = settings(recipe)
    slow = ("encoder", "width", "layers", "decoder_layers", "sharing", "vocabulary", "pieces", "tied", "tokens")
    some = _sample(train, PROBE_ROWS, 0)
    # How long rows are, roughly: folds of one table share a measurement, other tables in this process do not.
    length = round(np.log2(1 + np.mean([len(text) for text in some.full_text])))
    key = (resources.threads, *train.text, train.target_name, length, *(chosen[name] for name in slow))

    def measure() -> Pace:
        torch.set_num_threads(resources.threads)
        return _measured(recipe, some)

    pace: Pace = training_cost.once(key, measure)
    return pace


def _measured(recipe: Recipe, some: Table, seconds: float = 3.0) -> Pace:
    from penna.training import batches, loop, optimizer, precision

    chosen = settings(recipe)
    words = parts.words_of(chosen, some)
    pairs = parts.pairs_of(chosen, words, some)
    network = parts.build(chosen, words, pairs.longest, 0)
    rows, plan = parts.rows_of(pairs), parts.plan(recipe, pairs, precision.fastest_dtype())
    adamw = optimizer.adamw(network, plan.rates)
    cuts = batches.by_tokens(rows.lengths, min(PROBE_TOKENS, plan.tokens), np.random.default_rng(0))
    loop.step(network, adamw, rows, cuts[0], plan, None)  # the first step pays for setting up
    taken: list[float] = []
    begun = time.monotonic()
    while len(taken) < 3 or (time.monotonic() - begun < seconds and len(taken) < 20):
        cut = cuts[len(taken) % len(cuts)]
        started = time.monotonic()
        loop.step(network, adamw, rows, cut, plan, None)
        taken.append((time.monotonic() - started) * plan.tokens / float(rows.lengths[cut].sum()))
    weights = sum(p.numel() for p in network.parameters()) * 4e-6
    return Pace(float(np.median(taken)), float(rows.lengths.mean()), weights + 0.5)


def _training_cost(recipe: Recipe, rows: int, pace: Pace) -> TrainingCost:
    """Return the cost; what is fixed are vocabularies, scores on the way, and predictions."""
    row, chosen = _row_seconds(recipe, pace), settings(recipe)
    checks = 9 * CHECK_ROWS * row / max(1, chosen["beams"])
    tokens = round(pace.tokens * rows)
    return TrainingCost(
        fixed_seconds=3 + 3e-4 * rows + checks + min(rows / 4, 1000) * row,
        step_seconds=pace.step,
        steps=lambda r: steps(r, tokens),
        epoch_steps=LEAST_EPOCHS * tokens / chosen["tokens"],
        fewest_steps=FEWEST_STEPS,
        enough_steps=ENOUGH_STEPS,
    )


def _row_seconds(recipe: Recipe, pace: Pace) -> float:
    """Saying a row's answer with all beams, guessed from what learning it takes."""
    chosen = settings(recipe)
    return float(_SAYING * pace.step * pace.tokens / chosen["tokens"] * max(1, chosen["beams"] / 2))


def _sample(table: Table, most: int, seed: int) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), most, replace=False)))
