"""Splits: positions, never data.

Made once; every recipe meets the same folds; the test set is used once, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from penna.data.arrays import Array
from penna.data.table import Index, Table
from penna.errors import TableError

#: Below this many rows every recipe meets all folds; above, one fold chooses and finalists meet more.
SMALL = 1_500
#: Below this many, a fold is a handful of rows: they are dealt into folds more than once.
TINY, TIMES = 100, 2
MOST_EXAM_ROWS = 10_000
MOST_VALIDATION_ROWS = 20_000
#: A text that stands on more pairs is one that new pairs will have as well: an entry of a catalogue, a form's question.
MOST_LINKED = 10
#: Where a larger share of the pairs hangs together by shared texts, and more than so many, none are kept together so.
MOST_SHARE, MOST_TINY = 0.05, 3


@dataclass(frozen=True)
class Plan:
    """Positions into one table. ``test`` is empty where the test set is another file.

    folds        (train, valid) for each of k folds, of a tiny table for each of several deals; test rows are in neither
    first_round  the folds that every recipe meets; finalists meet further ones
    """

    test: Index
    folds: tuple[tuple[Index, Index], ...]
    first_round: tuple[int, ...]

    @property
    def again(self) -> tuple[int, ...]:
        """The folds that finalists are scored on in addition: one of a large table, the later deals of a tiny one."""
        met = len(self.first_round)
        return (1,) if met == 1 else tuple(range(met, len(self.folds)))

    @property
    def search(self) -> Index:
        """Every position that is not in the test set, in order: what the final model is fitted on."""
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
    """Return a test set and k folds, stratified by ``strata`` (n,) int.

    Rows with the same text (but for case, spacing and punctuation), or of the same group, are always on one side of
    every split; pairs also with the same text on a side, where no group is named. ``most_valid`` is how many rows to
    choose by, on one fold however few rows there are; 20,000 if None. ``folds`` asks for so many folds in the first
    round. ``test_size`` is a share of the rows in (0, 0.5]; by default 15 % of up to 2,000 rows, 10 % beyond, at most
    10,000 rows, and none where a test table was given. Of few groups, which are not cut, some folds may get none: those
    are left out. Raises TableError where all are but one.
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
    """(n,) bool: what is held out. Two rows of each stratum are left to the search, where that leaves any."""
    for kept in (2, 0):
        held: Array = deal(strata, units, [share, 1 - share], rng, keep_in_last=kept) == 0
        if held.any():
            return held
    # Each group is larger than the share: the smallest is held out.
    numbers, sizes = np.unique(units, return_counts=True)
    return np.asarray(units == numbers[np.argmin(sizes)]) if len(numbers) > 1 else held


def _parts(strata: Array, units: Array, shares: Sequence[float], rng: np.random.Generator) -> Array:
    """(n,) the fold of each row, the last part for rows of none."""
    part = deal(strata, units, shares, rng)
    if len(np.unique(part[part < len(shares) - 1])) == len(shares) - 1:
        return part
    return deal(np.zeros_like(strata), units, shares, rng)  # of a few groups not the strata are even, but the sizes


def _folds(rest: Index, part: Array, k: int) -> list[tuple[Index, Index]]:
    """(train, valid) of each fold that has rows of both."""
    return [(rest[part != f], rest[part == f]) for f in range(k) if 0 < (part == f).sum() < len(part)]


def _demand_two(found: int, units: Array) -> None:
    """Raise TableError where fewer than two folds have rows."""
    if found < 2:
        raise TableError(
            f"the rows are of {len(np.unique(units))} groups or texts, each on one side of every split: "
            "too few are left to choose by; give rows of more, or leave --group-column out."
        )


def deal(
    strata: Array, units: Array, shares: Sequence[float], rng: np.random.Generator, *, keep_in_last: int = 0
) -> Array:
    """(n,) the part, 0..len(shares)-1, that each row goes to; units are never cut, strata keep their shares.

    Large units go first, each to the part that lacks most rows of its stratum; single rows then fill what is left.
    ``keep_in_last`` rows of every stratum are promised to the last part.
    """
    _, first, unit, size = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    stratum = _mixed(strata, unit, strata[first])
    part_of_unit = np.zeros(len(size), np.int64)
    # What rounding takes from one stratum it gives to the next, so that the parts keep their sizes overall.
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
    """(units,) the stratum of each unit; those with rows of several are strata of their own, by which these are.

    Counted for one of its rows, a unit would bring rows of the others into a part unasked.
    """
    pairs = np.unique(np.stack([unit, strata], axis=1), axis=0)
    several = np.flatnonzero(np.bincount(pairs[:, 0], minlength=len(stratum)) > 1)
    if not len(several):
        return stratum
    made, next_one = stratum.copy(), int(strata.max()) + 1
    held = pairs[np.isin(pairs[:, 0], several)]
    kinds: dict[tuple[int, ...], int] = {}
    for u, codes in zip(several, np.split(held[:, 1], np.flatnonzero(np.diff(held[:, 0])) + 1), strict=True):
        made[u] = kinds.setdefault(tuple(codes.tolist()), next_one + len(kinds))
    return made


def _whole(want: Array, total: int, keep_in_last: int) -> Array:
    """Whole numbers near ``want`` that sum to ``total``, by largest remainders."""
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
    """How many of ``count`` single rows each part gets, in proportion to what it lacks."""
    need: Array = np.maximum(lacking, 0)
    while need.sum() > count:
        need[int(np.argmax(need))] -= 1
    while need.sum() < count:
        need[int(np.argmax(lacking - need))] += 1
    return need


def _units(table: Table) -> Array:
    """(n,) equal numbers for rows that must stay together.

    Same text but for case, spacing and punctuation, same group, or linked through others. Pairs without a group stay
    together where they share a text.
    """
    _, text = np.unique(table.dedup_keys, return_inverse=True)
    if table.group is not None:
        numbers: dict[str, int] = {}  # an array of strings would give each group the room of the longest
        group = np.array([numbers.setdefault(str(name), len(numbers)) for name in table.group])
        return _linked([text, group])
    if table.pair is None:
        return np.asarray(text)
    units = _linked([text, _shared(table)])
    _, sizes = np.unique(units, return_counts=True)
    return units if sizes.max() <= max(MOST_SHARE * len(table), MOST_TINY) else np.asarray(text)


def _shared(table: Table) -> Array:
    """Of pairs, (2, n) the number of each side's text, whichever side that stands on; -1 where it links to nothing.

    It is empty, or stands on so many rows that it is no chance that new rows would share.
    """
    _, codes, counts = np.unique(
        np.concatenate([side.dedup_keys for side in table.pair_tables]), return_inverse=True, return_counts=True
    )
    empty = np.array([not text.strip() for side in table.pair_tables for text in side.full_text], bool)
    codes[empty | (counts[codes] > MOST_LINKED)] = -1
    return codes.reshape(2, len(table))


def _linked(things: Sequence[Array]) -> Array:
    """(n,) the component of each row, where rows with an equal number hang together, of each array of (n,) or (m, n)
    numbers by itself; -1 links nothing.
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
