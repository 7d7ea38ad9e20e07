"""Atomic writes of folders and files: write next to the target, flush to disk, rename."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penna.atomic_folders import level, swap
from penna.errors import RunError


def whole(place: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder atomically: afterwards it is as ``fill`` leaves it, or as it was before.

    Raises RunError if the disk is full.
    """
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        fill(new)
        level(new)
        for file in new.rglob("*"):
            _settle(file)
        _settle(new)
        swap(new, place)
        _settle(place.parent)
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if os.strerror(errno.ENOSPC) in str(error):  # as Python and as safetensors say it
            raise RunError(
                f"no space is left on the disk that holds {place}: free some; the same command continues from the last "
                "state."
            ) from error
        raise


def _settle(path: Path) -> None:
    """Flush a file or folder to the disk; systems that cannot open a folder flush it themselves."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _settle(new)
    new.replace(file)
