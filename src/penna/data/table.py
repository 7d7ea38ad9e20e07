"""The Table: columns by role, immutable. Every other room takes rows from it by index; none reads a file."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

Index: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Objects: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]

_SIGNS = re.compile(r"[\W_]+")
#: Characters of texts that are answered at once and each word is predicted: all outputs are in memory at once.
PORTION = 2_000_000
_ASCII_SIGNS = bytes(i for i in range(128) if not chr(i).isalnum())


@dataclass(frozen=True)
class Field:
    """What a column other than the text holds: its ``role``, a module of ``preprocessing/columns/types``, and how its
    cells are written.
    """

    role: str
    form: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Texts (any number of columns), columns next to them, and, for training, target and group.

    text    column name -> (n,) object array of str; never None, missing cells are ""
    columns column name -> (n,) cells, as the kind of its field holds them; as they were found where it has no field
    fields  column name -> what it holds
    target  (n,) object array of labels (all str, int, bool or float; tuples where a row has several), or None at
            prediction
    group   (n,) object array, or None; rows of one group stay on one side of every split
    rows    (n,) int64, the row's number in what the user gave (first data row = 1)
    targets columns of 0 and 1 that are the target together, where there are such
    target_form  how cells of several labels are written, a sign between them or "json", where that is known
    weight  (n,) float32, how far each row's target is to be believed in training, or None where each is
    tag_names  what whole numbers stand for that are tags of words, by number, where they are such
    pair    the two text columns, in order, where a row is a pair of texts; then ``text`` holds those two and no other
    roles   every column that was seen -> "text" | "target" | "group" | "other" | the role of its field
    """

    text: Mapping[str, Objects]
    target: Objects | None = None
    group: Objects | None = None
    rows: Index = field(default_factory=lambda: np.zeros(0, np.int64))
    roles: Mapping[str, str] = field(default_factory=dict)
    target_name: str = "target"
    columns: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    target_form: str = ""
    tag_names: tuple[str, ...] = ()
    pair: tuple[str, str] | None = None
    sample_weight: np.ndarray[Any, Any] | None = None

    def __len__(self) -> int:
        return len(next(iter((*self.text.values(), *self.columns.values())), self.rows))

    def take(self, index: Index) -> "Table":
        """Return the rows at these positions, in this order."""
        taken = replace(
            self,
            text={name: column[index] for name, column in self.text.items()},
            target=None if self.target is None else self.target[index],
            group=None if self.group is None else self.group[index],
            rows=self.rows[index] if len(self.rows) else self.rows,
            columns={name: column[index] for name, column in self.columns.items()},
            sample_weight=None if self.sample_weight is None else self.sample_weight[index],
        )
        if "hashes" in self.__dict__:  # computed once for the whole table, cut like a column
            taken.__dict__["hashes"] = self.hashes[index]
        if "joined" in self.__dict__:
            taken.__dict__["joined"] = self.full_text[index]
        return taken

    @property
    def target_columns(self) -> str | tuple[str, ...]:
        """The column, or the columns, that a table of the same form has its target in."""
        return self.targets or self.target_name

    @cached_property
    def pair_tables(self) -> tuple["Table", "Table"]:
        """Of pairs: the rows with their first text alone, and with their second, each a table of one text."""
        assert self.pair is not None, "only for pairs"
        first, second = (replace(self, text={name: self.text[name]}, pair=None) for name in self.pair)
        return first, second

    @cached_property
    def row_numbers(self) -> Index:
        """(n,) ``rows``, counted from 1 where none were given: what a message names rows by."""
        return self.rows if len(self.rows) else np.arange(1, len(self) + 1)

    @cached_property
    def full_text(self) -> Objects:
        """(n,) each row's text columns as one string, non-empty cells joined by a line break; both of a pair."""
        if self.pair is not None:
            return self._paired("\n")
        columns = list(self.text.values())
        if len(columns) == 1:
            return columns[0]
        out = np.full(len(self), "", dtype=object)
        for i, cells in enumerate(zip(*columns, strict=True)):
            out[i] = "\n".join(cell for cell in cells if cell)
        return out

    def _paired(self, sign: str) -> Objects:
        out = np.full(len(self), "", dtype=object)
        out[:] = [f"{a}{sign}{b}" for a, b in zip(*(self.text[name] for name in self.pair or ()), strict=True)]
        return out

    def sample(self, rows: int) -> "Table":
        """At most so many of the rows, drawn at random and always the same: every third may be of a kind."""
        return self.take(np.sort(np.random.default_rng(0).permutation(len(self))[:rows])) if len(self) > rows else self

    def batches(self, rows: int, characters: int = PORTION) -> "Iterator[Table]":
        """Yield the table in its order, by parts of at most so many rows and characters; a longer row stands alone."""
        sizes = np.zeros(len(self), np.int64)
        for column in self.text.values():
            sizes += np.fromiter(map(len, column), np.int64, len(self))
        total, begin = np.cumsum(sizes), 0
        while begin < len(self):
            reach = int(np.searchsorted(total, total[begin] - sizes[begin] + characters, side="right"))
            end = min(max(reach, begin + 1), begin + rows)
            yield self.take(np.arange(begin, min(end, len(self))))
            begin = end

    @cached_property
    def hashes(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """(n,) uint64, equal for equal texts: the key of every cache. Where there is no text, equal for equal rows."""
        texts = self._paired("\x1f") if self.pair else self.full_text if self.text else self.row_keys
        return _digests(text.encode("utf-8", "surrogatepass") for text in texts)

    @cached_property
    def dedup_keys(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """(n,) uint64, equal for texts that differ in case, spacing and punctuation alone: copies, to a split.

        Rows without a text are copies where their columns are equal; pairs also where their texts are exchanged.
        """
        if self.pair is not None:
            sides = zip(*(map(_bare, self.text[name]) for name in self.pair), strict=True)
            return _digests(b"\x1f".join(sorted(side)) for side in sides)
        if not self.columns:
            return _digests(map(_bare, self.full_text))
        texts = self.full_text.copy()
        empty = np.flatnonzero([not text.strip() for text in texts])
        # Of the other rows these would be written for nothing, and thousands of columns take a while.
        texts[empty] = _keys([cells[empty] for cells in self.columns.values()], len(empty))
        return _digests(map(_bare, texts))

    @cached_property
    def row_keys(self) -> Objects:
        """(n,) each row's columns other than the text as one string, for comparison alone."""
        return _keys(list(self.columns.values()), len(self))

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits, equal for equal texts, targets and weights in equal order."""
        total = hashlib.sha256(self.hashes.tobytes())
        for column in (*self.columns.values(), self.target, self.group, self.sample_weight):
            if column is not None and column.dtype == object:
                total.update("\x1f".join(map(str, column)).encode("utf-8", "surrogatepass"))
            elif column is not None:
                total.update(column.tobytes())
        return total.hexdigest()[:16]


def _keys(columns: Sequence[np.ndarray[Any, Any]], rows: int) -> Objects:
    out = np.full(rows, "", dtype=object)
    for i, cells in enumerate(zip(*columns, strict=True)):
        out[i] = "\x1f".join(map(str, cells))
    return out


def _bare(text: str) -> bytes:
    """Letters and digits alone, without case; where there is none, as in a row of emoji, the text as it is."""
    folded = text.casefold()
    if folded.isascii():  # seven times as fast as the pattern, and most texts
        bare = folded.encode().translate(None, _ASCII_SIGNS)
    else:
        bare = _SIGNS.sub("", folded).encode("utf-8", "surrogatepass")
    return bare or text.encode("utf-8", "surrogatepass")


def _digests(texts: Iterable[bytes]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    digest = hashlib.blake2b
    return np.frombuffer(b"".join(digest(text, digest_size=8).digest() for text in texts), dtype=np.uint64)


@dataclass(frozen=True)
class Finding:
    """Something about the given table that the user should know; it goes into the report.

    rows      their numbers, as the message counts them (rows, or lines); all of them where the table was checked
    columns   those that it is about, where it is about columns
    examples  a few cases, in words
    does      what Penna does about it by itself; ``change`` says how to have it otherwise
    source    which table: "data", or the "test" rows
    """

    kind: str
    message: str
    count: int = 1
    rows: tuple[int, ...] = ()
    severity: Literal["info", "warning", "error"] = "info"
    columns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    does: str = ""
    change: str = ""
    source: Literal["data", "test"] = "data"
