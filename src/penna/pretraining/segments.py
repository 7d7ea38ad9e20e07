"""Batches by number: the same number gives the same batch, in any process, after any restart. Knows tokens, no torch.

Each epoch shuffles the shards, and takes some of them at a time; their examples are shuffled together.
"""

import threading
from bisect import bisect_right

import numpy as np

from penna.data.arrays import Array
from penna.errors import SettingError
from penna.pretraining import batch_plan
from penna.pretraining.batch import Batch
from penna.pretraining.batch_plan import How, Pairing, Plan, Texts
from penna.pretraining.shards import Shard, Tokens
from penna.pretraining.vocabulary import Vocabulary

_TOGETHER = 16  # shards: their plan takes about 100 MB at most
_KEPT = 2  # plans: of the current batch, and of one before or after
_LEAST = 8


class Segments:
    """An endless sequence of batches over a corpus.

    A batch has at most ``batch_tokens`` tokens with padding, an example at most ``length``. A share of ``short``
    examples is cut to a random shorter length. Raises SettingError if these values cannot work.
    """

    def __init__(
        self,
        tokens: Tokens,
        vocabulary: Vocabulary,
        *,
        length: int,
        batch_tokens: int,
        pairing: Pairing,
        short: float = 0.1,
        seed: int,
    ) -> None:
        _check(tokens, length, batch_tokens, pairing, short)
        self.tokens, self.vocabulary = tokens, vocabulary
        self.how = How(length, batch_tokens, pairing, short)
        self.seed = seed
        self._groups = -(-len(tokens.sizes) // _TOGETHER)  # in an epoch
        self._ends: list[int] = []  # batches up to the end of each group, over all epochs
        self._plans: dict[int, _Group] = {}
        self._lock = threading.Lock()

    def batch(self, number: int) -> Batch:
        """Return the batch of this number; numbers start at 0 and do not end.

        A number far from the previous one costs the plans between: a second for some hundred million tokens.
        """
        group, inside = self._locate(number)
        return group.batch(inside, self.vocabulary, self.how)

    def _locate(self, number: int) -> tuple["_Group", int]:
        with self._lock:
            group = self._group_of(number)
            before = self._ends[group - 1] if group else 0
            return self._planned(group), number - before

    def _group_of(self, index: int) -> int:
        if index < 0:
            raise IndexError(f"there is no batch {index}")
        while not self._ends or index >= self._ends[-1]:
            self._ends.append((self._ends[-1] if self._ends else 0) + len(self._planned(len(self._ends)).plan))
        return bisect_right(self._ends, index)

    def _planned(self, group: int) -> "_Group":
        if group not in self._plans:
            while len(self._plans) >= _KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[group] = self._plan(group)
        return self._plans[group]

    def _plan(self, group: int) -> "_Group":
        epoch, part = divmod(group, self._groups)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.tokens.sizes))
        shards = [self.tokens.shard(int(n)) for n in order[part * _TOGETHER : (part + 1) * _TOGETHER]]
        rng = np.random.default_rng([self.seed, epoch, part + 1])
        return _Group(shards, batch_plan.plan(_joined(shards), self.how, rng))


class _Group:
    """Some shards as one sequence of tokens, and their plan."""

    def __init__(self, shards: list[Shard], plan: Plan) -> None:
        self.plan = plan
        self.ids = [np.asarray(shard.ids) for shard in shards]
        self.starts = _offsets([len(ids) for ids in self.ids])

    def batch(self, number: int, vocabulary: Vocabulary, how: How) -> Batch:
        """Return one batch of the plan."""
        examples = self.plan.batch(number)
        lengths, paired = examples.lengths, examples.pair >= 0
        width = min(-(-int(lengths.max()) // batch_plan.STEP) * batch_plan.STEP, how.length)
        ids = np.full((len(lengths), width), vocabulary.pad, np.int32)
        ids[:, 0] = vocabulary.cls
        ends = self._fill(ids, examples.first, np.ones_like(lengths))
        self._fill(ids, np.where(paired[:, None], examples.second, 0), ends + 1)
        rows, columns = np.arange(len(lengths)), np.arange(width)
        ids[rows, ends] = vocabulary.sep
        ids[rows, lengths - 1] = vocabulary.sep
        types = (columns > ends[:, None]) & (columns < lengths[:, None])
        return Batch(ids, types.astype(np.int8), lengths, examples.pair.astype(np.int64))

    def _fill(self, ids: Array, spans: Array, columns: Array) -> Array:
        """Copy each span of tokens to its row and column; return the columns after their ends."""
        shards = np.searchsorted(self.starts, spans[:, 0], side="right") - 1
        inside = spans - self.starts[shards][:, None]
        ends = columns + spans[:, 1] - spans[:, 0]
        rows = zip(shards.tolist(), inside.tolist(), columns.tolist(), ends.tolist(), strict=True)
        for row, (shard, (begin, end), column, until) in enumerate(rows):
            ids[row, column:until] = self.ids[shard][begin:end]
        return ends


def _joined(shards: list[Shard]) -> Texts:
    """Return the ends of sentences and documents, as if the shards were one."""
    tokens = _offsets([len(shard.ids) for shard in shards])
    sentences = _offsets([len(shard.sentences) for shard in shards])
    return Texts(
        np.concatenate([shard.sentences + start for shard, start in zip(shards, tokens, strict=True)]),
        np.concatenate([shard.documents + start for shard, start in zip(shards, sentences, strict=True)]),
    )


def _offsets(sizes: list[int]) -> Array:
    """Return the (n,) int64 start of each part in the concatenation."""
    return np.cumsum([0, *sizes[:-1]], dtype=np.int64)


def _check(tokens: Tokens, length: int, batch_tokens: int, pairing: str, short: float) -> None:
    if pairing not in ("none", "order", "next"):
        raise SettingError(f"a pairing {pairing!r} is unknown: choose none, order or next.")
    if length < _LEAST:
        raise SettingError(f"a length of {length} leaves no room for text: give at least {_LEAST}.")
    if batch_tokens < length:
        raise SettingError(f"a batch of {batch_tokens} tokens holds no text of length {length}: give {length} or more.")
    if not 0 <= short <= 1:
        raise SettingError(f"a share of {short} short texts cannot be: give 0 to 1.")
    if pairing == "next" and tokens.total.documents < 2:
        raise SettingError("the corpus is one document: there is no other to take a random next segment from.")
