"""Linear models of rows of one text each: n-grams, columns next to them, and one matrix of weights."""

from pathlib import Path

import numpy as np

from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.data.table import Table
from penna.features import columns
from penna.features.tfidf import Tfidf
from penna.heads.links import Link, Target
from penna.models.linear import contributions as terms
from penna.models.linear import storage as files
from penna.models.linear import tabular
from penna.models.linear import text_features as rows_of
from penna.models.linear.pairs import Fit
from penna.search.recipe import Recipe
from penna.solvers.logistic import Logistic


def fit(train: Table, target: Target, recipe: Recipe, resources: Resources, fits: Fit, reading: bool) -> "LinearModel":
    """Fit on rows of one text each, with their columns where ``reading``. Raises TimeoutError and OutOfTime."""
    read = rows_of.read(train.full_text, target, recipe, resources)
    if resources.deadline.over():
        raise OutOfTime("no time was left for the classifier")
    if not reading:
        weights, link = fits(read.X, target, recipe, resources)
        return LinearModel(*_slim(read, weights), link)
    seen = tabular.seen(recipe, train)
    fitted, wide = columns.fit(seen, tabular.target_matrix(target), tabular.way(recipe), recipe.seed)
    weights, link = fits(read.joined_with(wide), target, recipe, resources)
    column_features = tabular.ColumnFeatures(fitted, weights.coef[:, read.width :])
    text = Logistic(weights.coef[:, : read.width], weights.intercept)
    return LinearModel(*_slim(read, text), link, column_features)


def load(folder: Path) -> "LinearModel":
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    tfidf, weights, link = files.read(folder)
    return LinearModel(tfidf, weights, link, tabular.load(folder, len(weights.intercept)))


class LinearModel:
    """A fitted TF-IDF with its weights, columns with theirs, and what becomes of their margins."""

    def __init__(
        self, tfidf: Tfidf, weights: Logistic, link: Link, column_features: tabular.ColumnFeatures | None = None
    ) -> None:
        self.tfidf = tfidf
        self.weights = weights
        self.link = link
        self.column_features = column_features

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities, or numbers."""
        rows = self.tfidf.rows(table.full_text)
        margins = self.weights.margins(rows)
        if self.column_features is not None:
            margins = margins + self.column_features.margins(table)
            if self.column_features.given:  # where the text says nothing, the columns do
                return self.link(margins)
        silent = (np.diff(rows.indptr) == 0) & (rows.shape[1] > 0)
        return self.link.settled(self.link(margins), silent)

    def terms(self, row: Table) -> terms.Terms:
        """Return the margins of a table of one row as a sum."""
        return terms.of(row, self.tfidf, self.weights, self.link, self.column_features)

    def strongest(self, table: Table, most: int) -> list[list[tuple[str, float]]]:
        """Return the n-grams that explain most of each column of outputs on these rows, with their shares."""
        return terms.strongest(table, most, self.tfidf, self.weights, self.link)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        files.write(folder, self.tfidf, self.weights, self.link)
        if self.column_features is not None:
            self.column_features.save(folder)


def _slim(read: rows_of.TextFeatures, weights: Logistic) -> tuple[Tfidf, Logistic]:
    """Weights as they are stored, in half precision, no columns of zeros: what is measured is what is served."""
    return files.rounded(read.tfidf, read.unfolded(weights.coef), weights.intercept)
