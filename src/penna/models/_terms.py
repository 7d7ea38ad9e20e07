"""A linear model's margins as a sum: what each n-gram of a row adds, where it stands, and what each column adds.

Hashed n-grams have no names in the artefact: a row's own are counted again, each with its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from penna.features import ngrams
from penna.features.logistic import Logistic
from penna.features.tfidf import Tfidf
from penna.models import Array
from penna.models._beside import Beside
from penna.table import Table


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
        """(k,) float64"""
        return np.asarray(self.intercept + self.grams.sum(axis=0) + sum(self.columns.values()), np.float64)


@runtime_checkable
class Additive(Protocol):
    """A model whose margins are sums over the parts of a row."""

    def terms(self, row: Table) -> Terms:
        """Of a table of one row."""
        ...


def of(
    row: Table, tfidf: Tfidf, weights: Logistic, link: Callable[[Array], Array], beside: Beside | None = None
) -> Terms:
    """The terms of a table of one row, in float64: margins are those of the model but for rounding."""
    text = str(row.joined[0])
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
        {} if beside is None else _columns(row, beside),
        link,
    )


def _columns(row: Table, beside: Beside) -> dict[str, Array]:
    features = beside.features(row)[0].astype(np.float64)
    added, begin = {}, 0
    for name, width in beside.columns.parts:
        own = slice(begin, begin + width)
        added[name] = beside.coef[:, own] @ features[own]
        begin += width
    return added
