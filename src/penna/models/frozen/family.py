"""Family ``frozen``: embeddings of an encoder that is not trained, and a small head on them.

The embeddings come from a cache that all folds and trials share, so that after the first trial a fit takes seconds.
Torch stays in functions: ``open`` never meets it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export
from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import checkpoints, embeddings, sliding_windows
from penna.encoders.checkpoints import Checkpoint
from penna.encoders.sliding_windows import MOST_WINDOWS
from penna.features import pair_overlap
from penna.features.pair_overlap import Overlap
from penna.heads import heads, pair_vectors
from penna.heads.links import Target, silent, target_of
from penna.models.base import Cost, Report
from penna.models.frozen.recipes import portfolio, search_space, settings
from penna.models.frozen.throughput import pace_of
from penna.models.linear.classifiers import balance
from penna.models.shared.encoder_io import given
from penna.preprocessing.sample_weights import copies
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.export import ServedEncoder

__all__ = ["PACKAGES", "cost", "fit", "load", "portfolio", "search_space", "shrink"]

DISPLAY_NAME = "A frozen encoder with a head"
MARKER = "square"
PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True

#: Seconds that it takes to count what the texts of a pair share.
_COUNTING = 8e-5
#: Fewer rows than this teach a head nothing.
FEWEST_ROWS = 200


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted from the encoder's measured pace and from what the cache holds already."""
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    apart = _apart(chosen, train)
    setting = _setting(chosen, checkpoint, train.pair is not None and not apart)
    tables = train.pair_tables if apart else (train,)
    paces = [pace_of(checkpoint, table, setting, resources) for table in tables]
    row = sum(
        pace.row * _missing(checkpoint, setting, table, resources) for pace, table in zip(paces, tables, strict=True)
    )
    width = pair_vectors.width(checkpoint.width) if apart else checkpoint.width
    rows = recipe.fidelity * len(train)
    held_out = max(profile.rows - len(train), 0)
    columns = chosen.get("bins") or profile.classes
    fixed = 1.0 + _head_seconds(chosen, width, rows, columns) + (_COUNTING * (rows + held_out) if apart else 0.0)
    head = 8e-6 * width * (len(train) / 4 if chosen["head"] == "knn" else columns)
    return Cost(
        seconds=fixed + (rows + held_out) * row,
        size_mb=checkpoint.megabytes_at(setting.depth) + head + checkpoint.tokenizer_megabytes,
        latency_ms=1e3 * sum(pace.alone for pace in paces),
    )


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe on as many rows as fit into ``seconds``; None where they would be too few."""
    whole = cost(recipe.replace(fidelity=1.0), profile, train, resources).seconds
    none = cost(recipe.replace(fidelity=1e-9), profile, train, resources).seconds
    fidelity = 0.95 * (seconds - none) / max(whole - none, 1e-9)
    if fidelity * len(train) < max(FEWEST_ROWS, 5 * profile.classes):
        return None
    return recipe.replace(fidelity=min(recipe.fidelity, round(fidelity, 4)))


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Frozen:
    """Embed both tables (or find them in the cache), and fit the head on ``train``."""
    chosen = settings(recipe)
    checkpoint = checkpoints.find(chosen["encoder"])
    apart = _apart(chosen, train)
    setting = _setting(chosen, checkpoint, train.pair is not None and not apart)
    source = Source(checkpoint, setting, resources.cache, resources.threads)
    train = train.take(_part(task.strata(train), recipe.fidelity, recipe.seed))
    if apart:
        source = replace(source, shared=pair_overlap.fit(train)[0])
    try:
        vectors = source.vectors(train, resources)
        if valid is not None:  # so that scoring finds them, and the deadline holds for them too
            source.vectors(valid, resources)
    except embeddings.Unfinished as error:
        raise OutOfTime(str(error)) from error
    if resources.deadline.over():
        raise OutOfTime("no time was left for the head")
    target = target_of(task, train, 0 if chosen["head"] == "ridge" else chosen.get("bins", 0))
    return Frozen(source, _fit_head(chosen, vectors, target, resources, recipe.seed), *source.shares(train))


def load(folder: Path) -> ServedFrozen:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    graph = export.load_encoder(folder)
    width = graph.facts.outputs // (2 if graph.facts.pooling == "sides" else 1)
    shared = pair_overlap.load(folder) if (folder / pair_overlap.FILE).exists() else None
    head = heads.open_head(folder, width if shared is None else pair_vectors.width(width))
    return ServedFrozen(graph, head, folder, shared)


@dataclass(frozen=True)
class Source:
    """The source of vectors: an encoder in one setting, and the cache.

    With ``shared``, which tells what the texts of a pair have in common, each of them is read by itself.
    """

    checkpoint: Checkpoint
    setting: embeddings.Setting
    cache: Path
    threads: int
    shared: Overlap | None = None

    def vectors(self, table: Table, resources: Resources | None = None) -> Array:
        """(n, width) float32; with ``resources``, within their deadline."""
        if self.shared is not None:
            first, second = (self._of(side, resources) for side in table.pair_tables)
            return pair_vectors.combined(first, second, self.shared.matrix(table))
        return self._of(table, resources)

    def shares(self, table: Table) -> tuple[float, float]:
        """Return the shares of rows with a text longer than the length, and with a truncated text."""
        framing = self.setting.framing(self.checkpoint)
        tables = (table,) if self.shared is None else table.pair_tables
        read = [sliding_windows.read(framing, self.checkpoint, each, self.cache) for each in tables]
        long, cut = (np.any([getattr(texts, name) for texts in read], axis=0) for name in ("long", "cut"))
        return float(long.mean()), float(cut.mean())

    def _of(self, table: Table, resources: Resources | None) -> Array:
        return embeddings.embed(
            self.checkpoint,
            table,
            depth=self.setting.depth,
            pooling=self.setting.pooling,
            length=self.setting.length,
            dtype=self.setting.dtype,
            windows=self.setting.windows,
            cache=self.cache,
            deadline=None if resources is None else resources.deadline,
            threads=self.threads,
        )


@dataclass(frozen=True, eq=False)
class Frozen:
    """An encoder as it was found, with a fitted head.

    Of the training rows ``long_share`` were longer than ``length`` tokens, and of ``truncated_share`` a part was not
    read.
    """

    source: Source
    head: heads.Head
    long_share: float = 0.0
    truncated_share: float = 0.0

    @property
    def length(self) -> int:
        return self.source.setting.length

    @property
    def windows(self) -> int:
        return self.source.setting.windows

    def outputs(self, table: Table) -> Array:
        """(n, columns), in the number format that is fastest here: near the artifact's, which has float32."""
        return self.head.link.settled(self.head.outputs(self.source.vectors(table)), silent(table))

    def save(self, folder: Path) -> None:
        """Write the encoder as an ONNX graph, cut to its depth, in float32; the head next to it."""
        checkpoint, setting = self.source.checkpoint, self.source.setting
        module = checkpoints.load_module(checkpoint, depth=setting.depth)
        framing = setting.framing(checkpoint)
        encoder = export.EncoderExport(
            module, checkpoint, setting.length, None, setting.pooling, framing, unit=checkpoint.unit
        )
        export.write_encoder(encoder, folder)
        self.head.save(folder)
        if self.source.shared is not None:
            pair_overlap.save(self.source.shared, folder)


