"""Detect pairs that cannot be translations. Knows two columns; no language.

The other rows show what is usual: the ratio of lengths, the script of each side, and the character trigrams of each
side. Odd pairs are left out of training, and never out of validation or test rows.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table

#: The kinds of odd pairs, and their messages.
KINDS: Mapping[str, str] = {
    "empty side": "pairs with nothing on one side",
    "repeated pair": "pairs that repeat an earlier pair",
    "copied pair": "pairs with equal sides",
    "odd length": "pairs with one side far too long for the other",
    "odd script": "pairs with a side in another script than the rest of its column",
    "swapped side": "pairs with a side that reads like the other column",
}
#: The number of words (or characters, in scripts without spaces) per cell of a target of texts; few cells repeat.
_WORDS, _SIGNS, _DIFFERENT, _FEW = 3.5, 8, 0.9, 20
_SAID = "left out of training, kept for validation and test"
_DOES = "leaves them out of training, keeps them for validation and test"
_CHANGE = "correct them, or pass --label-noise keep"
_LEAST = 50  # the minimum number of rows to estimate what is usual
_TIMES, _APART = 3.0, 12  # how many times longer than usual, and by how many characters at least
_USUAL = 0.9  # the share of a column's rows that must be of one script
_SURE = 1.0  # nats per trigram, by which a text must fit the other column better
_LETTERS = 12  # a shorter text is not decisive
_BUCKETS = 1 << 16
_MOST = 20_000  # rows to estimate what is usual
_MOST_SEEN = 4
_seen: dict[str, Array] = {}  # fingerprint of a table -> the positions to keep


def sentences(cells: Any) -> bool:
    """Return whether cells are texts of several words, nearly all different: anything but labels.

    >>> sentences([f"this is row {i} of many" for i in range(30)]), sentences(["yes", "no"] * 30)
    (True, False)
    """
    sample = [] if cells is None else [cell for cell in cells[:: max(1, len(cells) // 5000)] if cell is not None]
    if len(sample) < _FEW or not all(isinstance(cell, str) for cell in sample):
        return False
    if len(set(sample)) < _DIFFERENT * len(sample):
        return False
    signs = sum(map(len, sample))
    if sum(cell.count(" ") for cell in sample) > signs / 30:
        return sum(len(cell.split()) for cell in sample) >= _WORDS * len(sample)
    return _unspaced(sample) and signs >= _SIGNS * len(sample)


def _unspaced(texts: Sequence[str]) -> bool:
    """Return whether most letters are of a script that is written without spaces."""
    letters = [sign for sign in "".join(texts[:200]) if sign.isalpha()]
    far = sum("\u0e00" <= s <= "\u109f" or "\u1780" <= s <= "\u17ff" or "\u3040" <= s <= "\u9fff" for s in letters)
    return far > 0.5 * len(letters)


def odd(source: Sequence[str], target: Sequence[str]) -> dict[str, Array]:
    """Return kind -> mask, (n,). A row counts under the first kind that fits."""
    stripped = [text.strip() for text in source], [text.strip() for text in target]
    masks = {
        "empty side": np.array([not a or not b for a, b in zip(*stripped, strict=True)], bool),
        "repeated pair": _repeated(*stripped),
        "copied pair": np.array(
            [_bare(a) == _bare(b) and bool(_bare(a)) for a, b in zip(*stripped, strict=True)], bool
        ),
    }
    if len(source) >= _LEAST:
        masks["odd length"] = _odd_length(*stripped)
        masks["odd script"] = _odd_script(stripped[0]) | _odd_script(stripped[1])
        masks["swapped side"] = _swapped(*stripped)
    assigned = np.zeros(len(source), bool)
    for kind, mask in masks.items():
        masks[kind] = mask & ~assigned
        assigned |= mask
    return masks


def kept(table: Table) -> Table:
    """Return the rows that may be right."""
    if table.fingerprint not in _seen:  # every trial needs the same rows
        wrong = np.zeros(len(table), bool)
        for mask in odd(*sides(table)).values():
            wrong |= mask
        while len(_seen) >= _MOST_SEEN:
            del _seen[next(iter(_seen))]
        _seen[table.fingerprint] = np.flatnonzero(~wrong)
    return table.take(_seen[table.fingerprint])


def sides(table: Table) -> tuple[list[str], list[str]]:
    """Return source and target as texts."""
    assert table.target is not None
    return table.full_text.tolist(), ["" if cell is None else str(cell) for cell in table.target]


def findings(table: Table) -> list[Finding]:
    """Return a finding for each kind, with its rows."""
    reports = []
    source, target = sides(table)
    for kind, mask in odd(source, target).items():
        at = np.flatnonzero(mask)
        if len(at):
            rows = tuple(int(row) for row in table.row_numbers[at])
            listed = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
            examples = tuple(f"{source[i][:60]!r} / {target[i][:60]!r}" for i in at[:5])
            message = f"{KINDS[kind]}: {len(at):,} of {len(table):,} (rows {listed}); {_SAID}."
            reports.append(Finding(kind, message, len(at), rows, "warning", (), examples, _DOES, _CHANGE))
    return reports


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _repeated(source: Sequence[str], target: Sequence[str]) -> Array:
    seen: set[tuple[str, str]] = set()
    out = np.zeros(len(source), bool)
    for i, pair in enumerate(zip(source, target, strict=True)):
        out[i] = pair in seen
        seen.add(pair)
    return out


def _odd_length(source: Sequence[str], target: Sequence[str]) -> Array:
    """Return a mask of unusual length ratios. The usual ratio depends on the two languages."""
    a, b = (np.array([len(text) for text in side], np.float64) for side in (source, target))
    usual = np.median(np.log((b + 1) / (a + 1)))
    expected = (a + 1) * np.exp(usual)
    times = np.abs(np.log((b + 1) / expected))
    spread = 1.4826 * np.median(times)  # ratios that vary much allow more
    odd_ones: Array = (times > max(np.log(_TIMES), 4 * spread)) & (np.abs(b + 1 - expected) > _APART)
    return odd_ones


def _odd_script(side: Sequence[str]) -> Array:
    scripts = [_script(text) for text in side]
    counts = Counter(script for script in scripts if script)
    if not counts:
        return np.zeros(len(side), bool)
    usual, rows = counts.most_common(1)[0]
    if rows < _USUAL * counts.total():
        return np.zeros(len(side), bool)
    return np.array([bool(script) and script != usual for script in scripts], bool)


def _script(text: str) -> str:
    """Return the script of most letters, by the first word of their Unicode names; "" for few letters."""
    letters = [sign for sign in text[:200] if sign.isalpha()]
    if len(letters) < 3:
        return ""
    if all(sign < "\u0250" for sign in letters):  # Latin letters with accents are below this, and so are most texts
        return "LATIN"
    name, count = Counter(unicodedata.name(sign, "?").split()[0] for sign in letters).most_common(1)[0]
    joined = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}
    return joined.get(name, name) if count > 0.5 * len(letters) else ""


def _swapped(source: Sequence[str], target: Sequence[str]) -> Array:
    """Return a mask of texts whose trigrams are usual in the other column and not in their own."""
    triples = [[_triples(text) for text in side] for side in (source, target)]
    usual = [np.log(_counts(side)) for side in triples]
    usual = [each - np.log(np.exp(each).sum()) for each in usual]
    other = usual[1] - usual[0]
    out = np.zeros(len(source), bool)
    for side, sign in zip(triples, (1, -1), strict=True):
        out |= np.array([len(row) >= _LETTERS and sign * other[row].mean() > _SURE for row in side], bool)
    return out


def _counts(side: Sequence[Array]) -> Array:
    """Return smoothed counts of each bucket of trigrams in the first rows."""
    return np.bincount(np.concatenate([*side[:_MOST], np.zeros(0, np.int64)]), minlength=_BUCKETS) + 0.1


def _triples(text: str) -> Array:
    points = np.frombuffer(text[:500].casefold().encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    return np.asarray((points[:-2] * 961 + points[1:-1] * 31 + points[2:]) * 40503 % (1 << 31) >> 15)
