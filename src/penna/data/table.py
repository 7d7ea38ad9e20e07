"""The Table: immutable columns by role. Other packages index its rows; none of them reads a file."""

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
#: Maximum characters in a batch of texts for which each word is predicted, since all outputs are in memory at once.
PORTION = 2_000_000
_ASCII_SIGNS = bytes(i for i in range(128) if not chr(i).isalnum())


@dataclass(frozen=True)
class Field:
    """The content of a column other than the text.

    Attributes
    ----------
    role : str
        A module of ``preprocessing/columns/types``.
    form : str
        The notation of its cells.
    """

    role: str
    form: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Texts (any number of columns), columns next to them, and, for training, target and group.

    Attributes
    ----------
    text : mapping of str to ndarray of object, shape (n,)
        Column name -> strings; never None, missing cells are "".
    target : ndarray of object, shape (n,), optional
        Labels: all str, int, bool or float; tuples if a row has several. None at prediction.
    group : ndarray of object, shape (n,), optional
        Rows of one group stay on one side of every split.
    rows : ndarray of int64, shape (n,)
        The row's number in the source; the first data row is 1.
    roles : mapping of str to str
        Every column of the source -> "text", "target", "group", "other" or the role of its field.
    columns : mapping of str to ndarray, shape (n,)
        Column name -> cells in the type of its field; unchanged if it has no field.
    fields : mapping of str to Field
        Column name -> its content.
    targets : tuple of str
        Columns of 0 and 1 that form the target together, if any.
    target_form : str
        The notation of cells with several labels, if known: a separator or "json".
    tag_names : tuple of str
        Names of word tags that are stored as whole numbers, by number.
    pair : tuple of two str, optional
        The two text columns, in order, if a row is a pair of texts. ``text`` then holds only these two.
    sample_weight : ndarray of float32, shape (n,), optional
        Weight of each row in training; None if all weigh the same.
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
        subset = replace(
            self,
            text={name: column[index] for name, column in self.text.items()},
            target=None if self.target is None else self.target[index],
            group=None if self.group is None else self.group[index],
            rows=self.rows[index] if len(self.rows) else self.rows,
            columns={name: column[index] for name, column in self.columns.items()},
            sample_weight=None if self.sample_weight is None else self.sample_weight[index],
        )
        if "hashes" in self.__dict__:  # computed once for the whole table, indexed like a column
            subset.__dict__["hashes"] = self.hashes[index]
        if "joined" in self.__dict__:
            subset.__dict__["joined"] = self.full_text[index]
        return subset

    @property
    def target_columns(self) -> str | tuple[str, ...]:
        """Return the name of the target column, or the names if several form the target."""
        return self.targets or self.target_name

    @cached_property
    def pair_tables(self) -> tuple["Table", "Table"]:
        """Return the first texts of pairs and the second texts, each as a table of one text column."""
        assert self.pair is not None, "only for pairs"
        first, second = (replace(self, text={name: self.text[name]}, pair=None) for name in self.pair)
        return first, second

    @cached_property
    def row_numbers(self) -> Index:
        """Return ``rows``, (n,), or numbers from 1 if there are none. Messages name rows by these."""
        return self.rows if len(self.rows) else np.arange(1, len(self) + 1)

    @cached_property
    def full_text(self) -> Objects:
        """Return the text columns of each row as one string, (n,).

        Non-empty cells, or both cells of a pair, are joined by a newline.
        """
        if self.pair is not None:
            return self._paired("\n")
        columns = list(self.text.values())
        if len(columns) == 1:
            return columns[0]
        out = np.full(len(self), "", dtype=object)
        for i, cells in enumerate(zip(*columns, strict=True)):
            out[i] = "\n".join(cell for cell in cells if cell)
        return out

    def _paired(self, separator: str) -> Objects:
        """Return both texts of each pair, joined by ``separator``."""
        out = np.full(len(self), "", dtype=object)
        out[:] = [f"{a}{separator}{b}" for a, b in zip(*(self.text[name] for name in self.pair or ()), strict=True)]
        return out

    def sample(self, rows: int) -> "Table":
        """Return at most ``rows`` rows, drawn with a fixed seed, since the order of rows may be periodic."""
        return self.take(np.sort(np.random.default_rng(0).permutation(len(self))[:rows])) if len(self) > rows else self

    def batches(self, rows: int, characters: int = PORTION) -> "Iterator[Table]":
        """Yield parts of at most ``rows`` rows and ``characters`` characters, in order. A longer row is one part."""
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
        """Return a uint64 hash of each text, (n,): the key of every cache. Rows without text hash their columns."""
        texts = self._paired("\x1f") if self.pair else self.full_text if self.text else self.row_keys
        return _digests(text.encode("utf-8", "surrogatepass") for text in texts)

    @cached_property
    def dedup_keys(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """Return a uint64 key of each text, (n,), that ignores case, spacing and punctuation.

        Rows without a text are copies if their columns are equal. Pairs are also copies if their texts are swapped.
        """
        if self.pair is not None:
            sides = zip(*(map(_bare, self.text[name]) for name in self.pair), strict=True)
            return _digests(b"\x1f".join(sorted(side)) for side in sides)
        if not self.columns:
            return _digests(map(_bare, self.full_text))
        texts = self.full_text.copy()
        empty = np.flatnonzero([not text.strip() for text in texts])
        # Only rows without text need their columns as a string: with thousands of columns that takes a while.
        texts[empty] = _keys([cells[empty] for cells in self.columns.values()], len(empty))
        return _digests(map(_bare, texts))

    @cached_property
    def row_keys(self) -> Objects:
        """Return the non-text columns of each row as one string, (n,), for comparison only."""
        return _keys(list(self.columns.values()), len(self))

    @cached_property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that identify texts, columns, targets, groups and weights in their order."""
        total = hashlib.sha256(self.hashes.tobytes())
        for column in (*self.columns.values(), self.target, self.group, self.sample_weight):
            if column is not None and column.dtype == object:
                total.update("\x1f".join(map(str, column)).encode("utf-8", "surrogatepass"))
            elif column is not None:
                total.update(column.tobytes())
        return total.hexdigest()[:16]


def _keys(columns: Sequence[np.ndarray[Any, Any]], rows: int) -> Objects:
    """Join the cells of each row into one string."""
    out = np.full(rows, "", dtype=object)
    for i, cells in enumerate(zip(*columns, strict=True)):
        out[i] = "\x1f".join(map(str, cells))
    return out


def _bare(text: str) -> bytes:
    """Return letters and digits alone, case-folded; the text unchanged if it has none, such as emoji."""
    folded = text.casefold()
    if folded.isascii():  # seven times as fast as the pattern, for most texts
        bare = folded.encode().translate(None, _ASCII_SIGNS)
    else:
        bare = _SIGNS.sub("", folded).encode("utf-8", "surrogatepass")
    return bare or text.encode("utf-8", "surrogatepass")


def _digests(texts: Iterable[bytes]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return a 64-bit hash of each byte string."""
    digest = hashlib.blake2b
    return np.frombuffer(b"".join(digest(text, digest_size=8).digest() for text in texts), dtype=np.uint64)


@dataclass(frozen=True)
class Finding:
    """A fact about the table that the user should know; it goes into the report.

    Attributes
    ----------
    kind : str
        The check or note that reports it.
    message : str
        One sentence.
    count : int
        The number of cases.
    rows : tuple of int
        Row (or line) numbers as the message counts them; all of them if the whole table was checked.
    severity : str
        "info", "warning" or "error".
    columns : tuple of str
        The columns concerned, if any.
    examples : tuple of str
        A few cases, in words.
    does : str
        The action that Penna takes by itself.
    change : str
        The way to change that action.
    source : str
        The table concerned: "data" or "test".
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
