"""Detect the encoding of a text file from its first megabyte, and decode it. Knows bytes; never columns."""

import codecs
import io
import re

from penna.data.readers.legacy_charset import Guess, escaped, guessed, shifted, wide
from penna.data.readers.open_file import OpenedFile
from penna.data.readers.read_notes import Notes
from penna.data.readers.size_limits import LineGuard
from penna.errors import TableError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark starts with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def decoded(given: OpenedFile, notes: Notes, encoding: str | None = None) -> tuple[str, "Text"]:
    """Return the decoded first megabyte, and the whole file as text with its line ends unchanged.

    ``encoding`` is inferred if None. Bytes that are invalid in a UTF-8 file become surrogates, which
    ``cells.plain`` repairs.
    """
    if not given.head.strip(b" \t\r\n"):
        raise TableError(f"{given.name} is empty: give a table with a header and rows.")
    guess = _found(given.head) if encoding is None else Guess(_marked(given.head, encoding), True, "")
    name = guess.encoding
    errors = "surrogateescape" if name.startswith("utf-8") else "replace"
    notes.replacing |= errors == "replace"
    head = codecs.getincrementaldecoder(name)(errors).decode(given.head)
    if len(_CONTROL.findall(head)) > max(10, 0.05 * len(head)) or head.count("\0") > 0.2 * len(head):
        raise TableError(f"{given.name} is not a text file: give CSV, TSV, JSON lines or Parquet.")
    if encoding is None and (message := _said(given.name, guess, given.head)):
        notes.say("encoding", message, "info" if guess.sure and not name.startswith("utf-8") else "warning")
    return head, Text(given, name, errors)


class Text(io.TextIOWrapper):
    """The decoded file. Line ends are unchanged; ``by_lines`` bounds the length of lines."""

    def __init__(self, source: OpenedFile, encoding: str, errors: str) -> None:
        self._guard = LineGuard(source.file, source.name)
        super().__init__(io.BufferedReader(self._guard, 1 << 18), encoding, errors, newline="")

    def by_lines(self) -> "Text":
        """Bound the length of lines and the number of consecutive empty lines; reading raises TableError beyond."""
        self._guard.on = True
        return self


def _marked(head: bytes, encoding: str) -> str:
    r"""Return the named encoding; if the file begins with its byte order mark, the variant that removes it.

    >>> _marked(codecs.BOM_UTF8 + b"a", "UTF8"), _marked(b"a", "UTF8")
    ('utf-8-sig', 'utf-8')
    """
    name = codecs.lookup(encoding).name
    mark = next((codec for mark, codec in _MARKS if head.startswith(mark)), "")
    return mark if mark and name.startswith(mark.removesuffix("-sig")) else name


def encoding_of(head: bytes) -> str:
    """Return Python's name of the encoding.

    >>> encoding_of("Straße".encode("cp1252"))
    'cp1252'
    """
    return _found(head).encoding


def _found(head: bytes) -> Guess:
    """Detect the encoding from the first bytes. The guess has an example only if it is uncertain."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Guess(name, True, "")
    if (b"\0" in head or head.isascii()) and (other := wide(head) or escaped(head)):
        return Guess(other, True, "")
    strange = len(re.findall("[\udc80-\udcff]", codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)))
    beyond_ascii = len(head) - len(head.translate(None, bytes(range(128, 256))))
    return Guess("utf-8", True, "") if strange <= 0.1 * beyond_ascii else guessed(head)


def _said(name: str, guess: Guess, head: bytes) -> str:
    """Return the message about how a file was decoded; "" for plain UTF-8."""
    if guess.encoding.startswith("utf-8"):
        if (shift := shifted(head)) is None:
            return ""
        return f"{name} may be UTF-7 ({shift[0]!r} would be {shift[1]!r}): pass --encoding utf-7 if it is."
    if not guess.example:
        return f"{name} was read as {guess.encoding}."
    if guess.sure:
        return f"{name} was read as {guess.encoding} ({guess.example!r}): pass --encoding if these letters are wrong."
    return (
        f"{name} was read as {guess.encoding}, which is a weak guess ({guess.example!r}): look at these letters, and "
        "pass --encoding if they are wrong."
    )
