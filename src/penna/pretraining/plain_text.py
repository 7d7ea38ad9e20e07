"""Documents in plain text, from lines. Knows line breaks and gaps; never files.

What separates documents ("auto"): ``<doc ...>`` and ``</doc>`` where a file starts with such a line (WikiExtractor);
else gaps of two or more blank lines where there are gaps of both kinds (books: paragraphs, and chapters); else every
blank line. "blank" and "file" settle it by hand. Lines that an editor has wrapped are joined to paragraphs again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from penna.errors import SettingError

Apart = Literal["auto", "blank", "file"]

#: Characters: a longer document (a book in one file) is given in several, cut between paragraphs.
LONGEST = 1_000_000
_NEVER = 1 << 62
_BLANK = " \t\r\n\f\ufeff"
_GAPS = re.compile(r"\n((?:[ \t]*\n)+)(?=[^\n])")
_FEWEST_LINES = 20
_WRAP = 100
_ENDS = (".", "!", "?", ":", ";", '"', "'", "”", "’", "。", "！", "？")


@dataclass(frozen=True)
class Layout:
    """``gap``: so many blank lines end a document; ``tags``: so do doc tags; ``wrapped``: lines are not paragraphs."""

    gap: int
    tags: bool
    wrapped: bool


def layout(head: str, apart: Apart = "auto") -> Layout:
    """How a text file is laid out, judged by its first megabyte. Raises SettingError."""
    if apart not in ("auto", "blank", "file"):
        raise SettingError(f"documents apart by {apart!r} is unknown: choose auto, blank or file.")
    head = head.replace("\r\n", "\n")
    tags = apart == "auto" and head.lstrip("\ufeff \n").startswith("<doc ")
    gap = {"blank": 1, "file": _NEVER}.get(apart, _NEVER if tags else _gap(head))
    return Layout(gap, tags, _is_wrapped(head))


def texts(lines: Iterator[tuple[int, str]], layout: Layout) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, text) of each document."""
    kept: list[str] = []
    first, gap, size = 1, 0, 0
    for number, line in lines:
        bare = line.strip(_BLANK)
        tag = layout.tags and bare.startswith(("<doc ", "</doc>"))
        gap = gap + 1 if not bare else 0
        if kept and (tag or gap >= layout.gap or (gap and size > LONGEST) or size > 2 * LONGEST):
            yield first, _joined(kept, layout.wrapped)
            kept, size = [], 0
        if not tag and (bare or kept):
            first = first if kept else number
            kept.append(bare)
            size += len(bare)
    if kept:
        yield first, _joined(kept, layout.wrapped)


def _joined(lines: list[str], wrapped: bool) -> str:
    """Lines as paragraphs, one a line; an empty line ends a paragraph that was wrapped."""
    if not wrapped:
        return "\n".join(line for line in lines if line)
    return "\n".join(" ".join(group) for full, group in groupby(lines, bool) if full)


def _gap(head: str) -> int:
    """Blank lines that stand between documents.

    >>> _gap("a\\n\\nb\\n\\nc\\n"), _gap("a\\n\\nb\\n\\n\\n\\nc\\n"), _gap("a\\nb\\n")
    (1, 2, 1)
    """
    gaps = [found.count("\n") for found in _GAPS.findall(head)]
    return 2 if 1 in gaps and max(gaps) > 1 else 1


def _is_wrapped(head: str) -> bool:
    """Whether lines are short and mostly end in the middle of a sentence."""
    lines = head.split("\n")
    inner = [a.strip() for a, b in pairwise(lines) if a.strip() and b.strip()]
    if len(inner) < _FEWEST_LINES:
        return False
    short = sum(len(line) <= _WRAP for line in inner)
    return short >= 0.98 * len(inner) and sum(line.endswith(_ENDS) for line in inner) < 0.5 * len(inner)
