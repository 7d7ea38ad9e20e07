"""Text features of linear models: n-grams, selected n-grams, or singular directions of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.budget import Resources
from penna.data.arrays import Array
from penna.features import selection
from penna.features.ngrams import Grams
from penna.features.svd import directions
from penna.features.tfidf import Tfidf, fit_tfidf
from penna.heads.links import Target
from penna.models.linear import cost as costs
from penna.search.recipe import Recipe


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """n-grams, the training rows ``X`` (n, d) CSR; or, where a model learns from ``axes`` (d, r), (n, r) float32."""

    tfidf: Tfidf
    X: Any
    axes: Array | None = None

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.X.shape[1])

    def joined_with(self, wide: Array) -> Any:
        """Return the rows with more columns."""
        if self.axes is not None:
            return np.concatenate([self.X, wide], axis=1)
        from scipy.sparse import csr_matrix, hstack

        return hstack([self.X, csr_matrix(wide)], format="csr", dtype=np.float32)

    def unfolded(self, coef: Array) -> Array:
        """(k, d) weights of n-grams that answer as (k, width) weights of what was trained on."""
        return coef if self.axes is None else coef @ self.axes.T


def read(texts: Array, target: Target, recipe: Recipe, resources: Resources) -> TextFeatures:
    """Fit to these texts. Raises TimeoutError."""
    tfidf, X = _chosen(texts, target, recipe, resources)
    axes = directions(X, recipe.get("svd", 0), recipe.seed) if turned(recipe) else None
    if axes is None or not axes.shape[1]:
        return TextFeatures(tfidf, X)
    return TextFeatures(tfidf, np.asarray(X @ axes, np.float32), axes)


def turned(recipe: Recipe) -> bool:
    """Whether directions are trained on: naive Bayes, and priors by counts, know of no sign."""
    return bool(recipe.get("svd")) and recipe["classifier"] != "complement_nb" and not recipe.get("nb")


def grams(recipe: Recipe) -> Grams:
    """N-grams of a recipe; hyperparameters that its analyzer does not use are 0."""
    low = recipe.get("low", 0)
    return Grams(recipe.get("words", 0), low, max(low, recipe.get("high", 0)), recipe["lower"])


def _chosen(texts: Array, target: Target, recipe: Recipe, resources: Resources) -> tuple[Tfidf, Any]:
    limits: dict[str, Any] = {"threads": resources.threads, "deadline": resources.deadline}
    settings = {"sublinear": recipe["sublinear"], "keep": recipe["keep"], **limits}
    tfidf = fit_tfidf(texts, grams(recipe), min_df=recipe["min_df"], **settings)
    if not len(tfidf.buckets):  # a handful of rows that share nothing
        tfidf = fit_tfidf(texts, grams(recipe), min_df=1, **settings)
    X = tfidf.rows(texts, **limits)
    share = costs.shared(recipe)
    if share >= 1:
        return tfidf, X
    columns = selection.best(recipe["select"], X, target.y, target.columns, share, recipe.seed)
    return tfidf.only(columns), X[:, columns]
