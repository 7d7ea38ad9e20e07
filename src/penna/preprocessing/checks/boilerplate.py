"""Boilerplate: runs of words that many different rows share, such as signatures, disclaimers and form fields."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing import shingles
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, of_rows, quoted

LOOKS_FOR = "boilerplate shared by many rows"
NEEDS = ""

RUN = 6  # words; shorter runs are idioms
_LEAST_ROWS, _LEAST_SHARE = 10, 0.02
_BITS = 22


def find(sheet: CheckContext) -> list[Finding]:
    """Report runs of six words in at least 2 % of the different texts, and in at least ten of them."""
    n = len(sheet)
    runs, place = sheet.words.runs(RUN)
    row = sheet.words.rows[place]
    # Copies of a text share all its runs, so each group of copies counts once.
    original = np.zeros(n, bool)
    original[np.unique(sheet.kin[:n], return_index=True)[1]] = True
    least = max(_LEAST_ROWS, _LEAST_SHARE * original.sum())
    if original[row].sum() < least:
        return []
    common = _common(runs[original[row]], row[original[row]], least)
    if not len(common):
        return []
    held = np.isin(runs, common)
    rows = np.unique(row[held])
    return of_rows(
        "boilerplate", f"texts with a run of {RUN} or more words that many others share", sheet.rows[rows], "info",
        of=n, examples=_phrases(sheet, runs[held], place[held], row[held]),
        does="keeps it; n-grams that all classes share weigh little", change="cut it out in the file",
    )  # fmt: skip


def _common(runs: Array, row: Array, least: float) -> Array:
    """Return runs in at least ``least`` rows. Counting hash buckets first leaves few to count one by one."""
    bucket = (runs >> np.uint64(64 - _BITS)).astype(np.int64)
    frequent = np.bincount(bucket, minlength=1 << _BITS)[bucket] >= least
    runs, row = runs[frequent], row[frequent]
    order = np.lexsort((row, runs))
    runs, row = runs[order], row[order]
    new = np.ones(len(runs), bool)
    new[1:] = (runs[1:] != runs[:-1]) | (row[1:] != row[:-1])
    unique, counts = np.unique(runs[new], return_counts=True)
    return np.asarray(unique[counts >= least])


def _phrases(sheet: CheckContext, runs: Array, place: Array, row: Array) -> list[str]:
    """Return the most frequent phrases; overlapping runs are joined."""
    out: list[str] = []
    left = np.ones(len(runs), bool)
    while left.any() and len(out) < FEW:
        _, first, counts = np.unique(runs[left], return_index=True, return_counts=True)
        best = int(counts.argmax())
        at = int(np.flatnonzero(left)[first[best]])
        begin = end = at
        while begin > 0 and place[begin - 1] == place[begin] - 1 and row[begin - 1] == row[at]:
            begin -= 1
        while end + 1 < len(runs) and place[end + 1] == place[end] + 1 and row[end + 1] == row[at]:
            end += 1
        start = int(place[begin] - sheet.words.offsets[row[at]])
        words = shingles.listed(sheet.table.full_text[row[at]])[start : start + end - begin + RUN]
        rows = len(np.unique(row[runs == runs[at]]))
        out.append(f"{rows:,} rows, such as row {sheet.rows[row[at]]}: {quoted(' '.join(words))}")
        left &= ~np.isin(runs, runs[begin : end + 1])
    return out
