"""Selection of n-grams: one file per measure. Knows sparse rows and their classes."""

from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "features.selection"


class Measure(Protocol):
    """The members of a measure."""

    def scores(self, X: Any, member: Any, seed: int) -> Array:
        """Return the score of each column of X, (d,).

        X is CSR (n, d) without negatives; ``member`` is CSR (n, k), 1 if a row is of a class.
        """
        ...

    def seconds(self, values: float, classes: int) -> float:
        """Return the predicted seconds for this number of stored values of X."""
        ...


def best(name: str, X: Any, y: Array, classes: int, share: float, seed: int = 0) -> Array:
    """Return the sorted columns with the highest scores, a ``share`` of all.

    y is (n,) class indices, or (n, classes) of 0 and 1.

    >>> from scipy.sparse import csr_matrix
    >>> best("chi2", csr_matrix([[1, 1], [1, 0]]), np.array([0, 1]), 2, 0.5).tolist()
    [1]
    """
    scores = find(name).scores(X, members(y, classes), seed)
    return np.sort(np.argsort(-scores, kind="stable")[: max(1, round(share * X.shape[1]))])


def members(y: Array, classes: int) -> Any:
    """Return class membership, (n, classes) CSR of float32."""
    from scipy.sparse import csr_matrix

    if y.ndim == 2:
        return csr_matrix(y, dtype=np.float32)
    return csr_matrix((np.ones(len(y), np.float32), (np.arange(len(y)), y)), shape=(len(y), classes))


@cache
def find(name: str) -> Measure:
    """Return the measure called ``name``. Raises SettingError if there is none."""
    measure: Any = plugins.find(ROOM, name)
    return measure  # type: ignore[no-any-return]
