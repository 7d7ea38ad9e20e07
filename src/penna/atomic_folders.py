"""Folders that are swapped as a whole, and come back after a kill. A leaf: knows the file system alone."""

import shutil
import stat
from pathlib import Path


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


def level(folder: Path) -> None:
    """Give everything in a folder of ours the modes that the umask gives new files and folders.

    What libraries write by way of a temporary file, others could not read.
    """
    probe = folder / ".mode"
    probe.mkdir()
    (probe / "file").touch()
    kinds = {True: probe.stat().st_mode, False: (probe / "file").stat().st_mode}
    shutil.rmtree(probe)
    for path in (folder, *folder.rglob("*")):
        path.chmod(stat.S_IMODE(kinds[path.is_dir()]))
