"""Find the encoding of a text file from its first megabyte, and read it as text. Knows bytes; never columns."""

import codecs
import io
import re

from penna.errors import TableError
from penna.reading.bounds import LineGuard
from penna.reading.notes import Notes
from penna.reading.opening import Opened

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Guesses are poor on short samples, so they are only among what is met in files of text.
_EAST = [
    "gb18030",
    "big5",
    "cp932",
    "euc_jp",
    "cp949",
    "cp1251",
    "koi8_r",
    "koi8_u",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp874",
]
_WEST = ["cp1252", "cp1250", "cp1254", "cp1257", "cp1258", "mac_roman"]
_FEWEST_SIGNS = 8
_NOT_WESTERN = re.compile("[A-Za-z][¹³¿¯¾¼]|[¹³¿¯¾¼][a-z]")  # what Polish looks like when it is read as Windows-1252
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def decoded(given: Opened, notes: Notes, encoding: str | None = None) -> tuple[str, "Text"]:
    """The decoded first megabyte, and the whole file as text with its line ends untouched; ``encoding`` is inferred
    if None.

    Bytes that are no UTF-8 in a file that is otherwise come through as surrogates; ``cells.repaired`` turns them.
    """
    if not given.head.strip(b" \t\r\n"):
        raise TableError(f"{given.name} is empty: give a table with a header and rows.")
    name = encoding_of(given.head) if encoding is None else _marked(given.head, encoding)
    errors = "surrogateescape" if name.startswith("utf-8") else "replace"
    head = codecs.getincrementaldecoder(name)(errors).decode(given.head)
    if len(_CONTROL.findall(head)) > max(10, 0.05 * len(head)) or head.count("\0") > 0.2 * len(head):
        raise TableError(f"{given.name} is not a text file: give CSV, TSV, JSON lines or Parquet.")
    if not name.startswith("utf-8") and encoding is None:
        notes.say("encoding", f"{given.name} was read as {name}.")
    return head, Text(given, name, errors)


class Text(io.TextIOWrapper):
    """The decoded file. Line ends are untouched; ``by_lines`` bounds how long a line may be."""

    def __init__(self, given: Opened, encoding: str, errors: str) -> None:
        self._guard = LineGuard(given.file, given.name)
        super().__init__(io.BufferedReader(self._guard, 1 << 18), encoding, errors, newline="")

    def by_lines(self) -> "Text":
        """Bound the length of lines, and the number of empty ones in a row: TableError beyond."""
        self._guard.on = True
        return self


def _marked(head: bytes, encoding: str) -> str:
    r"""The encoding that was named, or what takes its mark off where the file begins with that.

    >>> _marked(codecs.BOM_UTF8 + b"a", "UTF8"), _marked(b"a", "UTF8")
    ('utf-8-sig', 'utf-8')
    """
    name = codecs.lookup(encoding).name
    mark = next((found for mark, found in _MARKS if head.startswith(mark)), "")
    return mark if mark and name.startswith(mark.removesuffix("-sig")) else name


def encoding_of(head: bytes) -> str:
    """Python's name of the encoding.

    >>> encoding_of("Straße".encode("cp1252"))
    'cp1252'
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if (wide := _unmarked_wide(head)) is not None:
        return wide
    strange = len(re.findall("[\udc80-\udcff]", codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)))
    beyond_ascii = len(head) - len(head.translate(None, bytes(range(128, 256))))
    return "utf-8" if strange <= 0.1 * beyond_ascii else _guessed(head)


def _unmarked_wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of mostly Latin text is NUL."""
    odd, even = head[1:4000:2], head[0:4000:2]
    if odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.4 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _guessed(head: bytes) -> str:
    import charset_normalizer

    telling = b"\n".join(line for line in head.split(b"\n")[:-1] or [head] if not line.isascii())[: 1 << 15] or head
    if len(telling) - len(telling.translate(None, bytes(range(128, 256)))) < _FEWEST_SIGNS:
        return "cp1252"
    best = charset_normalizer.from_bytes(telling, cp_isolation=_EAST + _WEST).best()
    # Western code pages differ in a few signs only; the commonest is right unless it makes odd words.
    if best is None or (best.encoding in _WEST and not _NOT_WESTERN.search(telling.decode("cp1252", "replace"))):
        return "cp1252"
    return best.encoding
