"""Entities as people read them: places in a text, sets to compare, words that were missed. Knows one row at a time."""

from collections.abc import Sequence
from typing import Any

from penna.data import word_offsets
from penna.data.arrays import Array
from penna.data.table import Table
from penna.tasks._integer_tags import words
from penna.tasks._span_cells import SPANS, cells, spans_in
from penna.tasks._tag_schemes import Scheme, Span, spans

_CELL = 600  # characters of a text that are kept


def in_characters(found: Sequence[Span], text: str, words: Array) -> list[dict[str, Any]]:
    """Spans of words as {start, end, label, text} in characters."""
    edges = [(int(words[start, 0]), int(words[end - 1, 1]), kind) for start, end, kind in found]
    return [{"start": start, "end": end, "label": kind, "text": text[start:end]} for start, end, kind in edges]


def sets(rows: Sequence[Any], bare: bool, names: Sequence[str] = ()) -> list[set[Span]]:
    """Return the entities of each row as a set, from tags or spans in any form; ``names`` are those of numbers."""
    out = []
    for cell in cells([tuple(row) if isinstance(row, list) else row for row in rows]):
        marks = (words(cell, names) if names else cell) or ()
        tagged = all(isinstance(part, str) for part in marks)
        out.append(set(spans(marks, bare)) if tagged else set(spans_in(marks)))
    return out


def quoted(found: Sequence[Span], text: str, rule: str) -> list[str]:
    """Return the words of each span, and its type."""
    words = word_offsets.words(text, rule)
    return [f"{text[words[start, 0] : words[end - 1, 1]]} ({kind})" for start, end, kind in found]


def mistakes(test: Table, pairs: Sequence[tuple[list[Span], list[Span]]], rule: str, most: int) -> list[dict[str, Any]]:
    """Return the rows with the most missed or invented entities, both quoted."""
    wrong = [(sorted(set(true) - set(found)), sorted(set(found) - set(true))) for true, found in pairs]
    worst = sorted((i for i, row in enumerate(wrong) if any(row)), key=lambda i: -sum(map(len, wrong[i])))[:most]
    return [
        {
            "row": int(test.row_numbers[i]),
            "text": str(test.full_text[i])[:_CELL],
            "missed": quoted(wrong[i][0], test.full_text[i], rule),
            "invented": quoted(wrong[i][1], test.full_text[i], rule),
        }
        for i in worst
    ]


def some(names: Sequence[str], most: int = 10) -> str:
    """Return the first few names."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def form(given: str, scheme: Scheme) -> str:
    """How a column marks entities, in words."""
    if given == SPANS:
        return "spans in characters"
    return f"a tag for each word ({'types without prefixes' if scheme.name == 'bare' else f'scheme {scheme.name}'})"
