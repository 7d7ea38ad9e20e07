"""Alignment of words with tokens: a word is its first token, in the window with the most context around it.

Knows tokenizers and character offsets; training and serving share this code; no torch.

A text longer than a row is split into sliding windows that cover all of it, each overlapping the previous by a quarter.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import native_calls
from penna.data.arrays import Array
from penna.encoders.sliding_windows import Frame
from penna.encoders.tokens import Ragged
from penna.errors import EncoderError

if TYPE_CHECKING:
    import tokenizers

_SHARED = 4  # one part in this many overlaps the previous window
_CHUNK = 1000
#: The largest share of a row for the text before (a question), unless both texts fit completely.
_LEAD = 0.4


@dataclass(frozen=True)
class Worded:
    """Texts as rows of tokens, and the positions of their words.

    Attributes
    ----------
    rows : Ragged
        Windows with special tokens.
    window : ndarray of shape (w,)
        The row of each word, over all texts; -1 if it has no token.
    token : ndarray of shape (w,)
        The position of its first token in that row.
    offsets : ndarray of shape (n + 1,)
        The first word of each text.
    long : ndarray of shape (n,)
        Whether a text has several windows.
    starts : ndarray of shape (n + 1,)
        The first row of each text.
    cut : ndarray of shape (n,)
        Whether the text before (a question) was truncated.
    cues : ndarray of shape (w, k), optional
        Additional features of each word, float32.
    """

    rows: Ragged
    window: Array
    token: Array
    offsets: Array
    long: Array
    starts: Array
    cut: Array
    cues: Array | None = None

    def by_window(self) -> tuple[Array, Array]:
        """Return (rows, most) token positions of each row's words, packed at the left, and their numbers; -1 beyond."""
        seen = np.flatnonzero(self.window >= 0)
        order = seen[np.argsort(self.window[seen], kind="stable")]
        counts = np.bincount(self.window[seen], minlength=len(self.rows))
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
    leads: Sequence[str] = (),
) -> Worded:
    """Return texts as rows of at most ``length`` tokens; ``places(text)`` gives (k, 2) starts and ends of words.

    ``leads`` are texts before each text, repeated in each of its rows like the first text of a pair: questions. The
    end of a long one is cut.
    """
    parts: list[Array] = []
    turns, cut = list[int](), list[bool]()
    windows, tokens, lengths, counts = list[Array](), list[Array](), list[int](), list[int]()
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        # A tokenizer refuses a lone surrogate: it becomes a question mark.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in chunk]
        with _working():
            encodings = tokenizer.encode_batch(clean, add_special_tokens=False)
        sizes = [len(encoding.ids) for encoding in encodings]
        before = _before(tokenizer, frame, leads[start : start + _CHUNK], sizes, length)
        for text, encoding, (ids, whole) in zip(chunk, encodings, before, strict=True):
            rows, window, token = _one(encoding, places(text), ids, frame.after, length, pad)
            turns += [len(ids)] * len(rows)
            cut.append(not whole)
            windows.append(np.where(window >= 0, window + len(parts), -1))
            tokens.append(token)
            lengths.append(len(token))
            counts.append(len(rows))
            parts += rows
    offsets, starts = (np.concatenate([[0], np.cumsum(part, dtype=np.int64)]) for part in (lengths, counts))
    typed = np.array(turns, np.int64) if leads and frame.typed else None
    long, short = np.diff(starts) > 1, np.array(cut, bool)
    return Worded(_ragged(parts, pad, typed), _flat(windows), _flat(tokens), offsets, long, starts, short)


def moved(texts: Worded, lookup: Array) -> Worded:
    """Return the same rows with the ids of a smaller vocabulary."""
    rows = replace(texts.rows, values=lookup[texts.rows.values].astype(np.int32), pad=int(lookup[texts.rows.pad]))
    return replace(texts, rows=rows)


def _working() -> AbstractContextManager[None]:
    """Turn errors of a tokenizer in native code into an EncoderError."""
    return native_calls.caught(
        lambda why: EncoderError(f"a tokenizer does not work ({why}): get the encoder, or the artifact, again.")
    )


def _before(
    tokenizer: "tokenizers.Tokenizer", frame: Frame, leads: Sequence[str], sizes: Sequence[int], length: int
) -> list[tuple[Array, bool]]:
    """Return the ids before each text of ``sizes`` tokens, and whether these are complete."""
    if not leads:
        return [(np.array(frame.before, np.int32), True)] * len(sizes)
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in leads]
    room = length - len(frame.before) - len(frame.between) - len(frame.after)
    result = []
    with _working():
        encodings = tokenizer.encode_batch_fast(clean, add_special_tokens=False)
    for encoding, size in zip(encodings, sizes, strict=True):
        most = max(1, int(_LEAD * length), room - size)
        ids = np.array([*frame.before, *encoding.ids[:most], *frame.between], np.int32)
        result.append((ids, len(encoding.ids) <= most))
    return result


def _one(
    encoding: Any, places: Array, before: Array, after: tuple[int, ...], length: int, pad: int
) -> tuple[list[Array], Array, Array]:
    """Return a text's rows of ids, and each word's row and token."""
    ids = np.array(encoding.ids, np.int32)
    edges = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    first = np.searchsorted(np.maximum.accumulate(edges[:, 1]) if len(edges) else edges[:, 1], places[:, 0], "right")
    has_token = first < len(ids)
    has_token[has_token] = edges[first[has_token], 0] < places[has_token, 1]
    room = max(2, length - len(before) - len(after))
    begins = _begins(len(ids), room)
    centre = begins + (np.minimum(room, len(ids)) - 1) / 2
    # The window with the most context on both sides: the one with the nearest center.
    window = np.searchsorted((centre[1:] + centre[:-1]) / 2, first)
    rows = [np.array([*before, *ids[b : b + room], *after] or [pad], np.int32) for b in begins]
    token = first - begins[window] + len(before)
    return rows, np.where(has_token, window, -1), np.where(has_token, token, 0)


def _begins(tokens: int, room: int) -> Array:
    """Return the starts of the windows; the last one ends at the end of the text."""
    stride = max(1, room - room // _SHARED)
    last = max(0, tokens - room)
    return np.minimum(np.arange(0, last + stride, stride), last) if last else np.zeros(1, np.int64)


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def _ragged(rows: Sequence[Array], pad: int, turns: Array | None = None) -> Ragged:
    lengths = np.array([len(row) for row in rows], np.int64)
    values = np.concatenate(list(rows)) if len(rows) else np.zeros(0, np.int32)
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]), lengths, pad, turns)
