"""The features of trees: columns, text statistics, directions of n-grams, and predictions of text models.

The last is stacking (Wolpert 1992, "Stacked Generalization"): on training rows, each answer comes from a model that did
not see the row. Serving opens this file.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.budget import Resources
from penna.data import splits
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.features import columns, pair_overlap, text_statistics
from penna.features.columns.base import Columns
from penna.features.ngrams import Grams
from penna.features.pair_overlap import Overlap
from penna.features.svd import directions
from penna.features.tfidf import Tfidf, fit_tfidf
from penna.heads.links import SOFTMAX, target_of
from penna.models.base import Model, get_family
from penna.models.linear import storage as files
from penna.models.linear import tabular
from penna.models.shared import load_part
from penna.search.recipe import DatasetProfile, Recipe
from penna.solvers.logistic import Logistic
from penna.tasks.base import Task

FILE = "readers.json"
COUNTS, SVD, OVERLAP = "counts", "svd", "overlap"
#: Families that give out-of-fold predictions, and what each fold costs relative to the fit on all rows: a share of
#: that, and seconds. Embeddings are made once.
BASES = {"linear": (1.0, 0.0), "frozen": (0.02, 1.0), "finetune": (1.0, 0.0)}
FOLDS = 4
_DIRECTIONS = 32
#: Out-of-fold answers of the last fits: recipes that differ in their trees alone share them.
_MOST_KEPT = 32
_kept: dict[tuple[str, str], Array] = {}


@dataclass(frozen=True, eq=False)
class StackedInputs:
    """``texts``: text columns that are counted, 0 for none; ``bases``: (family, model, columns of its answers).

    ``overlap``: what the texts of pairs have in common.
    """

    columns: Columns
    texts: int = 0
    directions: tuple[Tfidf, Logistic] | None = None
    bases: tuple[tuple[str, Model, int], ...] = ()
    overlap: Overlap | None = None

    @property
    def width(self) -> int:
        """Return the number of columns."""
        svd = 0 if self.directions is None else len(self.directions[1].coef)
        shared = 0 if self.overlap is None else len(pair_overlap.NAMES)
        own = self.columns.width + text_statistics.width(self.texts) + svd + shared
        return own + sum(width for *_, width in self.bases)

    def matrix(self, table: Table) -> Array:
        """(n, width) float32, NaN where missing."""
        answers = [_told(model.outputs(table)) for _, model, _ in self.bases]
        whole = np.concatenate([*self._plain(table, self.columns.matrix(table)), *answers], axis=1)
        if whole.shape[1] != self.width:
            raise ValueError(f"what trees read has {whole.shape[1]} columns, not {self.width}")
        return whole

    def _plain(self, table: Table, numbers: Array) -> Iterator[Array]:
        yield numbers
        if self.texts:
            yield text_statistics.matrix(table)
        if self.directions is not None:
            tfidf, weights = self.directions
            yield weights.margins(tfidf.rows(table.full_text))
        if self.overlap is not None:
            yield self.overlap.matrix(table)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        tabular.write(folder, self.columns)
        data = {"format": 1, "texts": self.texts, "svd": self.directions is not None}
        bases = [{"family": family, "width": width} for family, _, width in self.bases]
        (folder / FILE).write_text(json.dumps({**data, "bases": bases}), encoding="utf-8")
        if self.directions is not None:
            (folder / SVD).mkdir()
            files.write(folder / SVD, *self.directions, SOFTMAX)
        if self.overlap is not None:
            pair_overlap.save(self.overlap, folder)
        for i, (family, model, _) in enumerate(self.bases):
            (folder / f"{i}-{family}").mkdir()
            model.save(folder / f"{i}-{family}")


def fit(recipe: Recipe, task: Task, train: Table, resources: Resources) -> tuple[StackedInputs, Array]:
    """Readers, and the (n, width) matrix of the training rows, in which no row has seen its own target."""
    parts = parts_of(recipe)
    target_columns = tabular.target_matrix(target_of(task, train))
    fitted_columns, wide = columns.fit(train, target_columns, tabular.way(recipe, "raw"), recipe.seed)
    readers = StackedInputs(
        fitted_columns,
        len(train.text) if COUNTS in parts else 0,
        _directions(train, recipe, resources) if SVD in parts else None,
        overlap=pair_overlap.fit(train)[0] if OVERLAP in parts else None,
    )
    stacked = [(name, *_stack(base(recipe, name, task.output_kind, task.columns, len(train)), task, train, resources))
               for name in parts if name in BASES]  # fmt: skip
    bases = tuple((name, model, answers.shape[1]) for name, model, answers in stacked)
    matrix = np.concatenate([*readers._plain(train, wide), *(answers for *_, answers in stacked)], axis=1)
    return replace(readers, bases=bases), matrix


def parts_of(recipe: Recipe) -> Sequence[str]:
    """Return what a recipe reads of the text.

    >>> parts_of(Recipe.of("trees", text="counts+linear"))
    ['counts', 'linear']
    """
    return [part for part in str(recipe.get("text", "none")).split("+") if part != "none"]


def base(recipe: Recipe, name: str, output_kind: OutputKind, classes: int, rows: int) -> Recipe:
    """Return the recipe of a family whose answers are to be read.

    Milder than what scores best: uncertainty is wanted.
    """
    encoder = recipe.get("encoder")
    profile = DatasetProfile(
        rows, classes, rows, 100.0, encoders=(encoder,) if encoder else (), output_kind=output_kind, seed=recipe.seed
    )  # fmt: skip
    offered: list[Recipe] = get_family(name).portfolio(profile)
    # Words and characters, or the whole encoder, under a logistic regression.
    whole = [r for r in offered if r.get("analyzer", "word+char") == "word+char" and r.get("depth", 1.0) == 1.0]
    chosen = next((r for r in whole if r.get("classifier", "logistic") == "logistic"), offered[0])
    return chosen.replace(c=3.0) if chosen.get("c") else chosen


def known(recipe: Recipe, train: Table) -> bool:
    """Whether a base recipe's answers for these rows lie in memory."""
    return (recipe.id, train.fingerprint) in _kept


