"""The folder of an artefact: its manifest, and files that are what was written. Knows bytes; no task and no model."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penna.errors import BundleError
from penna.version import __version__

#: The second came with pairs of texts and columns beside them, which a reader of the first would pass over.
FORMAT = 2
MANIFEST = "manifest.json"
PARTS = "parts"
#: A manifest is small; anything bigger is not one.
MOST_MANIFEST_BYTES = 16 << 20


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a folder says of itself. Raises BundleError where that is missing, damaged or too new."""
    path = folder / MANIFEST
    if not folder.exists():
        raise BundleError(f"there is no folder {folder}: give the run folder that `penna fit --out` wrote.")
    if not path.is_file():
        raise BundleError(f"{folder} holds no {MANIFEST}: give a run folder or its model/ folder.")
    try:
        if path.stat().st_size > MOST_MANIFEST_BYTES:
            raise BundleError(f"{path} is {path.stat().st_size >> 20} MB: that is no manifest.")
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = int(said["format"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({error!r}): copy the artefact again.") from error
    if found < 1:
        raise BundleError(f"{path} has artefact format {found}, which no Penna has written: copy the artefact again.")
    if found > FORMAT:
        raise BundleError(
            f"{folder} has artefact format {found}, this Penna {__version__} reads up to {FORMAT}: update penna."
        )
    return said


def check_files(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raise BundleError unless the parts are those that were written, byte by byte."""
    expected = manifest.get("files")
    if not isinstance(expected, dict):
        raise BundleError(f"{folder / MANIFEST} lists no files: copy the artefact again.")
    found = _parts(folder)
    for name in sorted(expected.keys() - found.keys()):
        raise BundleError(f"{folder} lacks {name}: copy the artefact again.")
    for name, path in found.items():
        if name not in expected:
            raise BundleError(f"{folder} holds {name}, which its manifest does not know: copy the artefact again.")
        if expected[name] != _checksum(path):
            raise BundleError(f"{path} is not what was written (checksum differs): copy the artefact again.")


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write it whole or not at all, with the checksums of the parts as they are."""
    manifest["files"] = {name: _checksum(path) for name, path in _parts(folder).items()}
    staged = folder / (MANIFEST + ".new")
    staged.write_text(json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    staged.replace(folder / MANIFEST)


def swap(staging: Path, folder: Path) -> None:
    """Put ``staging`` in the place of ``folder``: what was there stands aside, and comes back where that fails."""
    restore(folder)
    old = _aside(folder)
    shutil.rmtree(old, ignore_errors=True)
    try:
        if folder.exists():
            folder.rename(old)
        staging.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path) -> None:
    """Put back what stands aside, if a kill came between the two moves of a swap."""
    old = _aside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-old")


def files(folder: Path) -> list[Path]:
    """Every file in a folder, sorted; none of one that is not there."""
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def _parts(folder: Path) -> dict[str, Path]:
    """The files of an artefact's parts, by the names that its manifest has for them."""
    return {f"{PARTS}/{p.relative_to(folder / PARTS).as_posix()}": p for p in files(folder / PARTS)}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
