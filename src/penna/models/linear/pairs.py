"""A linear model of pairs: n-grams of either text, each in a space of its own, what both have in common, and columns.

What is learned is one matrix of weights over all of these; it is kept in the parts that it falls into, so that the
margins of a pair are a sum. Serving opens this file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import BundleError
from penna.features import columns, pair_overlap
from penna.features.pair_overlap import Overlap
from penna.features.tfidf import Tfidf
from penna.heads.links import SOFTMAX, Link, Target
from penna.models.linear import contributions as terms
from penna.models.linear import storage as files
from penna.models.linear import tabular
from penna.models.linear import text_features as rows_of
from penna.search.recipe import Recipe
from penna.solvers.logistic import Logistic

FIRST, SECOND = "first", "second"
FILE = "across.safetensors"
_LARGEST = 64 << 20

#: From rows, a target, a recipe and resources to weights and the link of their margins.
Fit = Callable[[Any, Target, Recipe, Resources], tuple[Logistic, Link]]


@dataclass(frozen=True, eq=False)
class Across:
    """Features of both texts together, and their weights (k, features) float32."""

    overlap: Overlap
    coef: Array

    def margins(self, table: Table) -> Array:
        """(n, k) float32."""
        return np.asarray(self.overlap.matrix(table) @ self.coef.T)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        from safetensors.numpy import save_file

        pair_overlap.save(self.overlap, folder)
        save_file({"coef": np.ascontiguousarray(self.coef, np.float32)}, folder / FILE)


@dataclass(frozen=True, eq=False)
class PairModel:
    """The n-grams and weights of each side (the intercept is with the first), of both, and of columns."""

    sides: tuple[tuple[Tfidf, Logistic], tuple[Tfidf, Logistic]]
    across: Across | None
    link: Link
    column_features: tabular.ColumnFeatures | None = None

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities, or numbers."""
        parts = [
            weights.margins(tfidf.rows(side.full_text))
            for (tfidf, weights), side in zip(self.sides, table.pair_tables, strict=True)
        ]
        parts += [part.margins(table) for part in (self.across, self.column_features) if part is not None]
        return self.link(np.asarray(sum(parts), np.float32))

    def terms(self, row: Table) -> terms.Terms:
        """Return the margins of a table of one row as a sum."""
        each = [terms.of(side, *own, self.link) for own, side in zip(self.sides, row.pair_tables, strict=True)]
        contributions = {} if self.across is None else _told(self.across, row)
        if self.column_features is not None:
            contributions |= terms._columns(row, self.column_features)
        return _together(each[0], each[1], self.sides, contributions)

    def strongest(self, table: Table, most: int) -> list[list[tuple[str, float]]]:
        """Return the n-grams of either text that move each column of outputs up the most, over these rows."""
        intercept = self.sides[0][1].intercept  # where the link's slope is taken
        each = [
            terms.strongest(side, most, tfidf, Logistic(weights.coef, intercept), self.link)
            for (tfidf, weights), side in zip(self.sides, table.pair_tables, strict=True)
        ]
        return [sorted((*a, *b), key=lambda gram: -abs(gram[1]))[:most] for a, b in zip(*each, strict=True)]

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        for name, (tfidf, weights) in zip((FIRST, SECOND), self.sides, strict=True):
            (folder / name).mkdir()
            files.write(folder / name, tfidf, weights, self.link if name == FIRST else SOFTMAX)
        if self.across is not None:
            self.across.save(folder)
        if self.column_features is not None:
            self.column_features.save(folder)


