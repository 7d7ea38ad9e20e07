"""Rows of tokens from texts: special tokens around one text or a pair, and sliding windows over a long text.

Knows ids only, so that training and serving build rows with the same code; no torch.

    one text   before, text, after
    a pair     before, first, between, second, after; if it does not fit, the longer side is cut first

A text longer than a row is split into sliding windows: each as long as a row and overlapping the previous one by an
eighth, the last one at the end of the text. In a pair only the second text is split. Tokens beyond the last allowed
window are not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import tokens
from penna.encoders.cache import spans
from penna.encoders.checkpoints import Checkpoint, load_tokenizer, working
from penna.encoders.tokens import Ragged

if TYPE_CHECKING:
    import tokenizers

#: The most windows of a text.
MOST_WINDOWS = 16
_SHARED = 8  # one part in this many overlaps the previous window
_MOST_SPECIAL = 16


@dataclass(frozen=True)
class Frame:
    """The ids around texts. If ``typed``, tokens from the second text on have type 1, all others type 0."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    typed: bool = False

    @classmethod
    def of(cls, tokenizer: "tokenizers.Tokenizer", types: int) -> "Frame":
        """Return the special tokens of a tokenizer around a pair; ``types`` is the encoder's number of token types."""
        encoding = tokenizer.encode("a", "b")
        sides = encoding.sequence_ids
        first = [i for i, side in enumerate(sides) if side == 0]
        second = [i for i, side in enumerate(sides) if side == 1]
        return cls(
            tuple(encoding.ids[: first[0]]),
            tuple(encoding.ids[first[-1] + 1 : second[0]]),
            tuple(encoding.ids[second[-1] + 1 :]),
            types > 1 and all(encoding.type_ids[i] == 1 for i in second),
        )

    @property
    def ids(self) -> tuple[int, ...]:
        """All special ids."""
        return self.before + self.between + self.after

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
        around = {"before": list(self.before), "between": list(self.between), "after": list(self.after)}
        return {**around, "typed": self.typed}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Frame":
        """Read what ``to_json`` wrote. Raise ValueError, KeyError or TypeError for anything else."""
        parts = [data[name] for name in ("before", "between", "after")]
        for part in parts:
            if not isinstance(part, list) or len(part) > _MOST_SPECIAL:
                raise ValueError("its special tokens are not a list, or too many")
            if any(type(i) is not int or not 0 <= i < 1 << 31 for i in part):
                raise ValueError("its special tokens are not ids")
        before, between, after = map(tuple, parts)
        return cls(before, between, after, typed=data["typed"] is True)


@dataclass(frozen=True)
class Framed:
    """Rows of tokens: text i has ``rows`` from ``starts[i]`` up to ``starts[i + 1]``, at least one.

    ``long`` (n,) bool marks texts that are longer than a row (a pair: both together). ``cut`` (n,) bool marks texts of
    which a part is in no row.
    """

    rows: Ragged
    starts: Array
    long: Array
    cut: Array

    def take(self, index: Array) -> "Framed":
        """Return the texts at these positions, in this order."""
        flat, starts = spans(self.starts[:-1][index], np.diff(self.starts)[index])
        return Framed(self.rows.take(flat), starts, self.long[index], self.cut[index])

    def mean(self, values: Array) -> Array:
        """Return (n, ...), each text's mean over the values (r, ...) of its rows."""
        counts = np.diff(self.starts)
        if (counts == 1).all():
            return values
        total: Array = np.add.reduceat(values, self.starts[:-1], axis=0)
        return np.asarray(total / counts.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype))


@dataclass(frozen=True)
class Framing:
    """How texts, or pairs (two ``sides``), become at most ``windows`` rows of at most ``length`` tokens."""

    frame: Frame
    length: int
    sides: int = 1
    windows: int = 1

    @property
    def most(self) -> int:
        """The most ids of one text that are read, with special ones."""
        return self.windows * self.length

    def __call__(self, sides: Sequence[Ragged]) -> Framed:
        """Return rows from the ids of texts without special tokens, one Ragged for each side."""
        build = _of_one if self.sides == 1 else _of_two
        return build(self.frame, sides, self.length, self.windows)

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
        return {"frame": self.frame.to_json(), "sides": self.sides, "windows": self.windows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], length: int) -> "Framing":
        """Read what ``to_json`` wrote. Raise ValueError, KeyError or TypeError for anything else."""
        sides, windows = data["sides"], data["windows"]
        if type(windows) is not int or sides not in (1, 2) or not 1 <= windows <= MOST_WINDOWS:
            raise ValueError("its sides or windows are out of range")
        return cls(Frame.from_json(data["frame"]), length, sides, windows)


