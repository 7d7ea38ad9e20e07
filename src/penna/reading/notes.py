"""Notes taken while reading: what was left out or changed, counted, with the first few places. A leaf."""

from collections.abc import Iterable
from typing import Literal

from penna.table import Finding

FEW = 5

_Severity = Literal["info", "warning"]
# kind -> (severity, sentence); {n} is the count, {where} the first few rows or lines.
_SENTENCES: dict[str, tuple[_Severity, str]] = {
    "bytes": ("warning", "{n} cells held bytes that are not UTF-8; those were read as Windows-1252 (rows {where})"),
    "nul": ("warning", "{n} cells held NUL characters; each was replaced by a space (rows {where})"),
    "ragged": ("warning", "{n} records with too many or too few cells were left out (lines {where})"),
    "quotes": ("warning", "{n} lines with broken quotes were left out (lines {where})"),
    "json": ("warning", "{n} lines that are no JSON object were left out (lines {where})"),
    "columns": ("warning", "{n} column names were empty or repeated and got a new name ({where})"),
    "late": ("warning", "{n} columns appear only further down and were left out ({where})"),
    "cells": ("warning", "{n} cells of the text columns were not text and were written out as text (rows {where})"),
    "blank": ("info", "{n} rows have no text at all (rows {where})"),
}


class Notes:
    """Counts by kind; ``findings`` turns them into sentences once reading is over."""

    def __init__(self) -> None:
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

    def once(self, kind: str, places: Iterable[int | str]) -> None:
        """Note these places unless they have been noted before."""
        for place in places:
            if (kind, place) not in self._known:
                self._known.add((kind, place))
                self.add(kind, [place])

    def say(self, kind: str, message: str) -> None:
        """Note something that stands for the whole source."""
        self._said.append(Finding(kind, message))

    def count(self, kind: str) -> int:
        return self._counts.get(kind, 0)

    def findings(self) -> list[Finding]:
        return self._said + [self._finding(kind) for kind in self._counts]

    def _finding(self, kind: str) -> Finding:
        severity, sentence = _SENTENCES[kind]
        count, places = self._counts[kind], self._places[kind]
        where = ", ".join(map(str, places)) + (" ..." if count > len(places) else "")
        rows = tuple(place for place in places if isinstance(place, int))
        return Finding(kind, sentence.format(n=count, where=where) + ".", count, rows, severity)
