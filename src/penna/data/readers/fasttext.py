"""Read fastText's training format: each line has labels, prefixed by ``__label__``, and a text."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

import numpy as np

from penna.data.readers import parallel_lines
from penna.data.readers.cells import Piece
from penna.data.readers.json_formats.base import one_or_all

_LABEL = re.compile(r"(?:^|(?<=[ \t]))__label__([^ \t]+)(?:[ \t]+|$)")
#: The share of lines that must have a label.
_MOST = 0.9


def looks(head: str) -> bool:
    """Return whether nearly all of the first lines begin or end with a label.

    >>> looks("__label__good what a film\\n__label__bad never again\\n"), looks("text\\n__label__good what a film\\n")
    (True, False)
    """
    first = [line.strip() for line in head.split("\n")[:1000] if line.strip()]
    labeled = sum(line.startswith("__label__") or "__label__" in line.rpartition(" ")[2] for line in first)
    return labeled >= _MOST * len(first) > 0


def pieces(file: TextIO, size: int) -> Iterator[Piece]:
    """Yield ``size`` lines at a time, numbered as in the file; columns "text" and "label" (a list if several)."""
    rows = ((n, line.strip(" \t\r\ufeff")) for n, line in enumerate(parallel_lines.ended(file), 1))
    filled = ((number, line) for number, line in rows if line)
    while batch := list(islice(filled, size)):
        numbers, texts = zip(*batch, strict=True)
        labels: list[Any] = [_LABEL.findall(line) for line in texts]
        cells: dict[str, list[Any]] = {
            "text": [_LABEL.sub("", line).strip() for line in texts],
            "label": [one_or_all(own) if own else None for own in labels],
        }
        yield Piece(np.array(numbers, np.int64), cells)
