"""Overlap features of a text pair: shared words, their order, numbers, negations, names.

Only the rarity of words is learned: a shared name weighs more than a shared article. Prediction loads this file.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.data.arrays import Array
from penna.data.table import Table

NAMES = (
    "words shared", "words shared, of the first", "words shared, of the second", "rare words shared",
    "rare words shared, of the first", "rare words shared, of the second", "pairs of words shared", "letters shared",
    "words in the same order", "length against the other", "difference in length", "numbers shared", "numbers differ",
    "negation in one alone", "negation in the second", "names shared", "same first word", "same last word", "equal",
)  # fmt: skip
FILE = "overlap.safetensors"
_LARGEST = 1 << 20
#: Number of hash buckets of words.
_BUCKETS = 1 << 14
#: Words, and characters, of a text that are read.
_WORDS, _CHARACTERS = 400, 4000

# A character of a script without spaces is a word of its own.
_WORD = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff]|[^\W\u2e80-\ua4cf\uf900-\ufaff]+(?:['’]\w+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DENYING = """no not never none nobody nothing neither nor cannot without nicht kein keine nie ohne ne pas jamais sans
ningún nunca sin non senza 不 没 無 无"""
_NEGATIONS = frozenset(_DENYING.split())


@dataclass(frozen=True, eq=False)
class Overlap:
    """``rarity`` (buckets,) float32 of words; ``mean`` and ``scale`` (len(NAMES),) float32 of the training rows."""

    rarity: Array
    mean: Array
    scale: Array

    def matrix(self, table: Table) -> Array:
        """Return the features of pairs, (n, len(NAMES)) float32, standardized by the training rows."""
        return np.asarray((plain(table, self.rarity) - self.mean) * self.scale, np.float32)


def fit(table: Table) -> tuple[Overlap, Array]:
    """Fit to training rows; return the features of these rows, too.

    >>> cells = {"a": np.array(["a cat", "a dog"], dtype=object), "b": np.array(["the cat", "a bird"], dtype=object)}
    >>> fit(Table(cells, rows=np.arange(2), pair=("a", "b")))[1].shape
    (2, 19)
    """
    seen = np.zeros(_BUCKETS)
    for side in table.pair_tables:
        for text in side.full_text:
            seen[list({_bucket(word) for word in _words(text)})] += 1
    rarity = (np.log((1 + 2 * len(table)) / (1 + seen)) + 0.1).astype(np.float32)
    features = plain(table, rarity)
    spread = features.std(axis=0)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0).astype(np.float32)
    fitted = Overlap(rarity, features.mean(axis=0, dtype=np.float64).astype(np.float32), scale)
    return fitted, np.asarray((features - fitted.mean) * scale, np.float32)


def save(overlap: Overlap, folder: Path) -> None:
    """Write everything that ``load`` needs into ``folder``."""
    from safetensors.numpy import save_file

    arrays = {"rarity": overlap.rarity, "mean": overlap.mean, "scale": overlap.scale}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / FILE)


def load(folder: Path) -> Overlap:
    """Return the overlap that ``save`` stored. Raises BundleError for damaged files."""
    path = folder / FILE
    sizes = {"rarity": _BUCKETS, "mean": len(NAMES), "scale": len(NAMES)}
    with safe_load.damaged(path):
        arrays = safe_load.load_arrays(path, _LARGEST, dict.fromkeys(sizes, np.float32))
        for name, size in sizes.items():
            if arrays[name].shape != (size,):
                raise ValueError(f"its {name} is not what was written")
    return Overlap(*(arrays[name] for name in sizes))


def plain(table: Table, rarity: Array) -> Array:
    """Return raw features, (n, len(NAMES)) float32: shares, and logarithms of ratios."""
    rare, cache = rarity.tolist(), dict[str, float]()
    first, second = (side.full_text for side in table.pair_tables)
    rows = [_compared(a, b, rare, cache) for a, b in zip(first, second, strict=True)]
    return np.array(rows, np.float32).reshape(-1, len(NAMES))


def _compared(first: str, second: str, rare: Sequence[float], cache: dict[str, float]) -> list[float]:
    a, b = _words(first), _words(second)
    one, other = set(a), set(b)
    both = one & other
    weights = [_weight(words, rare, cache) for words in (both, one, other)]
    numbers = [set(_NUMBER.findall(text[:_CHARACTERS])) for text in (first, second)]
    denied = [len(words & _NEGATIONS) + sum(word.endswith(("n't", "n’t")) for word in words) for words in (one, other)]
    ratio = float(np.log((len(a) + 1) / (len(b) + 1)))
    return [
        _share(len(both), len(one | other)), _share(len(both), len(one)), _share(len(both), len(other)),
        _share(weights[0], weights[1] + weights[2] - weights[0]), _share(weights[0], weights[1]),
        _share(weights[0], weights[2]), _jaccard(set(pairwise(a)), set(pairwise(b))),
        _jaccard(_pieces(first), _pieces(second)), 2 * _common(a, b) / max(len(a) + len(b), 1),
        ratio, abs(ratio), _jaccard(*numbers), float(numbers[0] != numbers[1]),
        float((denied[0] > 0) != (denied[1] > 0)), float(denied[1] > 0), _jaccard(_names(first), _names(second)),
        float(a[:1] == b[:1]), float(a[-1:] == b[-1:]), float(a == b),
    ]  # fmt: skip


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:_CHARACTERS].casefold())[:_WORDS]


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % _BUCKETS


def _weight(words: set[str], rare: Sequence[float], cache: dict[str, float]) -> float:
    total = 0.0
    for word in words:
        if word not in cache:
            cache[word] = rare[_bucket(word)]
        total += cache[word]
    return total


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _jaccard(one: set[Any], other: set[Any]) -> float:
    """Return the Jaccard similarity; 1 for two empty sets."""
    return len(one & other) / len(one | other) if one or other else 1.0


def _pieces(text: str) -> set[str]:
    plain = text[:_CHARACTERS].casefold()
    return {plain[i : i + 3] for i in range(len(plain) - 2)}


def _names(text: str) -> set[str]:
    """Return words with a capital letter, except the first."""
    return {word for word in text[:_CHARACTERS].split()[1:] if word[:1].isupper()}


def _common(a: list[str], b: list[str]) -> int:
    """Return the length of the longest common subsequence.

    Hyyrö 2004, "Bit-Parallel LCS-length Computation Revisited".

    >>> _common(list("nematode"), list("empty"))
    3
    """
    places = Counter[str]()
    for i, word in enumerate(a):
        places[word] |= 1 << i
    full = (1 << len(a)) - 1
    state = full
    for word in b:
        matched = state & places[word]
        state = ((state + matched) | (state - matched)) & full
    return len(a) - state.bit_count()
