"""A linear model's margins as a sum: what each n-gram of a row adds, where it stands, and what each column adds.

Hashed n-grams have no names in the artifact: a row's own are counted again, each with its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Objects, Table
from penna.features import ngrams
from penna.features.tfidf import Tfidf
from penna.models.linear.tabular import ColumnFeatures
from penna.solvers.logistic import Logistic

#: Rows times columns of outputs by which n-grams are weighed, and n-grams times columns that are.
_CELLS, _WEIGHED = 500_000, 5_000_000


@dataclass(frozen=True, eq=False)
class Terms:
    """One row: ``margins`` is ``intercept`` (k,) and everything in ``grams`` and ``columns``.

    text      that the places are of: the row's texts, joined as the model reads them
    grams     (p, k) what each n-gram adds, once for each time that it occurs
    feature   (p,) equal for equal n-grams; those below ``pieces`` are pieces of words, the others whole words
    starts    (p,) first characters, and ends (p,)
    columns   name -> (k,); "" for what columns of numbers say together
    link      from margins (n, k) to outputs
    """

    text: str
    intercept: Array
    grams: Array
    feature: Array
    pieces: int
    starts: Array
    ends: Array
    columns: Mapping[str, Array]
    link: Callable[[Array], Array]

    @property
    def margins(self) -> Array:
        """(k,) float64."""
        return np.asarray(self.intercept + self.grams.sum(axis=0) + sum(self.columns.values()), np.float64)


@runtime_checkable
class Additive(Protocol):
    """A model whose margins are sums over the parts of a row."""

    def terms(self, row: Table) -> Terms:
        """Return the terms of a table of one row."""
        ...

    def strongest(self, table: Table, most: int) -> list[list[tuple[str, float]]]:
        """Return the n-grams that explain most of each column of outputs, as the function of that name."""
        ...


def of(
    row: Table,
    tfidf: Tfidf,
    weights: Logistic,
    link: Callable[[Array], Array],
    column_features: ColumnFeatures | None = None,
) -> Terms:
    """Return the terms of a table of one row, in float64: margins are those of the model but for rounding."""
    text = str(row.full_text[0])
    values = tfidf.rows([text])
    added = values.data[:, None].astype(np.float64) * weights.coef.T[values.indices]
    buckets, starts, ends = ngrams.places(text, tfidf.grams)
    feature = tfidf.column[buckets]
    kept = feature >= 0
    at = np.searchsorted(values.indices, feature[kept])
    times = np.bincount(at, minlength=len(added))
    return Terms(
        text,
        weights.intercept.astype(np.float64),
        added[at] / times[at][:, None],
        feature[kept],
        int(np.searchsorted(tfidf.buckets, ngrams.WORDS)),
        starts[kept],
        ends[kept],
        {} if column_features is None else _columns(row, column_features),
        link,
    )


def strongest(
    table: Table, most: int, tfidf: Tfidf, weights: Logistic, link: Callable[[Array], Array]
) -> list[list[tuple[str, float]]]:
    """Return, for each column of outputs, the n-grams that explain most of its variance on these rows.

    Each has its share of the variance; shares below zero are those of n-grams that lower a number.

    The share of a term in the variance of a sum is its covariance with the sum (Pratt 1987, "Dividing the
    Indivisible"); curves are taken for straight, with the slope that they have where a row says nothing. Words and
    their n-grams alone, where there are any.
    """
    slope = _slope(link, weights.intercept.astype(np.float64))
    texts = table.full_text[:: -(-len(table) // max(100, _CELLS // len(slope))) or 1]
    rows = tfidf.rows(texts)
    kept = _frequent(rows, int(np.searchsorted(tfidf.buckets, ngrams.WORDS)), _WEIGHED // len(slope))
    weight = np.asarray(slope @ weights.coef[:, kept], np.float32)
    sums = np.asarray(rows @ weights.coef.T @ slope.T, np.float32)
    sums -= sums.mean(axis=0)
    shared = weight * (rows[:, kept].T @ sums).T / np.maximum(np.square(sums).sum(axis=0), 1e-12)[:, None]
    shares = np.sign(weight) * np.maximum(shared, 0)
    found = [[*_top(share, most), *(_top(-share, most) if len(shares) == 1 else ())] for share in shares]
    names = _named(texts, tfidf, rows, sorted({int(kept[at]) for places in found for at in places}))
    return [[(names[int(kept[at])], float(shares[j, at])) for at in places] for j, places in enumerate(found)]


def _frequent(rows: Any, pieces: int, most: int) -> Array:
    """Return the features that occur in the most rows: of words, where there are such, beyond the first ``pieces``."""
    seen = rows.getnnz(axis=0)
    if seen[pieces:].any():
        seen[:pieces] = 0
    order = np.argsort(-seen, kind="stable")[:most]
    return np.sort(order[seen[order] > 0])


def _slope(link: Callable[[Array], Array], margins: Array) -> Array:
    """(columns, k): what each column of outputs changes with each margin."""
    aside = 1e-2 * np.eye(len(margins))
    return np.asarray((link(margins + aside) - link(margins - aside)).T.astype(np.float64) / 2e-2)


def _top(shares: Array, most: int) -> list[int]:
    order = np.argsort(-shares, kind="stable")[:most]
    best: list[int] = order[shares[order] > 0].tolist()
    return best


def _named(texts: Objects, tfidf: Tfidf, rows: Any, features: list[int]) -> dict[int, str]:
    """Features by the n-gram that the first row has that they occur in: others may share its bucket."""
    columns = rows.tocsc()
    first: dict[int, list[int]] = {}
    for feature in features:
        first.setdefault(int(columns.indices[columns.indptr[feature]]), []).append(feature)
    names: dict[int, str] = {}
    for row, several in first.items():
        text = str(texts[row])
        buckets, starts, ends = ngrams.places(text, tfidf.grams)
        for feature in several:
            at = int(np.flatnonzero(buckets == tfidf.buckets[feature])[0])
            words = " ".join(text[starts[at] : ends[at]].split())
            names[feature] = words.lower() if tfidf.grams.lower else words
    return names


def _columns(row: Table, column_features: ColumnFeatures) -> dict[str, Array]:
    features = column_features.features(row)[0].astype(np.float64)
    added, begin = {}, 0
    for name, width in column_features.columns.parts:
        own = slice(begin, begin + width)
        added[name] = column_features.coef[:, own] @ features[own]
        begin += width
    return added
