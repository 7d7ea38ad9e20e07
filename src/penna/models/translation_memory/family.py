"""Family ``translation_memory``: what one would answer without a translator.

The source as it is, or the translation of the nearest source that is remembered, near by its words, or by an encoder's
vectors.

If that is the best there is, the user should know. Torch stays in functions: ``open`` never meets it.
"""

from __future__ import annotations

import numpy as np

from penna.budget import OutOfTime, Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints, embeddings
from penna.features.ngrams import Grams
from penna.features.tfidf import fit_tfidf
from penna.models.base import Cost, Model, Report
from penna.models.frozen.throughput import pace_of
from penna.models.translation_memory import model as remembered
from penna.models.translation_memory.model import load
from penna.preprocessing import parallel_pairs
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "A translation memory"
PACKAGES = ("onnxruntime", "safetensors", "scipy", "tokenizers")
NEEDS_NO_ENCODER = True
USES_NAMED_ENCODER = True
REQUIRES = "text"
#: The nearest row is returned, whatever its weight.
SUPPORTS_SAMPLE_WEIGHT = False

#: What of tasks it answers.
OUTPUT_KINDS = (OutputKind.TEXT,)
#: Words and pairs of words: characters would find more, and take ten times as long to compare.
_GRAMS = Grams(words=2, lower=True)
#: Sources that are remembered: more would take long to compare.
MOST = 50_000
_LENGTH = 128

open = remembered.load


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Return the source as it is, the nearest by words, the nearest by each encoder's vectors."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    pairs = "keep" if profile.noise == "keep" else "drop"
    ways = [{"way": remembered.COPY}, {"way": remembered.WORDS, "pairs": pairs}]
    ways += [{"way": remembered.VECTORS, "pairs": pairs, "encoder": encoder} for encoder in profile.encoders]
    return [Recipe.from_values("translation_memory", way, seed=profile.seed) for way in ways]


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Nothing to choose."""
    return ()


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Guessed from the rows; of an encoder, from its measured pace."""
    rows = min(len(train), MOST)
    if recipe["way"] == remembered.COPY:
        return Cost(0.2 + 1e-4 * profile.rows, 0.01, 0.05)
    if recipe["way"] == remembered.WORDS:
        return Cost(1.0 + 1e-4 * rows + 3e-8 * rows * min(profile.rows / 5, 1000), 4e-4 * rows, 1.0 + 3e-5 * rows)
    checkpoint = checkpoints.find(recipe["encoder"])
    pace = pace_of(checkpoint, train, _setting(checkpoint), resources)
    width = 2e-6 * rows * checkpoint.width
    return Cost(1.0 + 1.3 * rows * pace.row, checkpoint.megabytes + width + 1e-4 * rows, 1e3 * pace.alone)


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Model:
    """Remember the pairs of ``train``, those that may be right where the recipe says so, the first of very many."""
    if recipe["way"] == remembered.COPY:
        return remembered.CopySource()
    known = parallel_pairs.kept(train) if recipe["pairs"] == "drop" else train
    known = known.take(np.arange(min(len(known), MOST)))
    _, targets = parallel_pairs.sides(known)
    if recipe["way"] == remembered.WORDS:
        try:
            tfidf = fit_tfidf(known.full_text, _GRAMS, threads=resources.threads, deadline=resources.deadline)
            rows = tfidf.rows(known.full_text, threads=resources.threads, deadline=resources.deadline)
        except TimeoutError:
            raise OutOfTime("no time was left to count words") from None
        return remembered.ByWords(targets, tfidf, rows)
    source = remembered.Source(checkpoints.find(recipe["encoder"]), _LENGTH, resources.cache, resources.threads)
    try:
        vectors = source.vectors(known, resources.deadline)
        if valid is not None:  # so that scoring finds them, and the deadline holds for them too
            source.vectors(valid, resources.deadline)
    except embeddings.Unfinished as error:
        raise OutOfTime(str(error)) from error
    return remembered.ByVectors(targets, vectors, source)


def _setting(checkpoint: checkpoints.Checkpoint) -> embeddings.Setting:
    return embeddings.Setting(checkpoint.depth_at(1.0), "mean", min(_LENGTH, checkpoint.max_length))


__all__ = ["MOST", "OUTPUT_KINDS", "PACKAGES", "cost", "fit", "load", "portfolio", "search_space"]
