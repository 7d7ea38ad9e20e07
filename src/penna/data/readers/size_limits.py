"""Limits on a file: expanded bytes, bytes of a line, characters of a cell, columns. Knows bytes."""

import io
from typing import Any, BinaryIO, cast

from penna.errors import TableError

#: Maximum characters in a cell, bytes in a line, and columns of a table.
LONGEST_CELL, LONGEST_LINE, MOST_COLUMNS = 1 << 24, 1 << 25, 20_000
_MOST_EMPTY = 100_000  # consecutive lines without content


def counted(file: BinaryIO, most: int | None, name: str) -> BinaryIO:
    """Wrap a compressed file's bytes; reading raises TableError beyond ``most``."""
    return file if most is None else cast(BinaryIO, io.BufferedReader(_Counted(file, most, name), 1 << 18))


class _Counted(io.RawIOBase):
    """A raw stream that counts its bytes."""

    def __init__(self, file: BinaryIO, most: int, name: str) -> None:
        self._file, self._most, self._name, self._total = file, most, name, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._file.read(len(buffer))
        self._total += len(part)
        if self._total > self._most:
            raise TableError(
                f"{self._name} expands to more than {as_size(self._most)}: unpack part of it, or raise --max-expanded."
            )
        buffer[: len(part)] = part
        return len(part)


class LineGuard(io.RawIOBase):
    """Bytes of a text file. Once ``on``, the length of lines and the number of consecutive empty lines are bounded."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.on = False
        self._file, self.name = file, name
        self._line, self._since, self._empty = 1, 0, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer`` and return the number of bytes. Raises TableError beyond the limits."""
        part = self._file.read1(len(buffer))  # type: ignore[attr-defined]
        if self.on:
            self._look(part)
        buffer[: len(part)] = part
        return len(part)

    def _look(self, part: bytes) -> None:
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        self._since = len(part) - last - 1 if last >= 0 else self._since + len(part)
        self._empty = 0 if part.strip(b" \t\r\n\0") else self._empty + (part.count(b"\n") or part.count(b"\r"))
        self._line += part.count(b"\n") or part.count(b"\r")
        if self._since > LONGEST_LINE:
            raise too_long(self.name, self._line)
        if self._empty > _MOST_EMPTY:
            raise nothing_but_blanks(self.name, self._line)


def too_long(name: str, line: int) -> TableError:
    """Return the error for a line or cell that is too long."""
    return TableError(
        f"line {line:,} of {name} is too long: a cell may have {LONGEST_CELL >> 20} million characters and a line "
        f"{LONGEST_LINE >> 20} MB; cut its text, or check that the lines have ends."
    )


def nothing_but_blanks(name: str, line: int) -> TableError:
    """Return the error for too many consecutive empty lines."""
    return TableError(f"{name} has over 100,000 empty lines in a row, up to line {line:,}: is it damaged?")


def too_wide(name: str) -> TableError:
    """Return the error for too many columns."""
    return TableError(
        f"{name} has more than {MOST_COLUMNS:,} columns: drop those that are not needed, or write "
        "each row on a line of its own."
    )


def as_size(size: int) -> str:
    """Return bytes as people write them.

    >>> as_size(20 * 10**9), as_size(1_500_000)
    ('20 GB', '1.5 MB')
    """
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            return f"{size / 10**power:g} {unit}"
    return f"{size} bytes"
