"""Target cells that mark parts of a text: a tag for each word, or spans in characters. Knows a column and its texts."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data import python_literals, ragged, word_offsets
from penna.data.table import Finding, Objects, Table
from penna.preprocessing import data_findings
from penna.tasks._integer_tags import numbered
from penna.tasks._tag_schemes import Scheme, Span, find, follows, foreign, spans

TAGS, SPANS = "tags", "spans"
_RULES = {TAGS: word_offsets.SPACES, SPANS: word_offsets.FOUND}
#: Keys of a span, under the names that are met.
_KEYS = {
    "start": ("start", "start_offset", "begin", "start_char"),
    "end": ("end", "end_offset", "stop", "end_char"),
    "label": ("label", "type", "tag", "entity_group", "entity", "labels", "entity_type", "entity_label", "class"),
}
#: A tag for each token in place of a type, as pipelines give that do not put tokens together.
_PIECE = re.compile(r"([BI])-(.+)", re.DOTALL)
#: Of the cells with something in them, so many must be of a form for the column to be.
_MOST = 0.5
#: Between tags in a string; other blanks of Unicode may be part of one.
_SEPARATORS = re.compile("[ \t\r\n]+")
_SOME = 2000
_NUMBERED = 0.95
#: What columns of words are called: for a few rows of one length, this decides.
_OF_WORDS = ("tokens", "words")
_FEW = 5
#: Why a row cannot be used.
UNEQUAL = "their tags and words differ in number"
FORM = "their cells are neither tags nor spans (written as JSON)"
OVERLAP, OUTSIDE = "their spans overlap, or share a word", "their spans are empty, or lie outside the text"
SCHEME = "their tags are not of the scheme"


@dataclass(frozen=True, eq=False)
class Marked:
    """A column, read: ``entities`` (n,) a list of spans in words, or why the row cannot be used.

    ``widened`` (n,) how many spans began or ended inside a word, and were taken to its ends.
    """

    entities: list[list[Span] | str]
    widened: list[int]

    @property
    def usable(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        return np.array([not isinstance(row, str) for row in self.entities], bool)


def form_of(table: Table) -> str:
    """Return "tags" or "spans" if most cells are such and go with their texts; "" otherwise."""
    if table.target is None or len(table.text) != 1:
        return ""
    names, table = table.tag_names, table.sample(_SOME)
    assert table.target is not None
    if _numbers(table):
        return TAGS
    pairs = zip(cells(table.target), table.full_text, strict=True)
    some = [(cell, text) for cell, text in pairs if cell]
    if not some:
        return ""
    tagged = [
        cell for cell, text in some if _tagged(cell) and len(cell) == len(word_offsets.words(text, word_offsets.SPACES))
    ]
    if len(tagged) >= _MOST * len(some) and (names or _likely(tagged, find(tagged))):
        return TAGS
    return SPANS if sum(_spanned(cell) for cell, _ in some) >= _MOST * len(some) else ""


def _numbers(table: Table) -> bool:
    """Whether cells are whole numbers, as many as their texts have words: by chance, few rows are."""
    assert table.target is not None
    some = [(cell, text) for cell, text in zip(cells(table.target), table.full_text, strict=True) if cell]
    equal = [
        len(cell)
        for cell, text in some
        if numbered(cell) and len(cell) == len(word_offsets.words(text, word_offsets.SPACES))
    ]
    named = bool(table.tag_names) or next(iter(table.text)).casefold() in _OF_WORDS
    return len(equal) >= _NUMBERED * max(len(some), 1) and (len(set(equal)) > 1 or named)


def _likely(tagged: Sequence[Any], scheme: Scheme | str) -> bool:
    """Tell tags from lists of labels, which may be as long as their texts by chance.

    Tags without prefixes, or of no known scheme, must show an outside.
    """
    prefixed = isinstance(scheme, Scheme) and scheme.name != "bare"
    return prefixed or any("O" in cell for cell in tagged)


def of_words(table: Table) -> bool:
    """Whether any row is one of tags, however it goes with its words: settling names what does not."""
    assert table.target is not None
    return any(isinstance(cell, tuple) and "O" in cell for cell in cells(table.target))


def _tagged(cell: Any) -> bool:
    return isinstance(cell, tuple) and all(isinstance(part, str) for part in cell)


def _spanned(cell: Any) -> bool:
    return isinstance(cell, tuple) and all(isinstance(part, dict | list | tuple) for part in cell)


def cells(target: Iterable[Any]) -> list[Any]:
    """Cells as tuples of tags (str) or of spans, where they can be; None where nothing was given."""
    return [_cell(cell) for cell in target]


def _cell(cell: Any) -> Any:
    if isinstance(cell, str):
        text = cell.strip(" \t\r\n")
        if text.startswith(("[", "{", "(")):
            if (found := python_literals.parsed(text)) is None:
                return cell
            return _cell(tuple(found) if isinstance(found, list) else (found,))
        return tuple(_SEPARATORS.split(text)) if text else None
    if isinstance(cell, tuple) and any(isinstance(part, str) and part[:1] in "{[" for part in cell):
        return _inner(cell)
    return cell


def _inner(cell: tuple[Any, ...]) -> Any:
    """Dicts that were written as JSON when the column was read."""
    try:
        return tuple(json.loads(part) if isinstance(part, str) and part[:1] in "{[" else part for part in cell)
    except (ValueError, RecursionError):
        return cell


def scheme_of(table: Table) -> Scheme | str:
    """Return the scheme of a column of tags, or two tags that follow none together."""
    assert table.target is not None
    return find(cell for cell in cells(table.target) if _tagged(cell))


def read(table: Table, form: str, scheme: Scheme) -> Marked:
    """Return the entities of every row, in words."""
    assert table.target is not None
    made, widened = list[list[Span] | str](), []
    for cell, text in zip(cells(table.target), table.full_text, strict=True):
        words = word_offsets.words(text, _RULES[form])
        wide = 0
        if form == TAGS:
            made.append(_of_tags(cell, len(words), scheme))
        else:
            found, wide = _of_spans(cell, text, words)
            made.append(found)
        widened.append(wide)
    return Marked(made, widened)


def _of_tags(cell: Any, words: int, scheme: Scheme) -> list[Span] | str:
    if not _tagged(cell):
        return FORM
    if len(cell) != words:
        return UNEQUAL
    bare = scheme.name == "bare"
    return spans(cell, bare) if all(follows(tag, bare) for tag in cell) else SCHEME


def _of_spans(cell: Any, text: str, words: Any) -> tuple[list[Span] | str, int]:
    """Spans in characters as spans of the words that they touch, and how many of those were wider."""
    if cell is None or not _spanned(cell):
        return FORM, 0
    out, wide, last = list[Span](), 0, 0
    try:
        given = spans_in(cell)
    except KeyError as error:
        return str(error.args[0]), 0
    except (TypeError, ValueError):
        return FORM, 0
    for start, end, kind in given:
        if not 0 <= start < end <= len(text) or not text[start:end].strip():
            return OUTSIDE, 0
        first = int(np.searchsorted(words[:, 1], start, side="right"))
        after = int(np.searchsorted(words[:, 0], end, side="left"))
        if first < last or first >= after:
            return OVERLAP, 0
        bare = text[start:end]
        edges = start + len(bare) - len(bare.lstrip()), end - len(bare) + len(bare.rstrip())
        wide += (int(words[first, 0]), int(words[after - 1, 1])) != edges
        out.append((first, after, kind))
        last = after
    return out, wide


def spans_in(cell: Iterable[Any]) -> list[Span]:
    """Return the spans of a cell, sorted; pieces of entities are put together. Raises as ``span`` does."""
    given = list(cell)
    found = sorted(map(span, given))
    pieces = all(isinstance(one, dict) and "entity" in one and "entity_group" not in one for one in given)
    return _whole(found) if given and pieces and all(_PIECE.fullmatch(kind) for _, _, kind in found) else found


def _whole(pieces: Sequence[Span]) -> list[Span]:
    """Join pieces of spans that touch.

    >>> _whole([(0, 2, "B-PER"), (2, 4, "I-PER"), (5, 8, "I-PER"), (9, 11, "B-PER")])
    [(0, 8, 'PER'), (9, 11, 'PER')]
    """
    out = list[Span]()
    for start, end, tag in pieces:
        first, kind = tag[0] == "B", tag[2:]
        if out and not first and out[-1][2] == kind and start - out[-1][1] <= 1:
            out[-1] = (out[-1][0], end, kind)
        else:
            out.append((start, end, kind))
    return out


def span(given: Any) -> Span:
    """From {start, end, label}, under any of the usual names, or [start, end, label].

    Raises KeyError, with a reason, where one of them is missing; TypeError or ValueError where it is neither.
    """
    if isinstance(given, dict):
        given = [_under(given, name) for name in _KEYS]
    start, end, kind = given
    if isinstance(kind, list | tuple) and len(kind) == 1:
        kind = kind[0]
    if type(start) is not int or type(end) is not int or not isinstance(kind, str) or not kind:
        raise ValueError("no span")
    return start, end, kind


def _under(given: dict[str, Any], name: str) -> Any:
    for key in _KEYS[name]:
        if key in given:
            return given[key]
    listed = ", ".join(map(repr, sorted(given))) or "none"
    raise KeyError(f"{FORM}: a span has no {name!r} (its keys are {listed}; {', '.join(_KEYS[name])} would do)")


def left_out(table: Table, marked: Marked, form: str, scheme: Scheme) -> list[Finding]:
    """Why rows cannot be used, with their numbers.

    How many spans were taken to the ends of words, and how many rows have tags of another scheme.
    """
    findings = data_findings.left_out(table, marked.entities)
    findings += data_findings.of_rows(
        "widened spans", "rows with spans that begin or end inside a word, taken to its ends",
        table.row_numbers[np.array(marked.widened, np.int64) > 0], "info", does="takes whole words",
        change="correct their ends in the file",
    )  # fmt: skip
    return [*findings, *(_of_others(table, marked, scheme) if form == TAGS else []), *_lonely(table, marked)]


def _of_others(table: Table, marked: Marked, scheme: Scheme) -> list[Finding]:
    """Rows with tags of another scheme: what they mean is plain all the same."""
    assert table.target is not None
    known = zip(table.row_numbers.tolist(), cells(table.target), marked.entities, strict=True)
    rows = [row for row, cell, found in known if not isinstance(found, str) and foreign(cell, scheme)]
    return data_findings.of_rows(
        "mixed schemes", f"rows with tags that {scheme.name} has not, the scheme of the others", np.array(rows),
        does="reads them as the scheme does that has them", change="write them in one scheme",
    )  # fmt: skip


def _lonely(table: Table, marked: Marked) -> list[Finding]:
    """Types of one row alone, which no fold can both learn and judge."""
    rows_of = defaultdict[str, set[int]](set)
    for row, found in zip(table.rows.tolist(), marked.entities, strict=True):
        for _, _, kind in found if not isinstance(found, str) else ():
            rows_of[kind].add(row)
    rows = {kind: min(rows) for kind, rows in sorted(rows_of.items()) if len(rows) == 1}
    if not rows:
        return []
    some = ", ".join(f"{kind!r} in row {row}" for kind, row in list(rows.items())[:_FEW])
    message = f"types that stand in one row alone, to be learned or judged and not both: {len(rows)} ({some})."
    at, change = tuple(rows.values())[:_FEW], "add rows with them, or correct their names"
    return [Finding("rare class", message, len(rows), at, "warning", does="keeps them", change=change)]


def written(marked: Marked, table: Table, form: str) -> Objects:
    """Return the column again with each usable cell in one form.

    Tuples of tags as they were given, or of (start, end, label) in characters, sorted; None where a cell cannot be
    used.
    """
    assert table.target is not None
    out = []
    for cell, found in zip(cells(table.target), marked.entities, strict=True):
        usable = not isinstance(found, str)
        out.append((cell if form == TAGS else tuple(spans_in(cell))) if usable else None)
    return ragged.objects(out)
