"""Pairs of texts that should say the same: which of them cannot be right. Knows two columns; no language.

What is odd is recognized by the other rows: how long the sides are next to one another, which script each is written
in, and which triples of characters are usual on which side. Such pairs teach nothing good; they are left out of
training, and never out of what a model is judged on.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table

#: What is looked for, and how it is reported.
KINDS: Mapping[str, str] = {
    "empty side": "pairs with nothing on one side",
    "repeated pair": "pairs that were there before",
    "copied pair": "pairs that say the very same on both sides",
    "odd length": "pairs of which one side is far too long for the other",
    "odd script": "pairs with a side in another script than the rest of its column",
    "swapped side": "pairs with a side that reads like the other column",
}
#: A target of texts has so many words (or signs, where words are not spaced) in a cell, and few cells that come again.
_WORDS, _SIGNS, _DIFFERENT, _FEW = 3.5, 8, 0.9, 20
_SAID = "left out of training, kept where models are judged"
_DOES = "leaves them out of training, keeps them where models are judged"
_CHANGE = "correct them, or say --label-noise keep"
_LEAST = 50  # rows, below which nothing can be stated of what is usual
_TIMES, _APART = 3.0, 12  # so many times longer than usual, and by at least so many characters
_USUAL = 0.9  # the share of a column's rows that must be of one script
_SURE = 1.0  # nats a triple of characters, by which a text must read more like the other column
_LETTERS = 12  # a shorter text tells too little
_BUCKETS = 1 << 16
_MOST = 20_000  # rows that the usual is trained on
_MOST_SEEN = 4
_seen: dict[str, Array] = {}  # fingerprint of a table -> the positions that are kept


def sentences(cells: Any) -> bool:
    """Whether these cells are texts of several words, nearly all different.

    Nothing that could be distinguished by label.

    >>> sentences([f"this is row {i} of many" for i in range(30)]), sentences(["yes", "no"] * 30)
    (True, False)
    """
    some = [] if cells is None else [cell for cell in cells[:: max(1, len(cells) // 5000)] if cell is not None]
    if len(some) < _FEW or not all(isinstance(cell, str) for cell in some):
        return False
    if len(set(some)) < _DIFFERENT * len(some):
        return False
    signs = sum(map(len, some))
    if sum(cell.count(" ") for cell in some) > signs / 30:
        return sum(len(cell.split()) for cell in some) >= _WORDS * len(some)
    return _unspaced(some) and signs >= _SIGNS * len(some)


def _unspaced(texts: Sequence[str]) -> bool:
    """Whether most letters are of a script that is written without spaces."""
    letters = [sign for sign in "".join(texts[:200]) if sign.isalpha()]
    far = sum("\u0e00" <= s <= "\u109f" or "\u1780" <= s <= "\u17ff" or "\u3040" <= s <= "\u9fff" for s in letters)
    return far > 0.5 * len(letters)


def odd(source: Sequence[str], target: Sequence[str]) -> dict[str, Array]:
    """Kind -> (n,) bool; a row is named under the first kind that it is of."""
    stripped = [text.strip() for text in source], [text.strip() for text in target]
    found = {
        "empty side": np.array([not a or not b for a, b in zip(*stripped, strict=True)], bool),
        "repeated pair": _repeated(*stripped),
        "copied pair": np.array(
            [_bare(a) == _bare(b) and bool(_bare(a)) for a, b in zip(*stripped, strict=True)], bool
        ),
    }
    if len(source) >= _LEAST:
        found["odd length"] = _odd_length(*stripped)
        found["odd script"] = _odd_script(stripped[0]) | _odd_script(stripped[1])
        found["swapped side"] = _swapped(*stripped)
    taken = np.zeros(len(source), bool)
    for kind, mask in found.items():
        found[kind] = mask & ~taken
        taken |= mask
    return found


def kept(table: Table) -> Table:
    """Return the rows that may be right."""
    if table.fingerprint not in _seen:  # every trial asks about the same rows
        wrong = np.zeros(len(table), bool)
        for mask in odd(*sides(table)).values():
            wrong |= mask
        while len(_seen) >= _MOST_SEEN:
            del _seen[next(iter(_seen))]
        _seen[table.fingerprint] = np.flatnonzero(~wrong)
    return table.take(_seen[table.fingerprint])


def sides(table: Table) -> tuple[list[str], list[str]]:
    """Source and target as texts."""
    assert table.target is not None
    return table.full_text.tolist(), ["" if cell is None else str(cell) for cell in table.target]


def findings(table: Table) -> list[Finding]:
    """One for each kind, with the rows."""
    made = []
    source, target = sides(table)
    for kind, mask in odd(source, target).items():
        at = np.flatnonzero(mask)
        if len(at):
            rows = tuple(int(row) for row in table.row_numbers[at])
            listed = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
            examples = tuple(f"{source[i][:60]!r} / {target[i][:60]!r}" for i in at[:5])
            message = f"{KINDS[kind]}: {len(at):,} of {len(table):,} (rows {listed}); {_SAID}."
            made.append(Finding(kind, message, len(at), rows, "warning", (), examples, _DOES, _CHANGE))
    return made


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
    """Beside the usual proportion, which is another between Chinese and German than between English and German."""
    a, b = (np.array([len(text) for text in side], np.float64) for side in (source, target))
    usual = np.median(np.log((b + 1) / (a + 1)))
    expected = (a + 1) * np.exp(usual)
    times = np.abs(np.log((b + 1) / expected))
    spread = 1.4826 * np.median(times)  # of proportions that vary much, more is usual
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
    """Return that of most letters, by the first word of their names; "" of few letters."""
    letters = [sign for sign in text[:200] if sign.isalpha()]
    if len(letters) < 3:
        return ""
    if all(sign < "\u0250" for sign in letters):  # Latin letters with marks are below, and most texts
        return "LATIN"
    name, count = Counter(unicodedata.name(sign, "?").split()[0] for sign in letters).most_common(1)[0]
    joined = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}
    return joined.get(name, name) if count > 0.5 * len(letters) else ""


def _swapped(source: Sequence[str], target: Sequence[str]) -> Array:
    """Texts whose triples of characters are usual in the other column and not in theirs."""
    triples = [[_triples(text) for text in side] for side in (source, target)]
    usual = [np.log(_counts(side)) for side in triples]
    usual = [each - np.log(np.exp(each).sum()) for each in usual]
    other = usual[1] - usual[0]
    out = np.zeros(len(source), bool)
    for side, sign in zip(triples, (1, -1), strict=True):
        out |= np.array([len(row) >= _LETTERS and sign * other[row].mean() > _SURE for row in side], bool)
    return out


def _counts(side: Sequence[Array]) -> Array:
    """How often each bucket of triples occurs in the first rows, and a little more."""
    return np.bincount(np.concatenate([*side[:_MOST], np.zeros(0, np.int64)]), minlength=_BUCKETS) + 0.1


def _triples(text: str) -> Array:
    points = np.frombuffer(text[:500].casefold().encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    return np.asarray((points[:-2] * 961 + points[1:-1] * 31 + points[2:]) * 40503 % (1 << 31) >> 15)
