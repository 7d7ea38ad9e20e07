"""Documents from files of any size, one after the other. Knows lines and their faults; never tokens.

JSON lines have one document per line; for text files see ``plain_text``. Both may be compressed (.gz .bz2 .xz .zst).
Broken lines are skipped, counted and named in the ``Notes``; only a corpus without any text is an error.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from penna.data.readers.charset import encoding_of
from penna.data.readers.open_file import OpenedFile, opened
from penna.data.readers.read_notes import Notes
from penna.environment import expanded
from penna.errors import TableError
from penna.pretraining import plain_text

#: Characters: a longer line is skipped, so that one bad file cannot fill the memory.
LONGEST_LINE = 16_000_000
_LINES = {".jsonl", ".ndjson", ".json"}
_TEXT = {".txt", ".text", ".md"}
PACKED = {".gz", ".bz2", ".xz", ".zst"}
_BLANK = " \t\r\n\ufeff"


@dataclass(frozen=True)
class Document:
    """One text; a line break ends a paragraph. ``place`` is its file and first line."""

    text: str
    place: str


def documents(
    paths: Sequence[str | Path], notes: Notes, field: str | None = None, apart: plain_text.Apart = "auto"
) -> Iterator[Document]:
    """Yield every document of these files and folders.

    ``field`` is the name of the text in JSON lines (default: "text", or the only string). ``apart`` is what separates
    documents in text files. Raises TableError if there is no text.
    """
    any_text = False
    for file in files(paths):
        for document in _documents(file, notes, field, apart):
            any_text = True
            yield document
    if not any_text:
        messages = " ".join(finding.message for finding in notes.findings())
        raise TableError(f"the corpus {_names(paths)} holds no text: give files with text in them. {messages}".strip())


def files(paths: Sequence[str | Path]) -> list[Path]:
    """Return the files of these paths; a folder gives its text and JSON lines files, sorted.

    Raises TableError if a path does not exist or a folder has no such file.
    """
    all_files: list[Path] = []
    for path in map(expanded, paths):
        if not _exists(path):
            raise TableError(f"there is no corpus {str(path)!r}: check the path.")
        inside = [path] if not path.is_dir() else sorted(p for p in path.rglob("*") if _readable(p))
        if not inside:
            raise TableError(f"the folder {path} holds no text: put .txt or .jsonl files there (also packed).")
        all_files += inside
    if not all_files:
        raise TableError("there is no corpus: give files or folders of text.")
    return all_files


def fingerprint(paths: Sequence[str | Path]) -> str:
    """Return a hash of names, sizes and 64 samples of each file: cheap, and the same after a move."""
    digest = hashlib.sha256()
    for file in files(paths):
        try:
            _sample(file, digest)
        except OSError as error:
            raise TableError(f"{file} cannot be read ({error.strerror}): check the file.") from error
    return digest.hexdigest()[:16]


def _sample(file: Path, digest: "hashlib._Hash") -> None:
    size = file.stat().st_size
    digest.update(f"{file.name}\0{size}\0".encode("utf-8", "surrogateescape"))
    with file.open("rb") as stream:
        for part in range(min(64, -(-size // 4096))):
            stream.seek(size * part // 64 if size > 64 * 4096 else part * 4096)
            digest.update(stream.read(4096))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a path; a NUL in it
        return False


def _names(paths: Sequence[str | Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (" ..." if len(paths) > 3 else "")


def _readable(path: Path) -> bool:
    suffixes = [s.lower() for s in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _LINES | _TEXT and path.is_file()


def _documents(file: Path, notes: Notes, field: str | None, apart: plain_text.Apart) -> Iterator[Document]:
    try:
        with opened(file) as stream:
            if stream.head.strip():
                yield from _read(stream, file.name, notes, field, apart)
    except TableError as error:  # damaged, truncated or unreadable: earlier documents stay
        notes.add("torn", [str(error).rstrip(".")])


def _read(
    stream: OpenedFile, name: str, notes: Notes, field: str | None, apart: plain_text.Apart
) -> Iterator[Document]:
    encoding = encoding_of(stream.head)
    head = stream.head.decode(encoding, "replace")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    lines = _lines(io.TextIOWrapper(stream.file, encoding, errors), name, notes)
    if stream.suffix in _LINES or _looks_like_json(head):
        parts = _json_texts(lines, name, notes, field)
    else:
        parts = plain_text.texts(lines, plain_text.layout(head, apart))
    for number, text in parts:
        if text.strip():
            # a tokenizer refuses a lone surrogate (from an escape in JSON)
            yield Document(text.encode("utf-8", "replace").decode("utf-8"), f"{name}:{number}")


def _looks_like_json(head: str) -> bool:
    line = head.lstrip(_BLANK).split("\n", 1)[0]
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(file: io.TextIOWrapper, name: str, notes: Notes) -> Iterator[tuple[int, str]]:
    """Yield numbered lines, without those that are too long or not text."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            notes.add("huge", [f"{name}:{number}"])
        elif not line.isascii() and _has_bad_bytes(line):
            notes.add("no utf-8", [f"{name}:{number}"])
        else:
            yield number, line


def _has_bad_bytes(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _json_texts(
    lines: Iterator[tuple[int, str]], name: str, notes: Notes, field: str | None
) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if not (bare := line.strip(_BLANK)):
            continue
        try:
            record = json.loads(bare)
        except (ValueError, RecursionError):
            notes.add("json", [f"{name}:{number}"])
            continue
        text = _text(record, field)
        if text is None or not text.strip():
            notes.add("no text", [f"{name}:{number}"])
        else:
            yield number, text


def _text(record: object, field: str | None) -> str | None:
    """Return the named field, else "text", else the only string."""
    if isinstance(record, str):
        return record
    if not isinstance(record, dict):
        return None
    text = record.get(field or "text")
    if text is None and field is None:
        strings = [value for value in record.values() if isinstance(value, str)]
        text = strings[0] if len(strings) == 1 else None
    return text if isinstance(text, str) else None
