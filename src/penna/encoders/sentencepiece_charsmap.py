"""A check of the character map inside a SentencePiece tokenizer. Knows NumPy.

Native code trusts every number in the map, so it is checked first: a double-array trie of darts-clone as SentencePiece
writes it, then the texts that it points to.
"""

import base64
import binascii
import unicodedata

import numpy as np

from penna.data.arrays import Array

_MOST_BYTES = 4 << 20  # those of SentencePiece have 256 KB
#: Most bytes of the replacement of a key of one, two, or more bytes. SentencePiece has 1, 5 and 33.
_LONGEST = (1, 8, 36)
_DEEPEST = 64  # bytes of a key
_BLOCK = 256


def check(text: str) -> None:
    """Raise ValueError unless every path through the map ends inside it, at a short replacement.

    A replacement must not grow when it is normalized again.
    """
    if len(text) > 2 * _MOST_BYTES:
        raise ValueError("is too large")
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64 ({error})") from None
    size = int.from_bytes(raw[:4], "little") if len(raw) >= 4 else 0
    if size <= 0 or size % (4 * _BLOCK) or 4 + size > len(raw):
        raise ValueError("is truncated")
    units, texts = np.frombuffer(raw, "<u4", size // 4, 4).astype(np.int64), raw[4 + size :]
    if not unicodedata.is_normalized("NFKC", texts.decode("utf-8")):  # a UnicodeDecodeError is a ValueError
        raise ValueError("has replacements that SentencePiece never writes")
    _check_texts(np.frombuffer(texts, np.uint8), *_values(units))


def _values(units: Array) -> tuple[Array, Array]:
    """Return every text position that a key leads to, and the bytes of the shortest such key."""
    node = np.arange(len(units))
    label = np.where(units >> 31, -1, units & 0xFF)  # leaves have none: no byte leads there
    base = node ^ ((units >> 10) << ((units & 0x200) >> 6))
    leads = np.zeros(len(units), bool)  # bases with children
    depth = np.full(len(units), -1)  # of nodes that were reached
    new = np.array([0])
    for length in range(_DEEPEST):
        depth[new] = length
        if (base[new] | (_BLOCK - 1)).max() >= len(units):
            raise ValueError("points outside itself")
        leads[base[new]] = True
        led = (label > 0) & (depth < 0)
        led[led] = leads[node[led] ^ label[led]]
        new = np.flatnonzero(led)
        if not len(new):
            ends = (depth > 0) & ((units & 0x100) > 0)
            return units[base[ends]] & 0x7FFFFFFF, depth[ends]
    raise ValueError("is deeper than any map of SentencePiece")


def _check_texts(texts: Array, starts: Array, keys: Array) -> None:
    """Check that each text is inside, starts with a character's first byte, and is short."""
    if starts.max(initial=-1) >= len(texts):
        raise ValueError("points outside its texts")
    ends = np.append(np.flatnonzero(texts == 0), len(texts))
    lengths = ends[np.searchsorted(ends, starts)] - starts
    longest = np.array(_LONGEST)[np.minimum(keys, len(_LONGEST)) - 1]
    if (lengths > longest).any() or ((texts[starts] & 0xC0) == 0x80).any():
        raise ValueError("replaces characters by texts that SentencePiece never writes")
