"""Target leakage: columns, or words of the text, that reveal the target."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing import shingles
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns.column import Column
from penna.preprocessing.data_findings import FEW, Severity, of_columns, of_rows, percent, quoted

LOOKS_FOR = "columns and words that reveal the target"
NEEDS = ""

#: The minimum gain of a single column over the most frequent class, as a share of what that class leaves open. It is
#: not higher, since labels are noisy: for two classes with a tenth of the labels wrong, the truth itself reaches 0.8.
#: To be excluded from a fit, a column must reach more: a good column may come near the first.
GIVEN_AWAY, CERTAIN = 0.7, 0.9
_LEAST_ROWS = 40
_NEAREST = 5
_PURE, _COVER = 0.995, 0.95  # a word: share of the rows that hold it, and of its class


def find(sheet: CheckContext) -> list[Finding]:
    """Report columns that nearly determine the target, and words in one class only and in nearly all its rows."""
    if sheet.strata is None:
        return []
    labeled = np.flatnonzero(sheet.strata >= 0)
    if len(labeled) < _LEAST_ROWS or len(np.unique(sheet.strata[labeled])) < 2:
        return []
    # A text of few values, such as the name of the class in words, is treated as a column.
    texts = [] if sheet.as_is else [Column(name, cells) for name, cells in sheet.table.text.items()]
    columns = [*sheet.columns.values(), *(c for c in texts if c.distinct < 0.5 * c.present)]
    answered = {c.name: predictive_strength(c, sheet.strata, labeled) for c in columns}
    leaks = sorted((name for name in answered if answered[name] >= GIVEN_AWAY), key=lambda name: -answered[name])
    spoken = [name for name in leaks if name in sheet.table.text]
    leaks = [name for name in leaks if name not in spoken]
    return [
        *of_columns(
            "leaking column", "texts of few values that reveal the target", spoken,
            examples=_shares(answered, spoken),
            does="trains on them, since they are text",
            change="name the text (--text), or leave one out (--ignore-columns)",
        ),
        *of_columns(
            "leaking column", "columns that reveal the target", leaks,
            examples=_shares(answered, leaks),
            does=f"leaves out those that answer {percent(CERTAIN)} or more and were not named, unless one is all the "
            "text that there is, and trusts the others",
            change="--ignore-columns COLUMN leaves it out; --numeric-columns, --categorical-columns, --date-columns or "
            "--multi-value-columns COLUMN keeps it",
        ),
        *(_words(sheet, labeled) if sheet.classes else []),
    ]  # fmt: skip


def _shares(answered: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{name}: answers {percent(answered[name])} of what the most frequent class leaves open" for name in names]


def predictive_strength(column: Column, strata: Array, known: Array) -> float:
    """Return how well the column predicts the target, from 0 to 1, on held-out rows.

    Each half of the rows is predicted from the other: by the most frequent class of the value there, and for numbers
    also by the five nearest ones. ``known`` holds the positions of rows with a target.
    """
    y = strata[known]
    base = float(np.bincount(y).max()) / len(y)
    best = _answered(column.codes[known], y)
    if column.numeric and column.distinct > _NEAREST:
        best = max(best, _nearest(column.numbers[known], y))
    return max(0.0, (best - base) / (1 - base)) if base < 1 else 0.0


@lru_cache(maxsize=2)
def _halves(rows: int) -> Array:
    """Return 0 or 1 for each row, (rows,), the same for each of thousands of columns."""
    return np.random.default_rng(0).permutation(rows) % 2


def _answered(codes: Array, y: Array) -> float:
    """Return the accuracy of "the most frequent class of this value in the other half"."""
    codes, k = codes + 1, int(y.max()) + 1
    half = _halves(len(y))
    right = 0
    for side in (0, 1):
        learn, ask = half != side, half == side
        key, counts = np.unique(codes[learn] * k + y[learn], return_counts=True)
        order = np.lexsort((counts, key // k))
        last = np.flatnonzero(np.diff(key[order] // k, append=-1))  # the most frequent class of each value
        answer = np.full(int(codes.max()) + 1, int(np.bincount(y[learn]).argmax()))
        answer[key[order][last] // k] = key[order][last] % k
        right += int((answer[codes[ask]] == y[ask]).sum())
    return right / len(y)


def _nearest(numbers: Array, y: Array) -> float:
    """Return the accuracy of "the most frequent class among the five nearest numbers in the other half"."""
    if not np.isfinite(numbers).any():
        return 0.0
    numbers = np.where(np.isfinite(numbers), numbers, np.median(numbers[np.isfinite(numbers)]))
    half = _halves(len(y))
    right = 0
    for side in (0, 1):
        learn, ask = np.flatnonzero(half != side), np.flatnonzero(half == side)
        learn = learn[np.argsort(numbers[learn], kind="stable")]
        around = np.searchsorted(numbers[learn], numbers[ask])[:, None] + np.arange(_NEAREST) - _NEAREST // 2
        seen = y[learn[np.clip(around, 0, len(learn) - 1)]]
        votes = (seen[:, :, None] == seen[:, None, :]).sum(axis=2)
        right += int((seen[np.arange(len(ask)), votes.argmax(axis=1)] == y[ask]).sum())
    return right / len(y)


def _words(sheet: CheckContext, labeled: Array) -> list[Finding]:
    """Report words of (nearly) only one class that are in nearly all its rows."""
    assert sheet.strata is not None
    word, row = sheet.words.hashes, sheet.words.rows
    keep = sheet.strata[row] >= 0
    word, row = word[keep], row[keep]
    sizes = np.bincount(sheet.strata[labeled], minlength=len(sheet.classes))
    if not len(word):
        return []
    word, row = _frequent(word, row, max(10, _COVER * float(sizes[sizes > 0].min())))
    kinds, place = np.unique(word, return_inverse=True)
    pairs = np.unique(place * np.int64(len(sheet)) + row)  # a word counts once per row
    place, row = pairs // len(sheet), pairs % len(sheet)
    k = len(sheet.classes)
    key, counts = np.unique(place * np.int64(k) + sheet.strata[row], return_counts=True)
    of_word, of_class = key // k, key % k
    total = np.bincount(of_word, weights=counts, minlength=len(kinds))
    leak = (counts >= _PURE * total[of_word]) & (counts >= _COVER * sizes[of_class]) & (counts >= 10)
    leak &= sizes[of_class] >= _LEAST_ROWS / 2
    if not leak.any():
        return []
    rows = np.unique(row[np.isin(place, of_word[leak])])
    examples = [
        f"{quoted(_spelt(sheet, kinds[w], int(row[place == w][0])))}: {n:,} rows, nearly all {sheet.classes[j]!s}"
        for w, j, n in list(zip(of_word[leak], of_class[leak], counts[leak], strict=True))[:FEW]
    ]
    # A class may well have its own word ("passport"), but no language has the same word in most rows.
    grave: Severity = "warning" if len(rows) > 0.5 * len(labeled) else "info"
    return of_rows(
        "leaking word", "rows with a word that reveals their class", sheet.rows[rows], grave, of=len(sheet),
        examples=examples, does="trains on it and would rely on it",
        change="remove the word in the file, unless it is also known at prediction",
    )  # fmt: skip


def _frequent(word: Array, row: Array, least: float) -> tuple[Array, Array]:
    """Keep words that may be in at least ``least`` rows; hash buckets make it fast."""
    bucket = (word >> np.uint64(44)).astype(np.int64)
    frequent = np.bincount(bucket, minlength=1 << 20)[bucket] >= least
    return word[frequent], row[frequent]


def _spelt(sheet: CheckContext, word: Any, row: int) -> str:
    words = shingles.listed(sheet.table.full_text[row])
    return next((each for each in words if shingles.hashed(each) == int(word)), "")