def fit(train: Table, target: Target, recipe: Recipe, resources: Resources, fits: Fit, reading: bool) -> PairModel:
    """Fit on these rows, with their columns where ``reading``. Raises TimeoutError and OutOfTime."""
    sides = [rows_of.read(side.full_text, target, recipe, resources) for side in train.pair_tables]
    X = _side_by_side(sides)
    shared: Overlap | None = None
    if _signed(recipe):
        shared, wide = pair_overlap.fit(train)
        X = _beside_rows(X, wide)
    if resources.deadline.over():
        raise OutOfTime("no time was left for the classifier")
    fitted = None
    if reading:
        seen = tabular.seen(recipe, train)
        fitted, wide = columns.fit(seen, tabular.target_matrix(target), tabular.way(recipe), recipe.seed)
        X = _beside_rows(X, wide)
    weights, link = fits(X, target, recipe, resources)
    cuts = np.cumsum([sides[0].width, sides[1].width, 0 if shared is None else len(pair_overlap.NAMES)])
    first, second, both, more = np.split(weights.coef, cuts, axis=1)
    return PairModel(
        (
            _stored(sides[0], first, weights.intercept),
            _stored(sides[1], second, np.zeros_like(weights.intercept)),
        ),
        None if shared is None else Across(shared, both),
        link,
        None if fitted is None else tabular.ColumnFeatures(fitted, more),
    )


def known(folder: Path) -> bool:
    """Whether a model of pairs lies there."""
    return (folder / FIRST).is_dir()


def load(folder: Path) -> PairModel:
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    first, second = files.read(folder / FIRST), files.read(folder / SECOND)
    k = len(first[1].intercept)
    if len(second[1].intercept) != k:
        raise BundleError(f"{folder}: its sides do not go together: copy the artifact again.")
    across = _open_across(folder, k) if (folder / FILE).exists() else None
    return PairModel((first[:2], second[:2]), across, first[2], tabular.load(folder, k))


def _open_across(folder: Path, k: int) -> Across:
    found, path = pair_overlap.load(folder), folder / FILE
    with safe_load.damaged(path):
        coef = safe_load.load_arrays(path, _LARGEST, {"coef": np.float32})["coef"]
        if coef.shape != (k, len(pair_overlap.NAMES)):
            raise ValueError("its weights do not go with its model")
    return Across(found, coef)


def _signed(recipe: Recipe) -> bool:
    """Whether what is learned can read numbers of either sign: naive Bayes, and priors by counts, cannot."""
    return recipe["classifier"] != "complement_nb" and not recipe.get("nb")


def _side_by_side(sides: list[rows_of.TextFeatures]) -> Any:
    """Rows of n-grams stay sparse; those of directions are dense on either side."""
    first, second = (side.X for side in sides)
    if hasattr(first, "tocsr") and hasattr(second, "tocsr"):
        from scipy.sparse import hstack

        return hstack([first, second], format="csr", dtype=np.float32)
    dense = [np.asarray(X.todense() if hasattr(X, "todense") else X, np.float32) for X in (first, second)]
    return np.concatenate(dense, axis=1)


def _beside_rows(X: Any, wide: Array) -> Any:
    if not hasattr(X, "tocsr"):
        return np.concatenate([X, wide], axis=1)
    from scipy.sparse import csr_matrix, hstack

    return hstack([X, csr_matrix(wide)], format="csr", dtype=np.float32)


def _stored(side: rows_of.TextFeatures, coef: Array, intercept: Array) -> tuple[Tfidf, Logistic]:
    return files.rounded(side.tfidf, side.unfolded(coef), intercept)


def _told(across: Across, row: Table) -> dict[str, Array]:
    values = across.overlap.matrix(row)[0].astype(np.float64)
    return {name: across.coef[:, i] * values[i] for i, name in enumerate(pair_overlap.NAMES)}


def _together(
    first: terms.Terms,
    second: terms.Terms,
    sides: tuple[tuple[Tfidf, Logistic], tuple[Tfidf, Logistic]],
    contributions: Mapping[str, Array],
) -> terms.Terms:
    """One row of terms; numbers of features are moved so that those of both sides stay apart, pieces below words."""
    shift, words = len(first.text) + 1, len(sides[0][0].buckets) - first.pieces
    pieces = first.pieces + second.pieces
    one = np.where(first.feature < first.pieces, first.feature, first.feature + second.pieces)
    own = second.feature < second.pieces
    other = np.where(own, second.feature + first.pieces, second.feature + first.pieces + words)
    return replace(
        first,
        text=f"{first.text}\n{second.text}",
        grams=np.concatenate([first.grams, second.grams]),
        feature=np.concatenate([one, other]),
        pieces=pieces,
        starts=np.concatenate([first.starts, second.starts + shift]),
        ends=np.concatenate([first.ends, second.ends + shift]),
        columns=dict(contributions),
    )
