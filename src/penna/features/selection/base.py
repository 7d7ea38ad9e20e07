"""Selection: which n-grams are worth a weight.

One file for each measure; the folder is the registry. Knows sparse rows and which classes they are of.
"""

from functools import cache
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.arrays import Array

ROOM = "features.selection"


class Measure(Protocol):
    """What a file in this folder offers."""

    def scores(self, X: Any, member: Any, seed: int) -> Array:
        """(d,) how much each column of X says, CSR (n, d) without negatives.

        Member CSR (n, k), 1 where a row is of a class.
        """
        ...

    def seconds(self, values: float, classes: int) -> float:
        """About what it takes for so many stored values of X."""
        ...


def best(name: str, X: Any, y: Array, classes: int, share: float, seed: int = 0) -> Array:
    """Sorted columns, that share of them, of the highest scores. y (n,) class indices, or (n, classes) zeros and ones.

    >>> from scipy.sparse import csr_matrix
    >>> best("chi2", csr_matrix([[1, 1], [1, 0]]), np.array([0, 1]), 2, 0.5).tolist()
    [1]
    """
    scores = find(name).scores(X, members(y, classes), seed)
    return np.sort(np.argsort(-scores, kind="stable")[: max(1, round(share * X.shape[1]))])


def members(y: Array, classes: int) -> Any:
    """(n, classes) CSR of float32."""
    from scipy.sparse import csr_matrix

    if y.ndim == 2:
        return csr_matrix(y, dtype=np.float32)
    return csr_matrix((np.ones(len(y), np.float32), (np.arange(len(y)), y)), shape=(len(y), classes))


@cache
def find(name: str) -> Measure:
    """Return the measure called ``name``. Raises SettingError."""
    measure: Any = plugins.find(ROOM, name)
    return measure  # type: ignore[no-any-return]
