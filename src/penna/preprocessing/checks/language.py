"""Scripts and languages: rows that differ from most others.

Scripts are found by Unicode ranges. Languages are found by stop words, for the twelve below, in rows of at least
eight words, if one language clearly leads.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing import shingles
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, Source, of_rows, percent, quoted

LOOKS_FOR = "a mix of scripts or languages"
NEEDS = ""

_MOST = 500  # characters of a text that decide its script
_CHUNK = 2_000  # texts
_RANGES = {
    "Latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F),),
    "Armenian": ((0x530, 0x58F),),
    "Hebrew": ((0x590, 0x5FF),),
    "Arabic": ((0x600, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    "Devanagari": ((0x900, 0x97F),),
    "Indic, other": ((0x980, 0xDFF),),
    "Thai or Lao": ((0xE00, 0xEFF),),
    "Georgian": ((0x10A0, 0x10FF),),
    "Ethiopic": ((0x1200, 0x139F),),
    "Hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)),
    "Han": ((0x2E80, 0x2FDF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
    "Kana": ((0x3040, 0x30FF), (0x31F0, 0x31FF)),
}
# The most frequent words of each language, without those that another of the twelve shares.
_STOP_WORDS = {
    "English": "the of and is it that was this with you are not have but they what his her from which there would",
    "German": "der und das ist nicht ich zu sie den mit es ein eine auf dem für auch sich wird nach wie bei oder",
    "French": "les est dans pour que une qui pas vous avec il du au ce sur mais nous cette tout être fait ont aux",
    "Spanish": "el los las una por con para como pero más muy este ya todo esta sus hay cuando sobre también fue y",
    "Italian": "il di che non è per una sono della gli anche più nel alla questo dei come delle essere stato ho",
    "Portuguese": "não uma os com mais em para foi ao muito isso você ele dos das já também são pelo até isto",
    "Dutch": "het een van niet dat zijn op te voor met hij aan ook maar ik bij nog naar wordt deze heeft uit",
    "Swedish": "och att det inte jag som är på för av till har ett om mig från eller också när mycket",
    "Polish": "nie się jest na że jak ale tak czy dla było już tylko tego przez być są jego które",
    "Turkish": "bir bu için çok ve ama gibi daha ne kadar olan olarak değil sonra benim şey ile mi var yok",
    "Indonesian": "yang dan di itu tidak ini dengan untuk dari saya akan ada pada juga bisa sudah orang kami",
    "Czech": "že se na je jsem ale jako tak bylo pro jsou už jen když jeho může nebo který také při",
}
_LEAST_WORDS, _LEAST_SHARE, _LEAST, _LEAD = 8, 0.12, 3, 2


def find(sheet: CheckContext) -> list[Finding]:
    """Report rows in another script, and rows in another language, than most of the data."""
    kinds = _kinds(sheet)
    main = _commonest(kinds[0]), _commonest(kinds[1])
    findings = _told(sheet, "data", kinds, main)
    return findings if sheet.test is None else [*findings, *_told(sheet.test, "test", _kinds(sheet.test), main)]


def _kinds(sheet: CheckContext) -> tuple[Array, Array]:
    """Return the scripts and the languages of the rows, (n,) each."""
    return scripts(sheet.table.full_text), languages(sheet.words)


def _commonest(kinds: Array) -> int:
    return int(np.bincount(kinds + 1)[1:].argmax()) if (kinds >= 0).any() else -1


def _told(sheet: CheckContext, source: Source, kinds: tuple[Array, Array], main: tuple[int, int]) -> list[Finding]:
    odd_script, odd_language = (
        "rows written in another script than most",
        "rows that seem to be in another language than most",
    )
    return [
        *_other(sheet, source, "script mix", kinds[0], main[0], list(_RANGES), odd_script),
        *_other(sheet, source, "language mix", kinds[1], main[1], list(_STOP_WORDS), odd_language),
    ]


def _other(
    sheet: CheckContext, source: Source, kind: str, kinds: Array, main: int, names: Sequence[str], what: str
) -> list[Finding]:
    if main < 0:
        return []
    place = np.flatnonzero((kinds >= 0) & (kinds != main))
    counts = np.bincount(kinds[kinds >= 0], minlength=len(names))
    shares = ", ".join(
        f"{names[j]} {percent(counts[j] / counts.sum())}" for j in np.argsort(-counts, kind="stable")[:FEW] if counts[j]
    )
    examples = [f"row {sheet.rows[i]}, {names[kinds[i]]}: {quoted(sheet.table.full_text[i])}" for i in place[: FEW - 1]]
    return of_rows(
        kind, what, sheet.rows[place], "info", of=len(sheet), examples=[shares, *examples], source=source,
        does="keeps them", change="pass a multilingual --encoder, or one file per language",
    )  # fmt: skip


@cache
def _script_of() -> Array:
    """Return code point -> index in ``_RANGES``; the last index is for anything but letters of a known script."""
    table = np.full(0x110000, len(_RANGES), np.uint8)
    for place, ranges in enumerate(_RANGES.values()):
        for low, high in ranges:
            table[low : high + 1] = place
    table[[0xD7, 0xF7]] = len(_RANGES)
    return table


def scripts(texts: Sequence[str] | Array) -> Array:
    """Return the script of most letters of each text, (n,); -1 without letters.

    >>> [list(_RANGES)[i] for i in scripts(["Привет, мир", "hello"])]
    ['Cyrillic', 'Latin']
    """
    out = np.full(len(texts), -1, np.int64)
    latin, table, k = list(_RANGES).index("Latin"), _script_of(), len(_RANGES) + 1
    for start in range(0, len(texts), _CHUNK):
        cut = [text[:_MOST] for text in texts[start : start + _CHUNK]]
        code = np.frombuffer("".join(cut).encode("utf-32-le", "surrogatepass"), np.uint32)
        row = np.repeat(np.arange(len(cut)), [len(text) for text in cut])
        counts = np.bincount(row * k + table[code], minlength=len(cut) * k).reshape(len(cut), k)[:, :-1]
        # Japanese is Kana with Han, and a Latin name makes no sentence Latin.
        weight = counts * np.where(np.arange(k - 1) == latin, 0.5, 1.0)
        out[start : start + len(cut)] = np.where(counts.any(axis=1), weight.argmax(axis=1), -1)
    out[out == list(_RANGES).index("Kana")] = list(_RANGES).index("Han")
    return out


@cache
def _stop_words() -> tuple[Array, Array]:
    """Return the sorted hashes of all stop words, and a (words, languages) mask of the languages that have each."""
    lists = [set(text.split()) for text in _STOP_WORDS.values()]
    everything = sorted(set().union(*lists), key=shingles.hashed)
    belongs = np.array([[word in of for of in lists] for word in everything])
    return np.array([shingles.hashed(word) for word in everything], np.uint64), belongs


def languages(found: shingles.Words) -> Array:
    """Return the language of each text, (n,); -1 if its stop words do not decide.

    >>> texts = ["this is what it was and that is not the end", "das ist nicht der Film und auch nicht das Buch"]
    >>> [list(_STOP_WORDS)[i] for i in languages(shingles.split(texts))]
    ['English', 'German']
    """
    hashes, belongs = _stop_words()
    place = np.minimum(np.searchsorted(hashes, found.hashes), len(hashes) - 1)
    hit = np.flatnonzero(hashes[place] == found.hashes)
    row, member = found.rows[hit], belongs[place[hit]]
    counts = np.stack([np.bincount(row[of], minlength=len(found)) for of in member.T], axis=1)
    ranked = np.sort(counts, axis=1)
    clear = (ranked[:, -1] >= np.maximum(_LEAST, _LEAST_SHARE * found.lengths)) & (
        ranked[:, -1] - ranked[:, -2] >= _LEAD
    )
    return np.where(clear & (found.lengths >= _LEAST_WORDS), counts.argmax(axis=1), -1)
