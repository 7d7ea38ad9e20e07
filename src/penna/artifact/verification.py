"""The verification of an artifact, byte by byte, for ``penna verify``."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penna.artifact import bundle
from penna.artifact.files import MANIFEST, PARTS, check_files, read_manifest
from penna.artifact.measurements import megabytes
from penna.errors import BundleError, SettingError

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Verified:
    """An artifact that is whole. ``labels``: how many it can answer with, 0 where it answers with something else."""

    folder: str
    digest: str
    penna: str
    created: str
    task: str
    labels: int
    reads: tuple[str, ...]
    family: str
    recipe: str
    preliminary: bool
    files: int
    megabytes: float

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return asdict(self)


def verify(folder: Path | str, sha256: str | None = None) -> Verified:
    """Check an artifact byte by byte, and open it.

    Parameters
    ----------
    folder : path
        The folder of a run, or of an artifact.
    sha256 : str, optional
        The digest that was printed when the artifact was written.

    Returns
    -------
    Verified

    Raises
    ------
    BundleError
        If the artifact is damaged, or has another digest.
    SettingError
        If ``sha256`` is not a digest.
    """
    folder = bundle.inside(Path(folder))
    manifest = read_manifest(folder)
    if sha256 is not None and _noted(sha256) != manifest["digest"]:
        raise BundleError(
            f"{folder} has the digest {manifest['digest']}, not the one given: it is another model, or was changed."
        )
    check_files(folder, manifest, card=True)
    others = sorted(p.name for p in folder.iterdir() if p.name not in {MANIFEST, PARTS, *manifest["files"]})
    if others:
        raise BundleError(f"{folder} holds {others[0]}, which its manifest does not know: remove it, or copy again.")
    opened = bundle.load(folder)
    return Verified(
        str(opened.folder), opened.digest, manifest["penna"], manifest["created"], opened.task.name,
        len(opened.classes), (*opened.text_columns, *opened.fields), manifest["family"], manifest.get("recipe", ""),
        manifest.get("preliminary", False), len(manifest["files"]), round(megabytes(opened.folder), 3),
    )  # fmt: skip


def _noted(sha256: str) -> str:
    found = _DIGEST.fullmatch(sha256.strip().lower())
    if found is None:
        raise SettingError(f"{sha256[:80]!r} is no SHA-256: give the 64 digits (0-9, a-f) that penna fit printed.")
    return found[1]
