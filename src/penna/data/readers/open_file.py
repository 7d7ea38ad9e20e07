"""Open a source as plain bytes: path, standard input or stream, decompressed. Knows compression, no format."""

import bz2
import difflib
import gzip
import io
import lzma
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from penna import extras
from penna.data.readers.size_limits import counted
from penna.environment import expanded
from penna.errors import TableError

HEAD = 1 << 20
_MOST_IN_MEMORY = 1 << 30
_PACKED = {".gz", ".bz2", ".xz", ".zst", ".zip", ".lzma"}
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


@dataclass(frozen=True)
class OpenedFile:
    """Plain bytes. ``head`` is the first megabyte; ``file`` yields all bytes from the start."""

    name: str  # for messages
    suffix: str  # ".csv" for "reviews.csv.gz"; empty if unknown
    head: bytes
    file: BinaryIO
    seekable: BinaryIO | None = None  # the file itself, if it is uncompressed on disk


@contextmanager
def opened(source: str | Path | Any, max_expanded: int | None = None) -> Iterator[OpenedFile]:
    """Open ``source``. Errors in its bytes while it is open become a TableError.

    A compressed source that expands to more than ``max_expanded`` bytes raises one, too.
    """
    name = name_of(source)
    try:
        with _raw(source, name) as raw:
            start, whole = _replayed(raw)
            plain = _unpacked(start, whole, raw, name)
            head, file = (start, whole) if plain is whole else _replayed(counted(plain, max_expanded, name))
            if head[257:262] == b"ustar":
                raise TableError(f"{name} is a tar archive: unpack it, and pass one of its files.")
            # only a file that was opened here is certain to be at its start
            yield OpenedFile(
                name,
                _suffix(source),
                head,
                file,
                raw if plain is whole and isinstance(raw, io.BufferedReader) else None,
            )
    except _DAMAGE as error:
        raise TableError(f"{name} is damaged or truncated ({error}): get a fresh copy of it.") from error
    except UnicodeError as error:
        raise TableError(f"{name} cannot be decoded ({error}): pass another --encoding.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise TableError(f"{name} cannot be read ({reason}): check the file, or get a fresh copy of it.") from error


def name_of(source: Any) -> str:
    """Return the name of this source in messages."""
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    if hasattr(source, "read"):
        return "standard input" if source in (sys.stdin, getattr(sys.stdin, "buffer", None)) else "the stream"
    return "the table"


def _suffix(source: Any) -> str:
    suffixes = [s.lower() for s in Path(source).suffixes] if isinstance(source, str | Path) else []
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def _raw(source: Any, name: str) -> Iterator[BinaryIO]:
    """Yield the raw bytes. A file opened here is closed again; a stream of the user stays open."""
    if isinstance(source, str | Path) and str(source) != "-":
        with _path(source).open("rb") as file:
            yield file
    else:
        stream = sys.stdin if isinstance(source, str | Path) else source
        yield _binary(stream, name)


def _path(source: str | Path) -> Path:
    try:
        path = expanded(source)
    except RuntimeError:
        raise TableError(f"there is no file {str(source)!r}: no user here has such a home; check the path.") from None
    if "\0" in str(path) or not str(source).strip():
        raise TableError("the name of the table is empty or holds a NUL character: pass a file.")
    if str(source).startswith(("http://", "https://", "s3://")):
        raise TableError(f"{source} is a web address: download it first, and pass the file.")
    if path.is_dir():
        raise TableError(f"{source} is a folder: pass a file.")
    if not path.exists():
        near = []
        if path.parent.is_dir():
            near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], 1)
        hint = f"did you mean {near[0]!r}?" if near else "check the path."
        raise TableError(f"there is no file {str(source)!r}: {hint}")
    return path


