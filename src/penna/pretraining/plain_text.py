"""Documents in plain text, from lines. Knows line breaks and gaps; never files.

With "auto", documents are separated by ``<doc ...>`` and ``</doc>`` if a file starts with such a line (WikiExtractor);
else by two or more blank lines if a file also has single ones (books with paragraphs and chapters); else by each blank
line. "blank" and "file" override this. Lines that an editor wrapped are joined to paragraphs again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from penna.errors import SettingError

Apart = Literal["auto", "blank", "file"]

#: Characters: a longer document (a book in one file) is split between paragraphs.
LONGEST = 1_000_000
_NEVER = 1 << 62
_BLANK = " \t\r\n\f\ufeff"
_GAPS = re.compile(r"\n((?:[ \t]*\n)+)(?=[^\n])")
_FEWEST_LINES = 20
_WRAP = 100
_ENDS = (".", "!", "?", ":", ";", '"', "'", "”", "’", "。", "！", "？")


@dataclass(frozen=True)
class Layout:
    """``gap`` blank lines end a document, doc tags too if ``tags``; ``wrapped``: a paragraph has several lines."""

    gap: int
    tags: bool
    wrapped: bool


def layout(head: str, apart: Apart = "auto") -> Layout:
    """Return the layout of a text file, from its first megabyte. Raise SettingError if ``apart`` is unknown."""
    if apart not in ("auto", "blank", "file"):
        raise SettingError(f"--document-separator {apart!r} is unknown: choose auto, blank or file.")
    head = head.replace("\r\n", "\n")
    tags = apart == "auto" and head.lstrip("\ufeff \n").startswith("<doc ")
    gap = {"blank": 1, "file": _NEVER}.get(apart, _NEVER if tags else _gap(head))
    return Layout(gap, tags, _is_wrapped(head))


def texts(lines: Iterator[tuple[int, str]], layout: Layout) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, text) for each document."""
    paragraph_lines: list[str] = []
    first, gap, size = 1, 0, 0
    for number, line in lines:
        bare = line.strip(_BLANK)
        tag = layout.tags and bare.startswith(("<doc ", "</doc>"))
        gap = gap + 1 if not bare else 0
        if paragraph_lines and (tag or gap >= layout.gap or (gap and size > LONGEST) or size > 2 * LONGEST):
            yield first, _joined(paragraph_lines, layout.wrapped)
            paragraph_lines, size = [], 0
        if not tag and (bare or paragraph_lines):
            first = first if paragraph_lines else number
            paragraph_lines.append(bare)
            size += len(bare)
    if paragraph_lines:
        yield first, _joined(paragraph_lines, layout.wrapped)


def _joined(lines: list[str], wrapped: bool) -> str:
    """Join lines to paragraphs, one per line; an empty line ends a wrapped paragraph."""
    if not wrapped:
        return "\n".join(line for line in lines if line)
    return "\n".join(" ".join(group) for full, group in groupby(lines, bool) if full)


def _gap(head: str) -> int:
    """Return the number of blank lines between documents.

    >>> _gap("a\\n\\nb\\n\\nc\\n"), _gap("a\\n\\nb\\n\\n\\n\\nc\\n"), _gap("a\\nb\\n")
    (1, 2, 1)
    """
    gaps = [blank_lines.count("\n") for blank_lines in _GAPS.findall(head)]
    return 2 if 1 in gaps and max(gaps) > 1 else 1


def _is_wrapped(head: str) -> bool:
    """Return whether lines are short and mostly end in the middle of a sentence."""
    lines = head.split("\n")
    inner = [a.strip() for a, b in pairwise(lines) if a.strip() and b.strip()]
    if len(inner) < _FEWEST_LINES:
        return False
    short = sum(len(line) <= _WRAP for line in inner)
    return short >= 0.98 * len(inner) and sum(line.endswith(_ENDS) for line in inner) < 0.5 * len(inner)
