"""Family ``contrastive``: an encoder tuned on pairs of few texts, and a small head on its vectors.

Texts of one class come near one another (Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts").

Pairs are drawn batch by batch, and all texts of a batch are compared: no list of pairs is ever made. Torch stays in
functions: ``open`` never meets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export
from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows
from penna.heads import heads
from penna.heads.links import Target, silent, target_of
from penna.models.base import Cost, Report
from penna.models.contrastive.recipes import as_finetune, few_shot_default, portfolio, search_space, settings
from penna.models.finetune import batches as parts
from penna.models.finetune import family as finetune
from penna.models.finetune.model import logits_of, save_encoder
from penna.models.finetune.recipes import settings as as_trained
from penna.models.frozen import family as frozen
from penna.models.shared.trainer import EncoderTraining
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.encoders.sliding_windows import Framing
    from penna.networks.encoder_with_head import Network
    from penna.training import loop

__all__ = ["PACKAGES", "cost", "few_shot_default", "fit", "load", "portfolio", "search_space", "shrink"]

DISPLAY_NAME = "An encoder tuned by contrasts"
PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True
OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)

#: A fit of fewer steps has drawn nothing together.
FEWEST_STEPS = 4
#: Seconds for the head.
_HEAD = 0.3
#: A step reads two texts for each row of its batch.
_TWICE = 2.0
#: Seconds of a predicted fine-tune that do not double.
_LOADING = 1.0


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted as of a fine-tune with twice as many texts in a step."""
    alike = finetune.cost(as_finetune(recipe), profile, train, resources)
    return Cost(_TWICE * alike.seconds - _LOADING, alike.size_mb, alike.latency_ms)


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe with fewer pairs; None where too few would be left."""
    for fidelity in (0.5, 0.25):
        smaller = recipe.replace(fidelity=min(recipe.fidelity, fidelity))
        if cost(smaller, profile, train, resources).seconds <= seconds:
            return smaller
    return None


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Tuned:
    """Tune the encoder on pairs of ``train``, then fit the head to its vectors. Nothing is selected on the way."""
    import torch

    from penna.networks import encoder_with_head
    from penna.training import precision

    torch.set_num_threads(resources.threads)
    chosen, alike = settings(recipe), as_finetune(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    chosen["length"] = checkpoint.sentence_at(chosen["length"])
    texts, framing = parts.texts_of(checkpoint, train, chosen, resources.cache)
    target, dtype = target_of(task, train), precision.fastest_dtype()
    network = parts.build(checkpoint, as_trained(alike), 1, recipe.seed)
    network.head = torch.nn.Identity()
    # Reading all rows for the head takes a sixth of what one pair of each takes: one text, and no way back.
    share = 1 / (1 + 6 * chosen["pairs"] * recipe.fidelity)
    training = EncoderTraining(
        network=network,
        train=texts,
        ids=lambda read: read.rows.values,
        remapped=parts.moved,
        rows=lambda read: _twins(parts.rows_of(read, target.y, None, target.weights, recipe.seed), recipe.seed),
        plan=lambda _: parts.plan(alike, len(train), dtype, "contrastive"),
        trained=encoder_with_head.Twins(network),
        fewest_steps=FEWEST_STEPS,
    )
    training.run(resources.deadline.before(_HEAD + share * max(0.0, resources.deadline.left())))
    vectors = logits_of(network, texts, dtype)
    if resources.deadline.over():
        raise OutOfTime("no time was left for the head")
    head = _head(chosen, vectors, target, resources)
    return Tuned(network, head, checkpoint, framing, float(texts.long.mean()), float(texts.cut.mean()), resources.cache)


def load(folder: Path) -> frozen.ServedFrozen:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    return frozen.load(folder)


@dataclass(frozen=True, eq=False)
class Tuned:
    """An encoder that was tuned on pairs, with a fitted head.

    Of the training rows ``long_share`` were longer than ``length`` tokens, and of ``truncated_share`` a part was not
    read.
    """

    network: Network
    head: heads.Head
    checkpoint: checkpoints.Checkpoint
    framing: Framing
    long_share: float
    truncated_share: float
    cache: Path | None

    @property
    def length(self) -> int:
        return self.framing.length

    @property
    def windows(self) -> int:
        return self.framing.windows

    def outputs(self, table: Table) -> Array:
        """(n, columns), in the number format that is fastest here: near the artifact's, which has float32."""
        from penna.training import precision

        vectors = np.zeros((0, self.checkpoint.width), np.float32)
        if len(table):
            texts = sliding_windows.read(self.framing, self.checkpoint, table, self.cache)
            vectors = logits_of(self.network, texts, precision.fastest_dtype())
        return self.head.link.settled(self.head.outputs(vectors), silent(table))

    def save(self, folder: Path) -> None:
        """Write the encoder as an ONNX graph in float32, the head next to it."""
        network = self.network.cpu().eval()
        pooling, framing = network.pooling, self.framing
        encoder = export.EncoderExport(network.encoder, self.checkpoint, framing.length, None, pooling, framing)
        export.write_encoder(encoder, folder)
        self.head.save(folder)

    def save_checkpoint(self, folder: Path) -> None:
        """Write the tuned encoder in Hugging Face form, and the head on its vectors."""
        save_encoder(self.network.cpu().encoder, self.checkpoint, folder)
        self.head.save(folder)


def _twins(rows: loop.Rows, seed: int) -> loop.Rows:
    """Return the same rows, each of which brings another of its class along, where there is another."""
    from penna.training import loop

    rng, y = np.random.default_rng(seed), rows.y
    order = np.argsort(y, kind="stable")
    counts = np.bincount(y)
    firsts = np.cumsum(counts) - counts
    place = np.empty(len(y), np.int64)
    place[order] = np.arange(len(y)) - np.repeat(firsts, counts)

    def drawn(index: Array) -> Any:
        sizes = counts[y[index]]
        # One of the others: from the next on, around the end and up to the one before.
        step = 1 + (rng.random(len(index)) * np.maximum(sizes - 1, 1)).astype(np.int64)
        other = order[firsts[y[index]] + (place[index] + step) % sizes]
        return rows.inputs(np.concatenate([index, other]))

    return loop.Rows(rows.lengths, drawn, y, None, rows.shares)


def _head(chosen: dict[str, Any], vectors: Array, target: Target, resources: Resources) -> heads.Head:
    if chosen["head"] == "prototype":
        return heads.fit_prototypes(vectors, target.y, target.columns, target.weights)
    scaling = heads.Scaling.fitted(vectors, "unit")
    return heads.fit_linear(
        vectors, target.y, target.columns, scaling, chosen["c"], target.weights, resources, target.link
    )
