"""Splits: the test set and the folds, as positions, never as data.

They are drawn once. Every recipe meets the same folds; the test set is used once, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from penna.data.arrays import Array
from penna.data.table import Index, Table
from penna.errors import TableError

#: Below this many rows every recipe meets all folds. Above it, one fold selects and finalists meet more.
SMALL = 1_500
#: Below this many rows a fold is a handful of rows, so rows are dealt into folds more than once.
TINY, TIMES = 100, 2
MOST_EXAM_ROWS = 10_000
MOST_VALIDATION_ROWS = 20_000
#: A text in more pairs than this will occur in new pairs too (a catalog entry, a form's question), so it links none.
MOST_LINKED = 10
#: If shared texts tie together a larger share of the pairs, and more rows than this, shared texts are ignored.
MOST_SHARE, MOST_TINY = 0.05, 3


@dataclass(frozen=True)
class Plan:
    """A test set and folds, as positions in one table. ``test`` is empty if the test set is a separate file.

    Attributes
    ----------
    test : ndarray of int
        Positions of the test rows.
    folds : tuple of (train, valid)
        Positions of each fold; a tiny table has several deals of k folds. Test rows are in neither part.
    first_round : tuple of int
        The folds that every recipe meets; finalists meet further ones.
    """

    test: Index
    folds: tuple[tuple[Index, Index], ...]
    first_round: tuple[int, ...]

    @property
    def again(self) -> tuple[int, ...]:
        """Return the extra folds for finalists: one for a large table, the later deals for a tiny one."""
        met = len(self.first_round)
        return (1,) if met == 1 else tuple(range(met, len(self.folds)))

    @property
    def search(self) -> Index:
        """Return every position outside the test set, in order; the final model is fitted on these."""
        train, valid = self.folds[0]
        return np.sort(np.concatenate([train, valid]))


def plan(
    table: Table,
    strata: Array,
    *,
    folds: int | None = None,
    test_size: float | None = None,
    has_test: bool = False,
    most_valid: int | None = None,
    seed: int = 0,
) -> Plan:
    """Draw a test set and k folds, stratified by ``strata``.

    Rows with the same text (ignoring case, spacing and punctuation) or the same group are always on one side of every
    split. Without a group, pairs that share a text on either side are, too.

    Parameters
    ----------
    table : Table
        The rows to split.
    strata : ndarray of int, shape (n,)
        The stratum of each row.
    folds : int, optional
        The number of folds in the first round. Folds that get no rows, with few groups, are dropped.
    test_size : float, optional
        A share of the rows in (0, 0.5]. Default: 15 % of up to 2,000 rows, 10 % beyond, at most 10,000 rows.
    has_test : bool
        Whether a test table was passed; then no rows are held out.
    most_valid : int, optional
        The number of validation rows, on one fold even of few rows. Default: 20,000.
    seed : int
        Seed of the draws.

    Raises
    ------
    TableError
        If fewer than two folds have rows.
    """
    n = len(table)
    rng = np.random.default_rng(seed)
    units = _units(table)
    share = test_size if test_size is not None else min(0.15 if n <= 2_000 else 0.10, MOST_EXAM_ROWS / n)
    in_exam = np.zeros(n, bool) if has_test else _exam(strata, units, share, rng)
    rest = np.flatnonzero(~in_exam)
    tiny = folds is None and len(rest) < TINY
    k = folds or (4 if tiny else 5)
    valid_share = min(1 / k, (most_valid or MOST_VALIDATION_ROWS) / len(rest))
    shares = [valid_share] * k + [max(0.0, 1 - k * valid_share)]
    deals = [_folds(rest, _parts(strata[rest], units[rest], shares, rng), k) for _ in range(TIMES if tiny else 1)]
    _demand_two(len(deals[0]), units)
    everything = folds is not None or (len(rest) < SMALL and most_valid is None)
    pairs = tuple(pair for dealt in deals for pair in dealt)
    return Plan(np.flatnonzero(in_exam), pairs, tuple(range(len(deals[0]))) if everything else (0,))


def _exam(strata: Array, units: Array, share: float, rng: np.random.Generator) -> Array:
    """Return an (n,) bool mask of the test rows. Each stratum leaves two rows to the search, if any remain that way."""
    for reserve in (2, 0):
        held: Array = deal(strata, units, [share, 1 - share], rng, keep_in_last=reserve) == 0
        if held.any():
            return held
    # Each group is larger than the share, so the smallest group is held out.
    numbers, sizes = np.unique(units, return_counts=True)
    return np.asarray(units == numbers[np.argmin(sizes)]) if len(numbers) > 1 else held


def _parts(strata: Array, units: Array, shares: Sequence[float], rng: np.random.Generator) -> Array:
    """Return the fold of each row, (n,); the last number marks rows in no fold."""
    part = deal(strata, units, shares, rng)
    if len(np.unique(part[part < len(shares) - 1])) == len(shares) - 1:
        return part
    return deal(np.zeros_like(strata), units, shares, rng)  # few groups: balance the sizes, not the strata


def _folds(rest: Index, part: Array, k: int) -> list[tuple[Index, Index]]:
    """Return (train, valid) for each fold that has rows in both."""
    return [(rest[part != f], rest[part == f]) for f in range(k) if 0 < (part == f).sum() < len(part)]


def _demand_two(count: int, units: Array) -> None:
    """Raise TableError where fewer than two folds have rows."""
    if count < 2:
        raise TableError(
            f"the rows have only {len(np.unique(units))} distinct groups or texts, too few for validation folds: "
            "add rows with other groups, or leave --group-column out."
        )


def deal(
    strata: Array, units: Array, shares: Sequence[float], rng: np.random.Generator, *, keep_in_last: int = 0
) -> Array:
    """Return the part, 0 to len(shares) - 1, of each row, (n,). Units are never cut; strata keep their shares.

    Large units go first, each to the part that lacks most rows of its stratum. Single rows then fill the rest.
    The last part keeps at least ``keep_in_last`` rows of every stratum.
    """
    _, first, unit, size = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    stratum = _mixed(strata, unit, strata[first])
    part_of_unit = np.zeros(len(size), np.int64)
    # Rounding errors of one stratum carry over to the next, so that the parts keep their sizes overall.
    carried = np.zeros(len(shares))
    for s in rng.permutation(np.unique(stratum)):
        members = rng.permutation(np.flatnonzero(stratum == s))
        members = members[np.argsort(-size[members], kind="stable")]
        want = np.asarray(shares) * size[members].sum() + carried
        lacking = _whole(want, size[members].sum(), keep_in_last)
        carried = want - lacking
        large = members[size[members] > 1]
        for u in large:
            p = int(np.argmax(lacking))
            part_of_unit[u] = p
            lacking[p] -= size[u]
        single = members[len(large) :]
        part_of_unit[single] = rng.permutation(np.repeat(np.arange(len(shares)), _fill(lacking, len(single))))
    return part_of_unit[unit]


def _mixed(strata: Array, unit: Array, stratum: Array) -> Array:
    """Return the stratum of each unit, (units,). Each combination of several strata becomes a stratum of its own.

    If such a unit counted for one stratum only, it would bring unplanned rows of the others into a part.
    """
    pairs = np.unique(np.stack([unit, strata], axis=1), axis=0)
    several = np.flatnonzero(np.bincount(pairs[:, 0], minlength=len(stratum)) > 1)
    if not len(several):
        return stratum
    strata_of_units, next_one = stratum.copy(), int(strata.max()) + 1
    held = pairs[np.isin(pairs[:, 0], several)]
    kinds: dict[tuple[int, ...], int] = {}
    for u, codes in zip(several, np.split(held[:, 1], np.flatnonzero(np.diff(held[:, 0])) + 1), strict=True):
        strata_of_units[u] = kinds.setdefault(tuple(codes.tolist()), next_one + len(kinds))
    return strata_of_units


def _whole(want: Array, total: int, keep_in_last: int) -> Array:
    """Round ``want`` to whole numbers that sum to ``total``, by largest remainders."""
    room = max(0, total - keep_in_last) if keep_in_last else total
    floor = np.maximum(np.floor(want), 0).astype(np.int64)
    if keep_in_last:
        floor[:-1] = np.minimum(floor[:-1], room)
        extra = round(want[:-1].sum()) - floor[:-1].sum()
        if extra > 0 and floor[:-1].sum() + extra <= room:
            floor[int(np.argmax(want[:-1] - floor[:-1]))] += extra
        floor[-1] = total - floor[:-1].sum()
        return floor
    while floor.sum() > total:
        floor[int(np.argmax(floor - want))] -= 1
    while floor.sum() < total:
        floor[int(np.argmax(want - floor))] += 1
    return floor


def _fill(lacking: Array, count: int) -> Array:
    """Return how many of ``count`` single rows each part gets, in proportion to the rows that it lacks."""
    need: Array = np.maximum(lacking, 0)
    while need.sum() > count:
        need[int(np.argmax(need))] -= 1
    while need.sum() < count:
        need[int(np.argmax(lacking - need))] += 1
    return need


def _units(table: Table) -> Array:
    """Return the unit of each row, (n,): equal numbers for rows that must stay together.

    These rows have the same text (ignoring case, spacing and punctuation), the same group, or are linked through
    others. Pairs without a group stay together if they share a text.
    """
    _, text = np.unique(table.dedup_keys, return_inverse=True)
    if table.group is not None:
        numbers: dict[str, int] = {}  # an array of strings would give each group the width of the longest
        group = np.array([numbers.setdefault(str(name), len(numbers)) for name in table.group])
        return _linked([text, group])
    if table.pair is None:
        return np.asarray(text)
    units = _linked([text, _shared(table)])
    _, sizes = np.unique(units, return_counts=True)
    return units if sizes.max() <= max(MOST_SHARE * len(table), MOST_TINY) else np.asarray(text)


def _shared(table: Table) -> Array:
    """Return the number of each text of a pair, (2, n), whichever its side; -1 if it links to nothing.

    Empty texts, and texts in so many rows that new rows would share them, link to nothing.
    """
    _, codes, counts = np.unique(
        np.concatenate([side.dedup_keys for side in table.pair_tables]), return_inverse=True, return_counts=True
    )
    empty = np.array([not text.strip() for side in table.pair_tables for text in side.full_text], bool)
    codes[empty | (counts[codes] > MOST_LINKED)] = -1
    return codes.reshape(2, len(table))


def _linked(things: Sequence[Array]) -> Array:
    """Return the connected component of each row, (n,).

    Rows are linked if they have an equal number in one of the arrays, of shape (n,) or (m, n). -1 links nothing.
    """
    n = size = things[0].shape[-1]
    edges = []
    for numbers in map(np.atleast_2d, things):
        which, rows = np.nonzero(numbers >= 0)
        edges.append(np.stack([rows, size + numbers[which, rows]]))
        size += int(numbers.max(initial=-1)) + 1
    rows, nodes = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(len(rows)), (rows, nodes)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][:n])
