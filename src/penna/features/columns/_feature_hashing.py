"""Feature hashing: each name falls into a bucket by its letters, so unseen names have one, too.

No name is stored (Weinberger et al. 2009, "Feature hashing for large scale multitask learning").
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data.arrays import Array

MOST = 1024
_FEWEST = 16


@dataclass(frozen=True)
class Buckets:
    """A 0/1 column for each bucket."""

    width: int

    def matrix(self, values: Array) -> Array:
        places = np.fromiter(
            (zlib.crc32(str(value).encode("utf-8", "surrogatepass")) % self.width for value in values),
            np.int64, len(values),
        )  # fmt: skip
        out = np.zeros((len(values), self.width), np.float32)
        out[np.arange(len(values)), places] = 1
        return out

    def to_json(self) -> dict[str, Any]:
        return {"buckets": self.width}


def fit(names: int) -> Buckets:
    """Return buckets: twice as many as names, rounded up to a power of two, within bounds.

    >>> fit(100).width
    256
    """
    return Buckets(min(max(1 << (2 * names - 1).bit_length(), _FEWEST), MOST))


def restore(buckets: Any) -> Buckets:
    """Return the buckets that ``to_json`` wrote. Raises ValueError for anything else."""
    if type(buckets) is not int or not 0 < buckets <= MOST:
        raise ValueError("a number of buckets that is none, or too large")
    return Buckets(buckets)
