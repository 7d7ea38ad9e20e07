"""Find nearly equal texts without comparing all pairs. Knows words as numbers; never strings.

Two texts are near duplicates if the sets of their words and word pairs have a Jaccard similarity of at least ``LEAST``.
Candidates come from MinHash signatures in bands (Broder, On the Resemblance and Containment of Documents, 1997;
Leskovec et al., Mining of Massive Datasets, section 3.4). Each candidate is then compared in full.
"""

import numpy as np

from penna.data.arrays import Array
from penna.preprocessing.shingles import Words

LEAST = 0.8  # at 0.7, questions on one subject count as one: "a charge for withdrawing" and "for transferring"
_BANDS, _WIDE = 16, 4  # a pair at 0.8 meets in a band with probability 0.999, one at 0.3 with 0.12
_CHUNK = 1 << 15
_MOST_PAIRS = 300_000  # per band: the full comparison is in Python, some 10 µs per pair
_FEWEST_WORDS = 3  # shorter texts that differ in one word share too little to be near


def groups(words: Words) -> Array:
    """Return the first position of each text's group of near duplicates, (n,); its own if it has none.

    >>> from penna.preprocessing.shingles import split
    >>> groups(split(["my card was lost today", "so what", "My card was lost, today!"])).tolist()
    [0, 1, 0]
    """
    shingles, offsets = _shingles(words)
    signatures = _signatures(shingles, offsets)
    long = np.flatnonzero(words.lengths >= _FEWEST_WORDS)
    roots = _equal_words(words)
    rejected: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        for a, b in _candidates(signatures[band * _WIDE : (band + 1) * _WIDE, long], long):
            first, second = _root(roots, a), _root(roots, b)
            if first == second or (a, b) in rejected:
                continue
            if _alike(signatures, a, b) and _jaccard(shingles, offsets, a, b) >= LEAST:
                roots[max(first, second)] = min(first, second)
            else:
                rejected.add((a, b))
    return np.array([_root(roots, i) for i in range(len(words))], np.int64)


def _equal_words(words: Words) -> list[int]:
    """Return the first text with the same words in the same order; texts without words are groups of their own."""
    roots = list(range(len(words)))
    seen: dict[bytes, int] = {}
    for i in np.flatnonzero(words.lengths > 0).tolist():
        roots[i] = seen.setdefault(words.hashes[words.offsets[i] : words.offsets[i + 1]].tobytes(), i)
    return roots


def _root(roots: list[int], i: int) -> int:
    while roots[i] != i:
        roots[i] = roots[roots[i]]
        i = roots[i]
    return i


def _shingles(words: Words) -> tuple[Array, Array]:
    """Return the words and word pairs of each text, flat; every text has at least one (0 if it has no word)."""
    pairs, place = words.runs(2)
    row = words.rows
    flat = np.concatenate([words.hashes, pairs ^ np.uint64(0x9E3779B97F4A7C15), np.zeros(len(words), np.uint64)])
    owner = np.concatenate([row, row[place], np.arange(len(words))])
    keep = np.ones(len(flat), bool)
    keep[len(flat) - len(words) :] = words.lengths == 0
    flat, owner = flat[keep], owner[keep]
    order = np.argsort(owner, kind="stable")
    return flat[order], np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(words)))])


def _signatures(shingles: Array, offsets: Array) -> Array:
    """Return MinHash signatures, (64, n) uint32: the least hash of each text under each of 64 random orders."""
    rng = np.random.default_rng(0)
    factor = rng.integers(1, 2**63, _BANDS * _WIDE, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    shift = rng.integers(0, 2**63, _BANDS * _WIDE, dtype=np.uint64)
    out = np.empty((len(factor), len(offsets) - 1), np.uint32)
    start = 0
    while start < len(offsets) - 1:
        # A block of texts whose numbers fit in the processor's cache.
        stop = max(start + 1, int(np.searchsorted(offsets, offsets[start] + _CHUNK, side="right")) - 1)
        part, begin = shingles[offsets[start] : offsets[stop]], offsets[start:stop] - offsets[start]
        part = part ^ (part >> np.uint64(31))
        for j in range(len(factor)):
            mixed = ((part * factor[j] + shift[j]) >> np.uint64(32)).astype(np.uint32)
            out[j, start:stop] = np.minimum.reduceat(mixed, begin)
        start = stop
    return out


def _candidates(band: Array, owner: Array) -> list[tuple[int, int]]:
    """Return neighbors among the texts that agree in the whole band: a chain through each bucket, not all its pairs."""
    key = np.zeros(band.shape[1], np.uint64)
    for line in band:
        key = key * np.uint64(0x100000001B3) + line.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])[:_MOST_PAIRS]
    return list(zip(owner[order[same]].tolist(), owner[order[same + 1]].tolist(), strict=True))


def _alike(signatures: Array, a: int, b: int) -> bool:
    """Return whether the signatures allow a near duplicate: they estimate the similarity within 0.06."""
    return bool(np.count_nonzero(signatures[:, a] == signatures[:, b]) >= (LEAST - 0.2) * len(signatures))


def _jaccard(shingles: Array, offsets: Array, a: int, b: int) -> float:
    one = set(shingles[offsets[a] : offsets[a + 1]].tolist())
    other = set(shingles[offsets[b] : offsets[b + 1]].tolist())
    return len(one & other) / len(one | other)
