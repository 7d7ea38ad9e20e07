"""Linear models of rows of one text each: n-grams, columns beside them, and one matrix of weights."""

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
    read = rows_of.read(train.joined, target, recipe, resources)
    if resources.deadline.over():
        raise OutOfTime("no time was left for the classifier")
    if not reading:
        weights, link = fits(read.X, target, recipe, resources)
        return LinearModel(*_slim(read, weights), link)
    seen = tabular.seen(recipe, train)
    fitted, wide = columns.fit(seen, tabular.told(target), tabular.way(recipe), recipe.seed)
    weights, link = fits(read.beside(wide), target, recipe, resources)
    beside = tabular.Beside(fitted, weights.coef[:, read.width :])
    text = Logistic(weights.coef[:, : read.width], weights.intercept)
    return LinearModel(*_slim(read, text), link, beside)


def open(folder: Path) -> "LinearModel":
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    tfidf, weights, link = files.read(folder)
    return LinearModel(tfidf, weights, link, tabular.open(folder, len(weights.intercept)))


class LinearModel:
    """A fitted TF-IDF with its weights, columns with theirs, and what becomes of their margins."""

    def __init__(self, tfidf: Tfidf, weights: Logistic, link: Link, beside: tabular.Beside | None = None) -> None:
        self.tfidf = tfidf
        self.weights = weights
        self.link = link
        self.beside = beside

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities, or numbers."""
        rows = self.tfidf.rows(table.joined)
        margins = self.weights.margins(rows)
        if self.beside is not None:
            margins = margins + self.beside.margins(table)
            if self.beside.given:  # where the text says nothing, the columns do
                return self.link(margins)
        silent = (np.diff(rows.indptr) == 0) & (rows.shape[1] > 0)
        return self.link.settled(self.link(margins), silent)

    def terms(self, row: Table) -> terms.Terms:
        """The margins of a table of one row as a sum."""
        return terms.of(row, self.tfidf, self.weights, self.link, self.beside)

    def strongest(self, table: Table, most: int) -> list[list[tuple[str, float]]]:
        """Of each column of outputs, the n-grams that speak for it most over these rows, and their shares."""
        return terms.strongest(table, most, self.tfidf, self.weights, self.link)

    def save(self, folder: Path) -> None:
        files.write(folder, self.tfidf, self.weights, self.link)
        if self.beside is not None:
            self.beside.save(folder)


def _slim(read: rows_of.Read, weights: Logistic) -> tuple[Tfidf, Logistic]:
    """Weights as they are stored, in half precision, no columns of zeros: what is measured is what is served."""
    return files.rounded(read.tfidf, read.unfolded(weights.coef), weights.intercept)
