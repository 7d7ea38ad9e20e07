"""JSON values of a text file, one after another, in little memory. Knows text and lines; never rows.

A value may take part of a line, a line, or many; what is no JSON is left to the caller, with the line that it is on.
"""

import json
import re
from typing import Any, TextIO

from penna.data.readers.size_limits import nothing_but_blanks, too_long

STEP = 1 << 20
#: A first value of more characters is not held whole to see what it is.
WHOLE = 1 << 24
#: Characters of any value; portions of blanks between two.
_LONGEST, _MOST_BLANK = 1 << 25, 16
_BLANK = re.compile(r"[\s\ufeff]*")
_FILLING = re.compile(r"[\s\ufeff,]*")
#: An error so near the end of what was read may be due to what was not.
_NEAR = 16


class Broken(ValueError):
    """What stands here is no JSON, or its end is missing."""


class TooLong(ValueError):
    """A value goes on for more characters than were allowed."""


class Scanner:
    """A place in a text file; ``twice`` is whether some object since it was last set to False names a key twice."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._name = file, str(getattr(file, "name", "the text"))
        self._text, self._at = "", 0
        self._line, self._counted = 1, 0
        self._over = False
        self.twice = False
        self._decode = json.JSONDecoder(object_pairs_hook=self._members).raw_decode

    @property
    def line(self) -> int:
        """The line that the place is on, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self, commas: bool = False) -> str:
        """Return the next character that is no blank (and, with ``commas``, no comma), to which the place moves.

        "" at the end.
        """
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
        """Return the value that begins here; the place moves to its end.

        Raises Broken; TooLong, before the end of the text, where it is not complete after ``most`` characters. In both
        cases the place stays.
        """
        step = STEP
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._over:  # a number could go on
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if self._over or not self._cut(error):
                    raise Broken from None
            if most is not None and len(self._text) - self._at > most:
                raise TooLong
            self._more(step)
            step *= 2  # doubled: a very long value is not decoded too often

    def peek_inside(self) -> str:
        """Return the first character, no blank, behind the one that the place is on; the place stays."""
        while True:
            at = _BLANK.match(self._text, self._at + 1).end()  # type: ignore[union-attr]
            if at < len(self._text) or not self._more(STEP):
                return self._text[at : at + 1]

    def next_line(self) -> str:
        """Return the line behind the end of this one, to whose beginning the place moves; "" where there is none."""
        self.step()
        begun = self._at
        while (end := self._text.find("\n", self._at)) < 0 and self._more(STEP):
            begun = self._at
        return self._text[begun:] if end < 0 else self._text[begun : end + 1]

    def rest_of_line(self) -> str:
        """Return what stands between here and the end of the line, to which the place moves."""
        while (end := self._text.find("\n", self._at)) < 0 and self._more(STEP):
            pass
        end = len(self._text) if end < 0 else end
        found, self._at = self._text[self._at : end], end
        return found

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.twice |= len(made) != len(pairs)
        return made

    def _cut(self, error: Exception) -> bool:
        """Whether the error may be due to what was not read yet."""
        if not isinstance(error, json.JSONDecodeError):
            return False  # too deep, or a number of too many digits
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR

    def _more(self, size: int) -> bool:
        if len(self._text) - self._at > _LONGEST:
            raise too_long(self._name, self.line)
        part = "" if self._over else self._file.read(size)
        self._over = not part
        if part:
            _ = self.line  # what goes is counted
            self._text, self._at, self._counted = self._text[self._at :] + part, 0, 0
        return bool(part)
