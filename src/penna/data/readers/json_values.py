"""Scan JSON values of a text file in sequence, in little memory. Knows text and lines; never rows.

A value may take part of a line, a line, or many. Text that is no JSON is left to the caller, with its line.
"""

import json
import re
from typing import Any, TextIO

from penna.data.readers.size_limits import nothing_but_blanks, too_long

STEP = 1 << 20
#: A first value of more characters is not held whole to see what it is.
WHOLE = 1 << 24
#: Maximum characters of any value; size of a portion of blanks between two.
_LONGEST, _MOST_BLANK = 1 << 25, 16
_BLANK = re.compile(r"[\s\ufeff]*")
_FILLING = re.compile(r"[\s\ufeff,]*")
#: An error this near the end of the text read so far may be due to the missing rest.
_NEAR = 16


class Broken(ValueError):
    """The text here is no JSON, or its end is missing."""


class TooLong(ValueError):
    """A value has more characters than allowed."""


class Scanner:
    """A position in a text file. ``twice`` is set once an object names a key twice."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._name = file, str(getattr(file, "name", "the text"))
        self._text, self._at = "", 0
        self._line, self._counted = 1, 0
        self._over = False
        self.twice = False
        self._decode = json.JSONDecoder(object_pairs_hook=self._members).raw_decode

    @property
    def line(self) -> int:
        """Return the line of the position, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self, commas: bool = False) -> str:
        """Move to the next character that is no blank (nor comma, with ``commas``) and return it; "" at the end."""
        filling = _FILLING if commas else _BLANK
        for _ in range(_MOST_BLANK):
            self._at = filling.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(STEP):
                return ""
        raise nothing_but_blanks(self._name, self.line)

    def step(self) -> None:
        """Move past one character."""
        self._at += 1

    def value(self, most: int | None = None) -> Any:
        """Return the value that begins here, and move to its end.

        Raises Broken, or TooLong if the value is incomplete after ``most`` characters and the text continues. In both
        cases the position stays.
        """
        step = STEP
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._over:  # a number could continue
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if self._over or not self._cut(error):
                    raise Broken from None
            if most is not None and len(self._text) - self._at > most:
                raise TooLong
            self._more(step)
            step *= 2  # doubled, so that a very long value is not decoded too often

    def peek_inside(self) -> str:
        """Return the first non-blank character after the current one, without moving."""
        while True:
            at = _BLANK.match(self._text, self._at + 1).end()  # type: ignore[union-attr]
            if at < len(self._text) or not self._more(STEP):
                return self._text[at : at + 1]

    def next_line(self) -> str:
        """Move to the beginning of the next line and return the line; "" at the end."""
        self.step()
        start = self._at
        while (end := self._text.find("\n", self._at)) < 0 and self._more(STEP):
            start = self._at
        return self._text[start:] if end < 0 else self._text[start : end + 1]

    def rest_of_line(self) -> str:
        """Return the rest of the line, and move to its end."""
        while (end := self._text.find("\n", self._at)) < 0 and self._more(STEP):
            pass
        end = len(self._text) if end < 0 else end
        rest, self._at = self._text[self._at : end], end
        return rest

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        self.twice |= len(members) != len(pairs)
        return members

    def _cut(self, error: Exception) -> bool:
        """Return whether the error may be due to text that was not read yet."""
        if not isinstance(error, json.JSONDecodeError):
            return False  # too deep, or a number of too many digits
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR

    def _more(self, size: int) -> bool:
        if len(self._text) - self._at > _LONGEST:
            raise too_long(self._name, self.line)
        part = "" if self._over else self._file.read(size)
        self._over = not part
        if part:
            _ = self.line  # count the lines that are dropped
            self._text, self._at, self._counted = self._text[self._at :] + part, 0, 0
        return bool(part)