def _stack(recipe: Recipe, task: Task, train: Table, resources: Resources) -> tuple[Model, Array]:
    """Return the model fitted on all rows, and (n, width) what such models answer for rows that they did not see."""
    key = recipe.id, train.fingerprint
    if key not in _kept:
        held = _held_out(recipe, task, train, resources)
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = held
    model: Model = get_family(recipe.family).fit(recipe, task, train, None, resources, _on)
    return model, _kept[key]


def _held_out(recipe: Recipe, task: Task, train: Table, resources: Resources) -> Array:
    """(n, width), NaN for rows that were in no part held out, where there are very many rows."""
    family = get_family(recipe.family)
    plan = splits.plan(train, task.strata(train), folds=FOLDS, has_test=True, seed=recipe.seed)
    held: Array | None = None
    for learn, ask in plan.folds:
        if not len(learn) or not len(ask):  # few different texts fill few folds
            continue
        model = family.fit(recipe, task, train.take(learn), None, resources, _on)
        answers = _told(model.outputs(train.take(ask)))
        held = np.full((len(train), answers.shape[1]), np.nan, np.float32) if held is None else held
        held[ask] = answers
    if held is None:
        raise ValueError("the rows are too much alike to be held out from one another")
    return held


def _on(step: int, of: int, score: float) -> bool:
    return True


def _told(outputs: Array) -> Array:
    """Drop the second column of two classes, which repeats the first."""
    return outputs[:, 1:] if outputs.shape[1] == 2 else outputs


def _directions(train: Table, recipe: Recipe, resources: Resources) -> tuple[Tfidf, Logistic] | None:
    """Return directions of words, rounded as they are stored; None for too few words."""
    tfidf = fit_tfidf(train.full_text, Grams(words=2), min_df=2, keep=20_000, deadline=resources.deadline)
    axes = directions(tfidf.rows(train.full_text), recipe.get("directions", _DIRECTIONS), recipe.seed)
    if not axes.shape[1]:
        return None
    return tfidf, Logistic(files.spread(axes.astype(np.float16)), np.zeros(axes.shape[1], np.float32))


def load(folder: Path) -> StackedInputs:
    """Return what ``save`` wrote. Raises BundleError."""
    path = folder / FILE
    with safe_load.damaged(path):
        data = safe_load.load_json(path)
        texts, svd, bases = int(data["texts"]), bool(data["svd"]), [_base(line) for line in data["bases"]]
        if not 0 <= texts <= 10_000 or len(bases) > len(BASES):
            raise ValueError("its numbers are out of range")
    opened = tuple(
        (family, load_part.part(family, folder / f"{i}-{family}"), width) for i, (family, width) in enumerate(bases)
    )
    shared = pair_overlap.load(folder) if (folder / pair_overlap.FILE).exists() else None
    return StackedInputs(tabular.read(folder), texts, files.read(folder / SVD)[:2] if svd else None, opened, shared)


def _base(line: Mapping[str, Any]) -> tuple[str, int]:
    family, width = str(line["family"]), int(line["width"])
    if family not in BASES or width < 1:
        raise ValueError("it names a model that trees do not read")
    return family, width
