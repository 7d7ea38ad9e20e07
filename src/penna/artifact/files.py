"""The folder of an artifact: its manifest, and files that are what was written. Knows bytes; no task and no model.

The manifest holds the SHA-256 of every other file, and begins with its own: the *digest*, taken with zeros in its own
place. So one number stands for the whole artifact, down to the byte. The model card names it, too: its checksum is
taken with zeros in the digest's place.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from penna import safe_load
from penna.errors import BundleError
from penna.version import __version__

#: The third came with the digest. Earlier ones are not read: whoever changes a manifest could call it one of those.
FORMAT = 3
MANIFEST, CARD = "manifest.json", "README.md"
PARTS = "parts"
#: A manifest is small; anything bigger is not one.
MOST_MANIFEST_BYTES = 16 << 20
#: What stands in the digest's place while it is taken.
BLANK = "0" * 64
_BEGINS = re.compile(rb'\{\n "digest": "([0-9a-f]{64})",\n')
#: Files of parts, how deep they lie, and bytes of one: a blend of trees that read other models has most.
_MOST_FILES, _DEEPEST, _LARGEST = 4096, 12, 4 << 30


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a folder says of itself. Raises BundleError where that is missing, damaged, or of another format."""
    path = folder / MANIFEST
    if not folder.exists():
        raise BundleError(f"there is no folder {folder}: give the run folder that `penna fit --out` wrote.")
    if not path.is_file():
        raise BundleError(f"{folder} holds no {MANIFEST}: give a run folder or its model/ folder.")
    raw = safe_load.content(path, MOST_MANIFEST_BYTES)
    with safe_load.damaged(path):
        manifest = safe_load.parsed(raw)
        found = manifest["format"]
        if type(found) is not int or found < 1:
            raise ValueError(f"no Penna has written the format {found!r:.40}")
        json.dumps(manifest, ensure_ascii=False).encode()  # halves of characters could be neither shown nor written
    if found != FORMAT:
        remedy = "update penna" if found > FORMAT else "it has no digest of its own, fit again"
        raise BundleError(f"{folder} has artifact format {found}, this Penna {__version__} reads {FORMAT}: {remedy}.")
    begins = _BEGINS.match(raw)
    if begins is None or _digest(raw, begins[1]) != begins[1].decode():
        raise BundleError(f"{path} is not what was written (its digest does not fit it): copy the artifact again.")
    return dict(manifest)


def check_files(folder: Path, manifest: Mapping[str, Any], card: bool = False) -> None:
    """Raise BundleError unless the parts, and the ``card`` where it matters, are what was written, byte by byte."""
    expected = manifest.get("files")
    if not isinstance(expected, dict) or not all(isinstance(line, str) for line in expected.values()):
        raise BundleError(f"{folder / MANIFEST} lists no files: copy the artifact again.")
    found = dict(_parts(folder))
    known = set(expected) if card else expected.keys() - {CARD}
    for name in sorted(known - found.keys() - {CARD}):
        raise BundleError(f"{folder} lacks {name[:200]!r}: copy the artifact again.")
    for name, path in found.items():
        if name not in expected:
            raise BundleError(f"{folder} holds {name!r}, which its manifest does not know: copy the artifact again.")
        if expected[name] != _checksum(path):
            raise BundleError(f"{path} is not what was written (checksum differs): copy the artifact again.")
    if card and CARD in expected:
        _check_card(folder / CARD, expected[CARD], str(manifest["digest"]))


def _check_card(path: Path, expected: str, digest: str) -> None:
    text = safe_load.content(path, MOST_MANIFEST_BYTES).replace(digest.encode(), BLANK.encode())
    if expected != hashlib.sha256(text).hexdigest():
        raise BundleError(f"{path} is not what was written (checksum differs): copy the artifact again.")


def write_manifest(folder: Path, manifest: dict[str, Any], card: str = "") -> None:
    """Write it whole or not at all, with its digest and the checksums of the parts as they are.

    ``card``: the model card, in which ``BLANK`` becomes the digest; without one, that which lies there is forgotten.
    """
    sums = {name: _checksum(path) for name, path in _parts(folder)}
    if card:
        sums[CARD] = hashlib.sha256(card.encode()).hexdigest()
    rest = {name: value for name, value in manifest.items() if name not in ("digest", "files")}
    content = {"digest": BLANK, **rest, "files": sums}
    blank = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    digest = hashlib.sha256(blank.encode()).hexdigest()
    manifest.update(content, digest=digest)
    _write(folder / MANIFEST, blank.replace(BLANK, digest, 1))
    if card:
        _write(folder / CARD, card.replace(BLANK, digest))


def _digest(raw: bytes, stated: bytes) -> str:
    return hashlib.sha256(raw.replace(stated, BLANK.encode(), 1)).hexdigest()


def _write(path: Path, text: str) -> None:
    staged = path.with_name(path.name + ".new")
    staged.write_bytes(text.encode())
    staged.replace(path)


def files(folder: Path) -> list[Path]:
    """Return the files of a folder, sorted; none if it is missing."""
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def _parts(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of an artifact's parts, sorted, by the names that its manifest has for them.

    Raises BundleError for what is no regular file, and for more files, or deeper folders, than Penna ever writes.
    """
    with safe_load.damaged(folder / PARTS):
        found = sorted(islice(_below(folder / PARTS, PARTS, _DEEPEST), _MOST_FILES + 1))
        if len(found) > _MOST_FILES:
            raise ValueError(f"it holds more than {_MOST_FILES:,} files")
    return found


def _below(folder: Path, name: str, deepest: int) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if not deepest:
                    raise ValueError("its folders are nested too deep")
                yield from _below(path, f"{name}/{entry.name}", deepest - 1)
            elif entry.is_file(follow_symlinks=False):
                yield f"{name}/{entry.name}", path
            else:
                raise BundleError(f"{path} is no regular file, and Penna writes no others: do not trust this artifact.")


def _checksum(path: Path) -> str:
    with safe_load.damaged(path), safe_load.opened(path, _LARGEST) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
