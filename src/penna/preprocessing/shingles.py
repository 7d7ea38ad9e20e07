"""The words of a column as hashes in one flat array. Learns nothing.

Case, punctuation and blanks do not count. In scripts without blanks each character is a word.
"""

import hashlib
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array

#: A longer text is read up to here: a cell of megabytes must cost nothing.
MOST_CHARACTERS = 20_000
_WORD = re.compile(
    "[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\\W_\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff]+"
)


@dataclass(frozen=True, eq=False)
class Words:
    """The words of n texts. Those of text i are ``hashes[offsets[i]:offsets[i + 1]]``, uint64."""

    hashes: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Array:
        """Return the number of words of each text, (n,) int64."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> Array:
        """Return the text of each word, (m,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def then(self, other: "Words") -> "Words":
        """Return these texts followed by the others."""
        hashes = np.concatenate([self.hashes, other.hashes])
        return Words(hashes, np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]]))

    def runs(self, length: int) -> tuple[Array, Array]:
        """Return hashes of all runs of ``length`` words inside a text, and the position of each run's first word."""
        if len(self.hashes) < length:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        mixed = self.hashes.copy()
        for _ in range(length - 1):
            mixed = mixed[:-1] * np.uint64(0xD6E8FEB86659FD93) + self.hashes[len(self.hashes) - len(mixed) + 1 :]
        row = self.rows
        place = np.flatnonzero(row[: len(mixed)] == row[length - 1 :])
        return mixed[place], place


def listed(text: str) -> list[str]:
    """Split a text into words.

    >>> listed("Don't PANIC, 你好!")
    ['don', 't', 'panic', '你', '好']
    """
    return _WORD.findall(text[:MOST_CHARACTERS].casefold())


def hashed(word: str) -> int:
    """Return a 64-bit hash of a word, the same in every process."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class _Hashes(dict[str, int]):
    """A cache: each word is hashed once."""

    def __missing__(self, word: str) -> int:
        self[word] = value = hashed(word)
        return value


def split(texts: Sequence[str] | Array) -> Words:
    """Return the words of n texts.

    >>> split(["a cat", "", "A cat."]).lengths.tolist()
    [2, 0, 2]
    """
    cache, flat, ends = _Hashes(), array("Q"), array("q", [0])
    for text in texts:
        flat.extend(map(cache.__getitem__, listed(text)))
        ends.append(len(flat))
    return Words(np.frombuffer(flat, np.uint64) if flat else np.zeros(0, np.uint64), np.frombuffer(ends, np.int64))