def _binary(stream: Any, name: str) -> BinaryIO:
    stream = getattr(stream, "buffer", stream)
    if isinstance(stream, io.TextIOBase):
        return io.BytesIO(stream.read().encode("utf-8", "surrogatepass"))
    if not hasattr(stream, "read"):
        raise TableError(f"{name} cannot be read: pass a path, a stream, a DataFrame or a list of texts.")
    return cast(BinaryIO, stream)


class _Replay(io.RawIOBase):
    """Bytes already read from a file, followed by the rest of that file."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = memoryview(head)
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._head[: len(buffer)] if self._head else self._file.read(len(buffer))
        buffer[: len(part)] = part
        self._head = self._head[len(part) :]
        return len(part)


def _replayed(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """Return the first megabyte, and a file that yields everything from the start."""
    parts, size = [], 0
    while size < HEAD and (part := file.read(HEAD - size)):
        parts.append(part)
        size += len(part)
    head = b"".join(parts)
    return head, io.BufferedReader(_Replay(head, file), 1 << 18)


def _unpacked(start: bytes, file: BinaryIO, raw: BinaryIO, name: str) -> BinaryIO:
    """Return the bytes decompressed; the first bytes decide the format, not the name."""
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return cast(BinaryIO, io.BufferedReader(_Unpacking(file, bz2.BZ2Decompressor), 1 << 18))
    if start.startswith(b"\xfd7zXZ\0"):
        return cast(BinaryIO, io.BufferedReader(_Unpacking(file, lzma.LZMADecompressor), 1 << 18))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        extras.require("tables", "reading zstd files")
        import pyarrow

        return cast(BinaryIO, pyarrow.CompressedInputStream(file, "zstd"))
    if start.startswith(b"PK\x03\x04"):
        on_disk = isinstance(raw, io.BufferedReader) and raw.seekable()
        return _only_member(raw if on_disk else in_memory(file, name), name)
    return file


def in_memory(file: BinaryIO, name: str) -> BinaryIO:
    """Read a file whole into memory. Raises TableError if it is too large."""
    whole = file.read(_MOST_IN_MEMORY + 1)
    if len(whole) > _MOST_IN_MEMORY:
        raise TableError(f"{name} has more than {_MOST_IN_MEMORY >> 20} MB that must be read at once: unpack it first.")
    return io.BytesIO(whole)


class _Unpacking(io.RawIOBase):
    """Compressed streams in sequence. Python's own readers stop silently before data that is no such stream."""

    def __init__(self, file: BinaryIO, begin: Callable[[], Any]) -> None:
        self._file, self._begin, self._stream = file, begin, begin()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._stream.eof:
                rest = self._stream.unused_data.lstrip(b"\0")  # xz pads with zeros
                while not rest and (more := self._file.read(1 << 16)):
                    rest = more.lstrip(b"\0")
                if not rest:
                    return 0
                self._stream = self._begin()
            else:
                rest = self._file.read(1 << 16) if self._stream.needs_input else b""
                if not rest and self._stream.needs_input:
                    raise EOFError("its end is missing")
            if part := self._stream.decompress(rest, len(buffer)):
                buffer[: len(part)] = part
                return len(part)


def _only_member(file: BinaryIO, name: str) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(file)
    except (NotImplementedError, ValueError, struct.error) as error:
        raise _no_archive(name, error) from error
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if any(m.filename == "[Content_Types].xml" for m in members):
        raise TableError(f"{name} is an office document: save the sheet as CSV, and pass that.")
    if len(members) != 1:
        raise TableError(f"{name} holds {len(members)} files: unpack it, and pass one of them.")
    if members[0].flag_bits & 1:
        raise TableError(f"{name} is locked by a password: unpack it, and pass the file inside.")
    try:
        return cast(BinaryIO, archive.open(members[0]))
    except (NotImplementedError, RuntimeError, ValueError) as error:  # a compression method that Python does not know
        raise _no_archive(name, error) from error


def _no_archive(name: str, error: Exception) -> TableError:
    return TableError(f"{name} cannot be unpacked ({error}): unpack it yourself, and pass the file inside.")