def framing(checkpoint: Checkpoint, length: int, *, pair: bool = False, windows: int = 1) -> Framing:
    """Return how an encoder reads texts, or pairs of texts, at this length."""
    with working(checkpoint):
        frame = Frame.of(load_tokenizer(checkpoint), checkpoint.types)
    return Framing(frame, min(length, checkpoint.max_length), 2 if pair else 1, windows)


def read(framing: Framing, checkpoint: Checkpoint, table: Table, cache: Path | None) -> Framed:
    """Return the rows of a table's texts, or of its pairs if the framing has two sides."""
    sides = table.pair_tables if framing.sides == 2 else (table,)
    return framing([tokens.inner(checkpoint, side, framing.most, cache) for side in sides])


def _of_one(frame: Frame, sides: Sequence[Ragged], length: int, windows: int) -> Framed:
    (text,) = sides
    room = max(1, length - len(frame.before) - len(frame.after))
    size = np.minimum(text.lengths, room)
    owner, begin, starts, cut = _windows(text, size, windows)
    ends = _fixed(frame.before, len(owner)), _fixed(frame.after, len(owner))
    values, offsets = _joined([ends[0], (text.values, text.offsets[owner] + begin, size[owner]), ends[1]])
    return Framed(_ragged(values, offsets, text.pad), starts, text.whole > room, cut)


def _of_two(frame: Frame, sides: Sequence[Ragged], length: int, windows: int) -> Framed:
    first, second = sides
    room = max(2, length - len(frame.before) - len(frame.between) - len(frame.after))
    first_size = np.minimum(first.lengths, np.maximum(room - second.lengths, (room + 1) // 2))
    size = np.minimum(second.lengths, room - first_size)
    owner, begin, starts, cut = _windows(second, size, windows)
    parts = [
        _fixed(frame.before, len(owner)),
        (first.values, first.offsets[owner], first_size[owner]),
        _fixed(frame.between, len(owner)),
        (second.values, second.offsets[owner] + begin, size[owner]),
        _fixed(frame.after, len(owner)),
    ]
    values, offsets = _joined(parts)
    long = first.whole + second.whole > room
    rows = _ragged(values, offsets, first.pad)
    rows = replace(rows, turns=len(frame.before) + first_size[owner] + len(frame.between), typed=frame.typed)
    return Framed(rows, starts, long, cut | (first.whole > first_size))


def _windows(text: Ragged, size: Array, most: int) -> tuple[Array, Array, Array, Array]:
    """Split texts into windows; those of text i are ``size[i]`` tokens long.

    Return the text of each window, its start in the text, each text's first window (n + 1,), and whether a part of
    the text is in no window (n,).
    """
    stride = np.maximum(size - size // _SHARED, 1)
    over = np.maximum(text.lengths - size, 0)
    wanted = 1 + np.where(size > 0, -(-over // stride), 0)
    counts = np.minimum(wanted, max(most, 1))
    starts = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(len(counts)), counts)
    begin = (np.arange(len(owner)) - starts[:-1][owner]) * stride[owner]
    # The last window ends at the end of the text: a short window would weigh as much as a full one.
    return owner, np.minimum(begin, over[owner]), starts, (wanted > counts) | (text.whole > text.lengths)


def _fixed(ids: tuple[int, ...], rows: int) -> tuple[Array, Array, Array]:
    return np.array(ids, np.int32), np.zeros(rows, np.int64), np.full(rows, len(ids), np.int64)


def _joined(parts: Sequence[tuple[Array, Array, Array]]) -> tuple[Array, Array]:
    """Concatenate parts, each (values, start of a row's part in them, its length), to (values, offsets) of rows."""
    lengths = np.stack([length for *_, length in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths.sum(axis=0))])
    at = offsets[:-1] + np.concatenate([np.zeros((1, lengths.shape[1]), np.int64), np.cumsum(lengths, axis=0)[:-1]])
    out = np.empty(offsets[-1], np.int32)
    for place, (values, start, length) in zip(at, parts, strict=True):
        out[spans(place, length)[0]] = values[spans(start, length)[0]]
    return out, offsets


def _ragged(values: Array, offsets: Array, pad: int) -> Ragged:
    """Return rows; a row without tokens gets one padding token, because pooling needs one."""
    if (np.diff(offsets) > 0).all():
        return Ragged(values, offsets, np.diff(offsets), pad)
    lengths = np.diff(offsets)
    out = np.insert(values, offsets[:-1][lengths == 0], pad)
    offsets = np.concatenate([[0], np.cumsum(np.maximum(lengths, 1))])
    return Ragged(out, offsets, np.diff(offsets), pad)
