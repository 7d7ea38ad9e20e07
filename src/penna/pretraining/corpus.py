"""Documents from files of any size, one after the other. Knows lines and what may be wrong with them; never tokens.

JSON lines: one document a line. Text: see ``_plain``. Both also packed (.gz .bz2 .xz .zst), folders in sorted order.
What is broken is left out, counted and named in the ``Notes``; only a corpus without any text is an error.
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

#: Characters: a longer line is left out, so that one bad file cannot fill the memory.
LONGEST_LINE = 16_000_000
_LINES = {".jsonl", ".ndjson", ".json"}
_TEXT = {".txt", ".text", ".md"}
PACKED = {".gz", ".bz2", ".xz", ".zst"}
_BLANK = " \t\r\n\ufeff"


@dataclass(frozen=True)
class Document:
    """A text in its own order; a line break ends a paragraph. ``place`` is its file and first line."""

    text: str
    place: str


def documents(
    paths: Sequence[str | Path], notes: Notes, field: str | None = None, apart: plain_text.Apart = "auto"
) -> Iterator[Document]:
    """Every document of these files and folders.

    ``field`` is the text's name in JSON lines (else "text", or the only string there is); ``apart`` says what separates
    documents in text files. Raises TableError where there is no text.
    """
    found = False
    for file in files(paths):
        for document in _documents(file, notes, field, apart):
            found = True
            yield document
    if not found:
        messages = " ".join(finding.message for finding in notes.findings())
        raise TableError(f"the corpus {_names(paths)} holds no text: give files with text in them. {messages}".strip())


def files(paths: Sequence[str | Path]) -> list[Path]:
    """Return what the paths stand for: files as they were named, folders as their text and JSON lines, sorted.

    Raises TableError where a path does not exist or a folder holds no such file.
    """
    found: list[Path] = []
    for path in map(expanded, paths):
        if not _exists(path):
            raise TableError(f"there is no corpus {str(path)!r}: check the path.")
        inside = [path] if not path.is_dir() else sorted(p for p in path.rglob("*") if _readable(p))
        if not inside:
            raise TableError(f"the folder {path} holds no text: put .txt or .jsonl files there (also packed).")
        found += inside
    if not found:
        raise TableError("there is no corpus: give files or folders of text.")
    return found


def fingerprint(paths: Sequence[str | Path]) -> str:
    """Names, sizes and 64 samples of each file: cheap, and moving a corpus does not change it."""
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
        with opened(file) as given:
            if given.head.strip():
                yield from _read(given, file.name, notes, field, apart)
    except TableError as error:  # damaged, cut short, or not to be opened: what came before it stands
        notes.add("torn", [str(error).rstrip(".")])


def _read(given: OpenedFile, name: str, notes: Notes, field: str | None, apart: plain_text.Apart) -> Iterator[Document]:
    encoding = encoding_of(given.head)
    head = given.head.decode(encoding, "replace")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    lines = _lines(io.TextIOWrapper(given.file, encoding, errors), name, notes)
    if given.suffix in _LINES or _looks_like_json(head):
        parts = _json_texts(lines, name, notes, field)
    else:
        parts = plain_text.texts(lines, plain_text.layout(head, apart))
    for number, text in parts:
        if text.strip():
            # a lone surrogate (from an escape in JSON) cannot pass into a tokenizer
            yield Document(text.encode("utf-8", "replace").decode("utf-8"), f"{name}:{number}")


def _looks_like_json(head: str) -> bool:
    line = head.lstrip(_BLANK).split("\n", 1)[0]
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(file: io.TextIOWrapper, name: str, notes: Notes) -> Iterator[tuple[int, str]]:
    """Lines by number, without those that are too long or no text."""
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
    """Return the named field, else "text", else the only string there is."""
    if isinstance(record, str):
        return record
    if not isinstance(record, dict):
        return None
    text = record.get(field or "text")
    if text is None and field is None:
        strings = [value for value in record.values() if isinstance(value, str)]
        text = strings[0] if len(strings) == 1 else None
    return text if isinstance(text, str) else None
