"""Sentences of a text, by rules. Knows punctuation and a few abbreviations; needs no model and no language.

A small letter after a full stop continues the sentence, except in text without capitals (or in a script without).
"""

import re

#: Characters: a longer sentence (a table, a list without stops) is cut at a space.
LONGEST = 5_000

_CLOSERS = "\"'”’»)\\]*_"
# A stop with closing quotes or brackets before white space; or a Chinese or Japanese stop, which needs no space.
_STOP = re.compile(
    rf"(?P<stop>[.!?…।॥؟۔։።]+)[{_CLOSERS}]*(?:\[\d+\])*\s+"
    r"|[。！？｡]+[」』”’）》】\"')]*\s*"
)
_OPENERS = "\"'“‘„«([*_-—–¿¡ "


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_LAST = _words(
    "mr mrs ms messrs dr prof st gen rep sen gov lt col sgt capt cmdr adm maj rev hon vs cf viz e.g i.e approx z.b d.h"
)
_BEFORE_NUMBERS = _words("no nos fig figs eq eqs vol vols ch sec p pp art")
_SELDOM_LAST = _words(
    "etc al inc ltd co corp bros jr sr ph.d a.m p.m ed eds jan feb mar apr jun jul aug sep sept oct nov dec ave blvd ca"
)
# After a letter with a stop ("U.S.", "J."), only one of these words starts a new sentence.
_STARTERS = _words(
    "the a an this that these those he she it we they i you his her its their our my in on at as for from by with and "
    "but or so if when while after before since although however there here what who how why where one some many most "
    "all no not then thus also both each"
)
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘]*$")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_LETTERED = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")


def split(text: str) -> list[str]:
    """Return the sentences of ``text`` in order, without white space around them; a line break always ends one.

    >>> split("Dr. Wood paid 3.5 dollars. Why? J. R. Smith knew.")
    ['Dr. Wood paid 3.5 dollars.', 'Why?', 'J. R. Smith knew.']
    """
    result: list[str] = []
    for line in text.splitlines():
        if line and not line.isspace():
            _paragraph(line.strip(), result)
    return result


def _paragraph(line: str, result: list[str]) -> None:
    start, loose = 0, line == line.lower()
    for match in _STOP.finditer(line):
        stop = match["stop"]
        if match.end() < len(line) and (stop is None or _ends(line, start, match, loose)):
            _keep(line[start : match.end()].rstrip(), result)
            start = match.end()
    _keep(line[start:], result)


def _keep(sentence: str, result: list[str]) -> None:
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", LONGEST // 2, LONGEST)
        at = LONGEST if at < 0 else at
        result.append(sentence[:at].rstrip())
        sentence = sentence[at:].lstrip()
    if sentence:
        result.append(sentence)


def _ends(line: str, start: int, match: re.Match[str], loose: bool) -> bool:
    """Return whether a sentence ends at this stop."""
    at, after = match.start(), match.end()
    if at > start and line[at - 1] == " ":  # tokenized text, with spaces before punctuation
        return True
    while after < len(line) - 1 and line[after] in _OPENERS:
        after += 1
    if line[after].islower() and not loose:
        return False
    if match["stop"] != "." or match.end("stop") < len(line[: match.end()].rstrip()):
        return True  # not a lone full stop right before the space: no abbreviation
    return _is_last_word(line, start, at, after)


def _is_last_word(line: str, start: int, at: int, after: int) -> bool:
    """Return whether the word before a full stop can end a sentence, given the next word."""
    match = _LAST_WORD.search(line, max(start, at - 24), at)
    word = match[0].lower() if match else ""
    if word in _NEVER_LAST or (word.isdigit() and at - len(word) == start):  # "1. The"
        return False
    if word in _BEFORE_NUMBERS:
        return not line[after].isdigit()
    if word in _SELDOM_LAST or _LETTERED.fullmatch(word):
        follows = _NEXT_WORD.match(line, after)
        return follows is not None and follows[0].lower() in _STARTERS
    return True
