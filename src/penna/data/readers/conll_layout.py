"""The layout of CoNLL lines: the separator of cells, and the content of columns. Knows text; never a file.

Only a space, a tab or the end of a line separates. Other Unicode blanks (U+00A0, U+3000, U+2028) are words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
WORDS, TAGS = "tokens", "tags"
BLANK = " \t\r\n"
_TAG = re.compile(r"O|[BIESLUMW][-_][^ \t]+")
_START = "-DOCSTART-"
_NUMBER = re.compile(r"(?:[A-Za-z]{0,3}[-_.:#]?)([0-9]{1,9})[.:)]?")
#: CoNLL-U has lines for several words at once (1-2) and for words that are not in the text (1.1).
_NO_WORD = re.compile(r"[0-9]{1,9}[-.][0-9]{1,9}")
_UNIVERSAL = (WORDS, "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_GLOBAL = re.compile(r"#[ \t]*global\.columns[ \t]*=[ \t]*(.+)")
_SAMPLE = 2000
_MOST = 0.95  # share of lines or sentences that must agree


@dataclass(frozen=True)
class Layout:
    """The layout of a file.

    Attributes
    ----------
    width : int
        Cells per line.
    columns : dict of str to int
        Name -> position of the columns that are read.
    dropped : tuple of int
        Positions of leading columns that number or name lines, sentences or documents.
    counted : bool
        Whether the first of these numbers the words.
    """

    width: int
    columns: dict[str, int]
    dropped: tuple[int, ...] = ()
    counted: bool = False

    def is_word(self, cells: Sequence[str]) -> bool:
        """Return whether a line is a word of its own."""
        return not (self.counted and _NO_WORD.fullmatch(cells[0]))


def lines_of(text: str) -> list[str]:
    """Split text into lines. A carriage return alone ends a line only if there is no line feed.

    >>> lines_of("a\\u2028 O\\r\\nb O"), lines_of("a O\\rb O")
    (['a\\u2028 O', 'b O'], ['a O', 'b O'])
    """
    return re.split("\r?\n" if "\n" in text else "\r", text)


def cells_of(line: str) -> list[str]:
    """Split a line at tabs, or at spaces if it has no tab.

    >>> cells_of(" Ann  O\\n"), cells_of("New York\\tB-LOC\\t\\n"), cells_of(" \\tO")
    (['Ann', 'O'], ['New York', 'B-LOC'], [' ', 'O'])
    """
    line = line.rstrip(BLANK)
    if "\t" in line:
        return [cell.strip(" ") or cell for cell in line.split("\t")]  # a word may be a space
    return [cell for cell in line.split(" ") if cell]


def looks(head: str) -> bool:
    """Return whether the first lines are in CoNLL form: nearly all end in tags, and sentences have several lines.

    >>> looks("EU B-ORG\\nrejects O\\n\\nPeter B-PER\\n"), looks("text\\tlabel\\nit is good\\tO\\n")
    (True, False)
    """
    lines = lines_of(head)[:-1][:_SAMPLE]
    full = [cells_of(line) for line in lines if line.strip(BLANK) and not line.startswith((_START, "#"))]
    if len(full) < 2 or not any(not line.strip(BLANK) for line in lines):
        return False
    width = _width(lines)
    return width >= 2 and _mostly(len(cells) == width and _TAG.fullmatch(cells[-1]) is not None for cells in full)


def tagged(cells: Sequence[str]) -> bool:
    """Return whether nearly all cells are tags of a scheme with prefixes."""
    return _mostly(_TAG.fullmatch(cell) is not None for cell in cells)


def comment(bare: str, width: int) -> bool:
    """Return whether a line before a sentence is a comment. "#" can also be a word, if it has a tag."""
    if bare[:1] != "#":
        return False
    cells = cells_of(bare)
    return not _TAG.fullmatch(cells[-1]) and (bare[1:2] in (" ", "\t") or len(cells) != width)


def starts_document(bare: str) -> bool:
    """Return whether a line marks the start of a document."""
    return bare.startswith(_START)


def layout_of(head: str) -> Layout:
    """Infer the layout from the first lines."""
    lines = lines_of(head)[: _SAMPLE + 1]
    lines = lines[:-1] if len(lines) > 1 and lines[-1] else lines  # the last line may be incomplete
    width = _width(lines)
    sentences = list(_sample(lines, width))
    places = [[[cells[at] for cells in sentence] for sentence in sentences] for at in range(width)]
    dropped: list[int] = []
    counted = bool(places) and width > 1 and _counts(places[0])
    while len(dropped) < width - 1 and any(look(places[len(dropped)]) for look in (_counts, _names, _places)):
        dropped.append(len(dropped))
    rest = list(range(len(dropped), width))
    if dropped and len(rest) == 1 and tagged(_flat(places[rest[0]])):
        return Layout(width, {WORDS: 0, TAGS: width - 1})  # words that are numbers, with their tags
    return Layout(width, _columns(lines, places, rest, counted), tuple(dropped), counted)


def _columns(
    lines: Sequence[str], places: Sequence[Sequence[Sequence[str]]], rest: Sequence[int], counted: bool
) -> dict[str, int]:
    """Return name -> position. By default, the first of ``rest`` is the word and the last its tag."""
    first, last = rest[0], rest[-1]
    named = {} if first == last else _global(lines, len(places))
    if not named and counted and len(places) == 10:
        named = dict(zip(_UNIVERSAL, rest, strict=False))
    last_is_tag = first != last and tagged(_flat(places[last]))
    if named and last_is_tag:
        return {name: at for name, at in named.items() if at != last} | {TAGS: last}
    if named:
        return named
    if first == last:
        return {WORDS: first}
    if not last_is_tag and tagged(_flat(places[first])):
        first, last = last, first
    return {WORDS: first, TAGS: last}


def _global(lines: Sequence[str], width: int) -> dict[str, int]:
    """Return the columns that the first line of CoNLL-U Plus names; empty without such a line, or without FORM."""
    declared = next((match for line in lines[:5] if (match := _GLOBAL.match(line))), None)
    names = [name.casefold().rpartition(":")[2] for name in declared[1].split()] if declared else []
    if len(names) != width or "form" not in names:
        return {}
    return {WORDS: names.index("form")} | {n: at for at, n in enumerate(names) if n not in ("id", "form")}


def _sample(lines: Sequence[str], width: int) -> Iterator[list[list[str]]]:
    """Yield the sentences of the first lines as cells; lines of another width are left out."""
    held: list[list[str]] = []
    for line in [*lines, ""]:
        bare = line.strip(BLANK)
        if bare and not starts_document(bare) and (held or not comment(bare, width)):
            held.append(cells_of(line))
        elif held:
            if whole := [cells for cells in held if len(cells) == width]:
                yield whole
            held = []


def _width(lines: Sequence[str]) -> int:
    """Return the number of cells that most lines have."""
    counts = Counter(len(cells_of(line)) for line in lines[:_SAMPLE] if line.strip(BLANK) and line[:1] != "#")
    return counts.most_common(1)[0][0] if counts else 1


def _counts(sentences: Sequence[Sequence[str]]) -> bool:
    """Return whether a column numbers words: whole numbers that rise in nearly every sentence."""
    numbers = [[_NUMBER.fullmatch(cell) for cell in sentence if not _NO_WORD.fullmatch(cell)] for sentence in sentences]
    if max(map(len, numbers), default=0) < 2 or not all(_flat(numbers)):
        return False
    return _mostly(all(int(a[1]) < int(b[1]) for a, b in pairwise(row) if a and b) for row in numbers)


def _places(sentences: Sequence[Sequence[str]]) -> bool:
    """Return whether a column holds positions: sentence and word (1-2), or characters (0-3)."""
    cells = _flat(sentences)
    return len(cells) > 1 and all(map(_NO_WORD.fullmatch, cells))


def _names(sentences: Sequence[Sequence[str]]) -> bool:
    """Return whether a column names sentences or documents: constant within each of several long sentences."""
    long = [row for row in sentences if len(row) > 2]
    return len(long) > 1 and all(len(set(row)) == 1 for row in sentences)


def _flat(rows: Sequence[Sequence[T]]) -> list[T]:
    return [cell for row in rows for cell in row]


def _mostly(flags: Iterable[bool]) -> bool:
    values = list(flags)
    return bool(values) and sum(values) >= _MOST * len(values)
