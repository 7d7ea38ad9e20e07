"""Guess the encoding of bytes that are not UTF-8, from the letters of languages. Knows bytes; never columns.

A wrong code page gives letters that no language mixes, capitals within words, and symbols between letters. Other
scripts (Chinese, Japanese, Korean, Arabic, Thai) are left to charset_normalizer.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

#: Letters beyond ASCII, by language; for other scripts, the most common letters first.
_LATIN = {
    "western": (
        ("cp1252", "iso8859_15", "mac_roman", "cp850", "cp437"),
        (
            "äöüß", "àâæçéèêëîïôœùûü", "áéíñóúüªº", "áâãàçéêíóôõúªº", "àèéìíîòóùú", "àçèéíïòóúü", "åäöé", "æøåéóè",
            "áðéíóúýþæö", "áéëïóöüèê", "éèêëïîçñöüàáâåäøó", "ëç", "äöüõšž",
        ),
    ),
    "central": (
        ("cp1250", "iso8859_2", "cp852", "mac_latin2"),
        ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "ëç"),
    ),
    "turkish": (("cp1254", "cp857", "mac_turkish"), ("çğıöşüâîû",)),
    "baltic": (("cp1257", "cp775"), ("āčēģīķļņšūž", "ąčęėįšųūž", "äöüõšž")),
}  # fmt: skip
_OTHER = {
    "cyrillic": (
        ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic"),
        ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "оанитвекрслдумпязбьгйчхшюжцєфіїґщ", "оаиенстрјвукдлмпгзбчљшђћњцжхфџ"),
    ),
    "greek": (("cp1253", "iso8859_7", "cp737", "mac_greek"), ("αοιετσνηυρπκμλςωγδθχφβξζψάέήίόύώϊϋΐΰ",)),
    "hebrew": (("cp1255",), ("יוהלאמרתבשנעחדקפכסגטזצםןךףץ",)),
}
#: Penalties on the score of rare encodings; none if not listed.
_SELDOM = {
    "iso8859_15": 0.01, "mac_roman": 0.01, "cp850": 0.01, "cp437": 0.02, "cp1250": 0.01, "iso8859_2": 0.02,
    "cp852": 0.02, "mac_latin2": 0.05, "cp1254": 0.01, "cp857": 0.04, "mac_turkish": 0.06, "cp1257": 0.02,
    "cp775": 0.08, "koi8_u": 0.01, "iso8859_5": 0.03, "mac_cyrillic": 0.03, "iso8859_7": 0.01, "cp737": 0.08,
    "mac_greek": 0.08,
}  # fmt: skip
_EAST = ["gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1256", "cp874", "cp1258"]
#: Symbols in texts of any language. Some precede a word, some occur inside one.
_BEFORE, _WITHIN = "“„‚‘«‹¿¡", "’·\u00ad"
_SIGNS = frozenset("“”‘’‚„–—…•«»‹›°§€£©®™·¿¡½¼¾²³×\u00a0№±\u00ad")
_CONTRACTION = re.compile("[a-z]\u2019(?:s|t|ll|re|ve|m|d)\\b")
_MOST = 1 << 13  # bytes to inspect
_COMMON = 10  # letters that make up most of a text, in a non-Latin script
_SURE, _LIKELY, _POOR, _CLOSE = 0.87, 0.8, 0.3, 0.015  # scores
_MOSTLY = 0.15  # the share of non-ASCII characters of a text in Asian scripts
_FEWEST = 8  # non-ASCII bytes
_ESCAPED = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"~{", "hz"))
_SHIFT = re.compile(rb"\+[A-Za-z0-9+/]{3,}-?")
_GOOD = frozenset(("L", "N", "P", "Z", "S", "M"))


@dataclass(frozen=True)
class Guess:
    """A guessed encoding.

    Attributes
    ----------
    encoding : str
        Python's name of it.
    sure : bool
        Whether the letters are those of a language.
    example : str
        A part of the text that shows them.
    """

    encoding: str
    sure: bool
    example: str


def guessed(head: bytes) -> Guess:
    """Return the likeliest encoding of bytes that are not UTF-8.

    >>> guessed("Straße nach Süden, schöne Grüße".encode("mac_roman")).encoding
    'mac_roman'
    """
    telling = b"\n".join(line for line in head.split(b"\n")[:-1] or [head] if not line.isascii())[: 4 * _MOST] or head
    part = telling[:_MOST]
    scored = sorted(_scores(part), key=lambda pair: -pair[0])
    score, name = scored[0]
    if score < _LIKELY and (east := _eastern(telling)) is not None:
        odd = telling.decode(east, "replace").count("\ufffd")  # one may be incomplete at the end
        return Guess(east, odd < 2, _example(telling, east))
    name = name if score > _POOR else "cp1252"
    few = len(telling) - len(telling.translate(None, bytes(range(128, 256)))) < _FEWEST
    text = part.decode(name, "replace")
    rivals = (other for close, other in scored if close >= score - _CLOSE)
    sure = score >= _SURE and not few and all(part.decode(other, "replace") == text for other in rivals)
    return Guess(name, sure, _example(telling, name))


def escaped(head: bytes) -> str | None:
    """Return the seven-bit encoding with escape sequences that the bytes are in, or None.

    >>> escaped("text\\n日本\\n".encode("iso2022_jp"))
    'iso2022_jp_2'
    """
    for sign, name in _ESCAPED:
        if sign in head:
            text = _decoded(head[: head.rfind(b"\n") + 1] or head, name)
            if text is not None and not text.isascii():
                return name
    return None


def wide(head: bytes) -> str | None:
    """Detect UTF-16 without a mark: half of the bytes are NUL or the same small number."""
    if b"\0" not in head[:4096]:
        return None
    part = head[:8192]
    odd, even = part[1::2], part[::2]
    for name, high in (("utf-16-le", odd), ("utf-16-be", even)):
        text = _decoded(part[: len(part) // 2 * 2], name) or _decoded(part[: len(part) // 2 * 2 - 2], name)
        if not text or "\0" in text:
            continue
        plain = sum(char < "\x7f" for char in text)
        good = sum(unicodedata.category(char)[0] in _GOOD or char in "\t\r\n" for char in text)
        other = 1 - max(Counter(high).values()) / len(high)  # in one alphabet, nearly all are equal or NUL
        if good >= 0.98 * len(text) and (plain > 0.4 * len(text) or (plain > 0.02 * len(text) and other < 0.9)):
            return name
    return None


def shifted(head: bytes) -> tuple[str, str] | None:
    """Return a word of a file that may be UTF-7, as read and as decoded, or None.

    >>> shifted("Café, naïve, élan, déjà vu\\n".encode("utf-7"))
    ('Caf+AOk,', 'Café,')
    """
    if not head.isascii():
        return None
    whole = head[: head.rfind(b"\n") + 1] or head
    text = _decoded(whole, "utf-7")
    if text is None or sum(char > "\x7f" for char in text) < 4 or len(_SHIFT.findall(whole)) < 3:
        return None
    letters = [char for char in text if char > "\x7f"]
    if sum(char.isalpha() or char in _SIGNS for char in letters) < 0.9 * len(letters):
        return None
    word = next(word for word in whole.split() if _SHIFT.search(word))
    return word[:40].decode("ascii"), (_decoded(word, "utf-7") or "")[:40]


def _scores(telling: bytes) -> Iterator[tuple[float, str]]:
    """Yield how well each encoding fits a language, the most common encodings first."""
    for encodings, languages in (*_LATIN.values(), *_OTHER.values()):
        for name in encodings:
            text = telling.decode(name, "replace")
            seen = _seen(text)
            total = sum(seen.values())
            latin = encodings in [group for group, _ in _LATIN.values()]
            best = max(_score(seen, language, latin) for language in languages) if total else 0.0
            spoken = 0.1 * len(_CONTRACTION.findall(text)) / max(total, 1)
            yield best + spoken - _SELDOM.get(name, 0), name


def _seen(text: str) -> Counter[tuple[str, int]]:
    """Count non-ASCII characters by what is odd about their position.

    1: a capital behind a small letter, or a symbol inside a word. 2: a letter of another script next to a Latin one.
    """
    counts: Counter[tuple[str, int]] = Counter()
    for at, char in enumerate(text):
        if char > "\x7f":
            counts[char, _odd(text[at - 1 : at] if at else "", char, text[at + 1 : at + 2])] += 1
    return counts


def _odd(before: str, char: str, after: str) -> int:
    if char.isalpha():
        if char.isupper() and before.islower():
            return 1
        return 2 if any("a" <= near.lower() <= "z" for near in (before, after)) else 0
    if char in _WITHIN:
        return int(not before.isalnum() and after.isalpha())
    if char in _BEFORE:
        return int(before.isalnum() or not (after.isalnum() or after in _SIGNS))
    return int(before.isalpha() and after.isalpha())


def _score(seen: Counter[tuple[str, int]], language: str, latin: bool) -> float:
    """Return from -1 to 1 how well these are the letters of a language, in positions where it has them."""
    letters, total, good = _both(language), 0, 0.0
    common, large = 0, 0
    for (char, odd), count in seen.items():
        total += count
        fits = char in letters or (char in _SIGNS and not char.isalpha())
        good += count if fits and not (odd == 1 or (odd == 2 and not latin)) else -count
        common += count * (char.lower() in language[:_COMMON])
        large += count * char.isupper()
    if latin:
        return good / total
    # In these scripts, most letters of a text are small, and among the most common.
    return good / total * min(1.0, (0.4 + common / total)) - 0.2 * (large > 0.6 * total)


@cache
def _both(language: str) -> frozenset[str]:
    return (
        frozenset(language) | frozenset(language.upper().replace("SS", "")) | {"İ"} & frozenset("İ" * ("ı" in language))
    )


def _eastern(telling: bytes) -> str | None:
    import charset_normalizer

    best = charset_normalizer.from_bytes(telling, cp_isolation=_EAST).best()
    if best is None:
        return None
    text = "".join(telling.decode(best.encoding, "replace").split())
    return best.encoding if sum(char > "\x7f" for char in text) > _MOSTLY * len(text) else None


def _example(telling: bytes, name: str) -> str:
    """Return some words around the first non-ASCII characters."""
    text = telling[:4096].decode(name, "replace")
    at = next((i for i, char in enumerate(text) if char > "\x7f"), 0)
    start = max(text.rfind("\n", 0, at) + 1, at - 15)
    return " ".join(text[start : start + 40].split("\n")[0].split())


def _decoded(part: bytes, name: str) -> str | None:
    try:
        return part.decode(name)
    except (UnicodeError, ValueError):
        return None