@dataclass(frozen=True, eq=False)
class ServedFrozen:
    """A model as it is served, and the folder that it was opened from; ``shared`` as a ``Source`` has it."""

    graph: ServedEncoder
    head: heads.Head
    folder: Path
    shared: Overlap | None = None

    def outputs(self, table: Table) -> Array:
        return self.head.link.settled(self.head.outputs(self._vectors(table)), silent(table))

    def _vectors(self, table: Table) -> Array:
        if self.shared is None:
            return self.graph.run(given(table))
        if self.graph.facts.pooling == "sides":
            first, second = np.split(self.graph.run(given(table)), 2, axis=1)
        else:
            first, second = (self.graph.run(side.full_text.tolist()) for side in table.pair_tables)
        return pair_vectors.combined(first, second, self.shared.matrix(table))

    def save(self, folder: Path) -> None:
        """Write a copy of what was opened."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def _setting(chosen: dict[str, Any], checkpoint: Checkpoint, pair: bool) -> embeddings.Setting:
    """``pair``: both texts of a pair are to stand in one row."""
    from penna.training.precision import fastest_dtype

    depth = checkpoint.depth_at(float(chosen["depth"]))
    return embeddings.Setting(
        depth,
        checkpoint.pooled(chosen["pooling"]),
        checkpoint.sentence_at(chosen["length"]),
        _dtype(fastest_dtype()),
        MOST_WINDOWS if chosen["long"] == "windows" else 1,
        pair,
    )


def _apart(chosen: dict[str, Any], table: Table) -> bool:
    return table.pair is not None and chosen["pair"] == "apart"


def _dtype(fastest: Any) -> str:
    return str(fastest).removeprefix("torch.")


def _fit_head(chosen: dict[str, Any], vectors: Array, target: Target, resources: Resources, seed: int) -> heads.Head:
    scaling = heads.Scaling.fitted(vectors, chosen["scaling"])
    y, columns = target.y, target.columns
    weights = None
    if chosen.get("class_weights") == "balanced":
        weights = balance(y, columns, target.weights)
    if target.weights is not None:
        weights = target.weights if weights is None else weights * target.weights
    if chosen["head"] == "prototype":
        return heads.fit_prototypes(vectors, y, columns, target.weights)
    if chosen["head"] == "knn":
        if target.weights is not None:
            voting = copies(target.weights)
            vectors, y = vectors[voting], y[voting]
        return heads.fit_neighbours(vectors, y, columns, scaling, chosen["k"], seed, target.link)
    if chosen["head"] == "mlp":
        from penna.heads import mlp

        shape = mlp.Shape(chosen["hidden"], chosen["dropout"])
        arrays = mlp.fit(scaling(vectors), y, columns, shape, weights, resources.deadline, seed, target.output_kind)
        return heads.Head("mlp", scaling, arrays, target.link)
    if target.output_kind == OutputKind.NUMBERS:
        return heads.fit_ridge_head(vectors, target, scaling, chosen.get("alpha", 1.0), resources)
    return heads.fit_linear(vectors, y, columns, scaling, chosen["c"], weights, resources, target.link)


def _part(y: Array, fidelity: float, seed: int) -> Array:
    """Positions of this share of the rows, in order; one row at least of each class."""
    wanted = min(len(y), max(FEWEST_ROWS, round(fidelity * len(y))))
    if wanted == len(y):
        return np.arange(len(y))
    order = np.random.default_rng(seed).permutation(len(y))
    firsts = np.unique(y[order], return_index=True)[1]
    order = np.concatenate([order[firsts], np.delete(order, firsts)])
    return np.sort(order[: max(wanted, len(firsts))])


def _missing(checkpoint: Checkpoint, setting: embeddings.Setting, train: Table, resources: Resources) -> float:
    """Return the share of these rows whose vectors are not in the cache."""
    if not len(train):
        return 0.0
    keys = {replace(setting, windows=windows).key(checkpoint) for windows in (1, setting.windows)}
    held = [embeddings.Store(resources.cache, key).holds(train.hashes) for key in keys]
    return 1.0 - float(np.any(held, axis=0).mean())


def _head_seconds(chosen: dict[str, Any], width: int, rows: float, classes: int) -> float:
    """Rough: a head takes seconds at most, and what matters is the encoder."""
    if chosen["head"] == "mlp":
        return 3e-9 * rows * width * int(chosen["hidden"]) + 0.5
    if chosen["head"] == "logistic":
        return 1.5e-9 * rows * width * classes + 0.2
    return 1e-7 * rows * width / 10
