"""Words as an encoder sees them: each is its first token, in the row of tokens where most stands around it.

Knows tokenizers and places; training and serving align words by the same lines; no torch.

A text longer than a row is read by windows, all of it, each sharing a quarter with the one before.
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

_SHARED = 4  # of a window, so many parts to one that stands in the one before, too
_CHUNK = 1000
#: Of a row the largest part that what stands before a text may take, unless all of it fits next to the whole text.
_LEAD = 0.4


@dataclass(frozen=True)
class Worded:
    """Texts as rows of tokens, and their words in them.

    rows     windows, special tokens included
    window   (w,) of all words one after another: the row in which each is looked at, -1 where it has no token
    token    (w,) its first token's place in that row
    offsets  (n + 1,) where the words of each text begin
    long     (n,) bool: texts of several windows
    starts   (n + 1,) the first row of each text
    cut      (n,) bool: texts before which not all stands that should
    cues     (w, k) float32, what else is known of each word, or None
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
    leads: Sequence[str] = (),
) -> Worded:
    """Texts as rows of at most ``length`` tokens; ``places(text)`` gives (k, 2) where words begin and end.

    ``leads``: what stands before each text, in each of its rows, as the first of a pair does: a question. Of a long one
    the end is cut.
    """
    parts: list[Array] = []
    turns, cut = list[int](), list[bool]()
    windows, found, lengths, counts = list[Array](), list[Array](), list[int](), list[int]()
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        # A lone surrogate cannot pass into the tokenizer: it becomes a question mark.
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
            found.append(token)
            lengths.append(len(token))
            counts.append(len(rows))
            parts += rows
    offsets, starts = (np.concatenate([[0], np.cumsum(part, dtype=np.int64)]) for part in (lengths, counts))
    typed = np.array(turns, np.int64) if leads and frame.typed else None
    long, short = np.diff(starts) > 1, np.array(cut, bool)
    return Worded(_ragged(parts, pad, typed), _flat(windows), _flat(found), offsets, long, starts, short)


def moved(texts: Worded, lookup: Array) -> Worded:
    """Return the same rows in the ids of a smaller vocabulary."""
    rows = replace(texts.rows, values=lookup[texts.rows.values].astype(np.int32), pad=int(lookup[texts.rows.pad]))
    return replace(texts, rows=rows)


def _working() -> AbstractContextManager[None]:
    """Return an encoder's tokenizer at work, or an artefact's."""
    return native_calls.caught(
        lambda why: EncoderError(f"a tokenizer does not work ({why}): get the encoder, or the artefact, again.")
    )


def _before(
    tokenizer: "tokenizers.Tokenizer", frame: Frame, leads: Sequence[str], sizes: Sequence[int], length: int
) -> list[tuple[Array, bool]]:
    """Return the ids that stand before the words of each text, which is of so many tokens.

    And whether these are all.
    """
    if not leads:
        return [(np.array(frame.before, np.int32), True)] * len(sizes)
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in leads]
    room = length - len(frame.before) - len(frame.between) - len(frame.after)
    made = []
    with _working():
        encodings = tokenizer.encode_batch_fast(clean, add_special_tokens=False)
    for encoding, size in zip(encodings, sizes, strict=True):
        most = max(1, int(_LEAD * length), room - size)
        ids = np.array([*frame.before, *encoding.ids[:most], *frame.between], np.int32)
        made.append((ids, len(encoding.ids) <= most))
    return made


def _one(
    encoding: Any, places: Array, before: Array, after: tuple[int, ...], length: int, pad: int
) -> tuple[list[Array], Array, Array]:
    """Return a text's rows of ids; and each word's row and token."""
    ids = np.array(encoding.ids, np.int32)
    edges = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    first = np.searchsorted(np.maximum.accumulate(edges[:, 1]) if len(edges) else edges[:, 1], places[:, 0], "right")
    there = first < len(ids)
    there[there] = edges[first[there], 0] < places[there, 1]
    room = max(2, length - len(before) - len(after))
    begins = _begins(len(ids), room)
    centre = begins + (np.minimum(room, len(ids)) - 1) / 2
    # Where most stands on either side of it: of ascending centres the nearest one.
    window = np.searchsorted((centre[1:] + centre[:-1]) / 2, first)
    rows = [np.array([*before, *ids[b : b + room], *after] or [pad], np.int32) for b in begins]
    token = first - begins[window] + len(before)
    return rows, np.where(there, window, -1), np.where(there, token, 0)


def _begins(tokens: int, room: int) -> Array:
    """Where windows begin; the last one ends where the text ends."""
    stride = max(1, room - room // _SHARED)
    last = max(0, tokens - room)
    return np.minimum(np.arange(0, last + stride, stride), last) if last else np.zeros(1, np.int64)


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def _ragged(rows: Sequence[Array], pad: int, turns: Array | None = None) -> Ragged:
    lengths = np.array([len(row) for row in rows], np.int64)
    values = np.concatenate(list(rows)) if len(rows) else np.zeros(0, np.int32)
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]), lengths, pad, turns)
