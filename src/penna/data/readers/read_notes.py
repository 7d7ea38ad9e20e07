"""Notes taken while reading: what was dropped or changed, counted, with the first few positions."""

from collections.abc import Iterable, Sequence
from typing import Literal

from penna.data.table import Finding

FEW = 5

_Severity = Literal["info", "warning"]
# kind -> (severity, sentence); {n} is the count, {where} the first few rows or lines.
_SENTENCES: dict[str, tuple[_Severity, str]] = {
    "bytes": ("warning", "cells with bytes that are not UTF-8, read as Windows-1252: {n} (rows {where})"),
    "replaced": ("warning", "cells with bytes that are invalid in the encoding, read as U+FFFD: {n} (rows {where})"),
    "nul": ("warning", "cells with NUL characters, replaced by spaces: {n} (rows {where})"),
    "ragged": ("warning", "records left out for too many or too few cells: {n} (lines {where})"),
    "quotes": ("warning", "lines left out for broken quotes: {n} (lines {where})"),
    "header again": ("warning", "rows left out that repeat the header: {n} (lines {where})"),
    "empty": ("info", "empty lines between rows, ignored: {n} (lines {where})"),
    "json": ("warning", "lines left out, whole or in part, that are no JSON object: {n} (lines {where})"),
    "twice": ("warning", "objects that name a cell twice, last value used: {n} (lines {where})"),
    "keys": ("info", "parts of the file that Penna does not read: {n} ({where})"),
    "annotations": (
        "warning",
        "rows with several annotations, first one used: {n} (rows {where})",
    ),
    "rejected": ("warning", "examples left out that annotators rejected or skipped: {n} ({where})"),
    "columns": ("warning", "columns renamed because their name was empty or taken: {n} ({where})"),
    "late": ("warning", "columns left out because they appear only further down: {n} ({where})"),
    "cells": ("warning", "cells of the text columns that were no text, converted to text: {n} (rows {where})"),
    "no text": ("warning", "lines left out without text: {n} ({where})"),
    "no utf-8": ("warning", "lines left out with bytes that are not UTF-8: {n} ({where})"),
    "huge": ("warning", "lines left out that are longer than 16 million characters: {n} ({where})"),
    "torn": ("warning", "files that were read only in part, or not at all: {n} ({where})"),
    "sentences": ("warning", "sentences left out whose lines differ in their number of cells: {n} (sentences {where})"),
    "half": ("info", "pairs with one empty text, used unchanged: {n} (rows {where})"),
    "blank": ("info", "rows without any text: {n} (rows {where})"),
}


class Notes:
    """Counts by kind; ``findings`` turns them into sentences at the end of reading."""

    def __init__(self) -> None:
        self.replacing = False  # whether undecodable bytes become U+FFFD
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[int | str]] = {}
        self._known: set[tuple[str, int | str]] = set()
        self._said: list[Finding] = []

    def add(self, kind: str, places: Iterable[int | str]) -> None:
        """Note one case of ``kind`` for each place."""
        for place in places:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            few = self._places.setdefault(kind, [])
            if len(few) < FEW:
                few.append(place)

    def once(self, kind: str, places: Iterable[int | str], key: str | None = None) -> None:
        """Note these places unless they, or their ``key``, were noted before."""
        for place in places:
            entry = (kind, place if key is None else key)
            if entry not in self._known:
                self._known.add(entry)
                self.add(kind, [place])

    def say(self, kind: str, message: str, severity: _Severity = "info") -> None:
        """Note a sentence about the whole source."""
        self._said.append(Finding(kind, message, severity=severity))

    def around(self, key: str, others: Sequence[str]) -> None:
        """Note that the rows are a list in an object, and the other keys of the object."""
        if ("around", key) not in self._known:
            self._known.add(("around", key))
            more = f" Other parts of the object are not read: {', '.join(map(repr, others[:FEW]))}" if others else ""
            dots = " ..." if len(others) > FEW else ""
            self.say("list of rows", f"the rows are the list {key!r} of an object.{more}{dots}" + "." * bool(more))

    def count(self, kind: str) -> int:
        """Return the number of cases of a kind."""
        return self._counts.get(kind, 0)

    def findings(self) -> list[Finding]:
        """Return all notes as findings."""
        return self._said + [self._finding(kind) for kind in self._counts]

    def _finding(self, kind: str) -> Finding:
        severity, sentence = _SENTENCES[kind]
        count, places = self._counts[kind], self._places[kind]
        where = ", ".join(map(str, places)) + (" ..." if count > len(places) else "")
        rows = tuple(place for place in places if isinstance(place, int))
        return Finding(kind, sentence.format(n=count, where=where) + ".", count, rows, severity)
