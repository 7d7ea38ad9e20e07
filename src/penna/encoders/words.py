"""Words as an encoder sees them: each is its first token, in the row of tokens where most stands around it. Knows
tokenizers and places; training and serving align words by the same lines; no torch.

A text longer than a row is read by windows, all of it, each sharing a quarter with the one before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.encoders.cache import Array
from penna.encoders.frames import Frame
from penna.encoders.tokens import Ragged

if TYPE_CHECKING:
    import tokenizers

_SHARED = 4  # of a window, so many parts to one that stands in the one before, too
_CHUNK = 1000


@dataclass(frozen=True)
class Worded:
    """Texts as rows of tokens, and their words in them.

    rows     windows, special tokens included
    window   (w,) of all words one after another: the row in which each is looked at, -1 where it has no token
    token    (w,) its first token's place in that row
    offsets  (n + 1,) where the words of each text begin
    long     (n,) bool: texts of several windows
    """

    rows: Ragged
    window: Array
    token: Array
    offsets: Array
    long: Array

    def by_window(self) -> tuple[Array, Array]:
        """(rows, most) places of each row's words, packed at the left, and their numbers; -1 beyond."""
        there = np.flatnonzero(self.window >= 0)
        order = there[np.argsort(self.window[there], kind="stable")]
        counts = np.bincount(self.window[there], minlength=len(self.rows))
        column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.full((len(self.rows), max(int(counts.max(initial=0)), 1)), -1, np.int64)
        numbers = places.copy()
        places[self.window[order], column] = self.token[order]
        numbers[self.window[order], column] = order
        return places, numbers


def read(
    tokenizer: "tokenizers.Tokenizer",
    frame: Frame,
    texts: Sequence[str],
    places: Callable[[str], Array],
    length: int,
    pad: int,
) -> Worded:
    """Texts as rows of at most ``length`` tokens; ``places(text)`` gives (k, 2) where words begin and end."""
    parts: list[Array] = []
    windows, found, lengths, long = list[Array](), list[Array](), list[int](), list[bool]()
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        # A lone surrogate cannot pass into the tokenizer: it becomes a question mark.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in chunk]
        for text, encoding in zip(chunk, tokenizer.encode_batch(clean, add_special_tokens=False), strict=True):
            rows, window, token = _one(encoding, places(text), frame, length, pad)
            windows.append(np.where(window >= 0, window + len(parts), -1))
            found.append(token)
            lengths.append(len(token))
            long.append(len(rows) > 1)
            parts += rows
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Worded(_ragged(parts, pad), _flat(windows), _flat(found), offsets, np.array(long, bool))


def _one(encoding: Any, places: Array, frame: Frame, length: int, pad: int) -> tuple[list[Array], Array, Array]:
    """A text's rows of ids; and each word's row and token."""
    ids = np.array(encoding.ids, np.int32)
    edges = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    first = np.searchsorted(np.maximum.accumulate(edges[:, 1]) if len(edges) else edges[:, 1], places[:, 0], "right")
    there = first < len(ids)
    there[there] = edges[first[there], 0] < places[there, 1]
    room = max(2, length - len(frame.before) - len(frame.after))
    begins = _begins(len(ids), room)
    centre = begins + (np.minimum(room, len(ids)) - 1) / 2
    # Where most stands on either side of it.
    window = np.abs(first[:, None] - centre[None, :]).argmin(axis=1) if len(first) else np.zeros(0, np.int64)
    rows = [np.array([*frame.before, *ids[b : b + room], *frame.after] or [pad], np.int32) for b in begins]
    token = first - begins[window] + len(frame.before)
    return rows, np.where(there, window, -1), np.where(there, token, 0)


def _begins(tokens: int, room: int) -> Array:
    """Where windows begin; the last one ends where the text ends."""
    stride = max(1, room - room // _SHARED)
    last = max(0, tokens - room)
    return np.minimum(np.arange(0, last + stride, stride), last) if last else np.zeros(1, np.int64)


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def _ragged(rows: Sequence[Array], pad: int) -> Ragged:
    lengths = np.array([len(row) for row in rows], np.int64)
    values = np.concatenate(list(rows)) if len(rows) else np.zeros(0, np.int32)
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]), lengths, pad)
