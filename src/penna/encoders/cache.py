"""A disk cache of rows of numbers, keyed by the hash of a text. Knows arrays and files, nothing else.

A store is a folder of segments; each segment is one file that is written once and moved to its place. So processes need
no lock: a reader sees complete segments only, and two processes that write the same rows only waste some space. Losing
a file, or the whole cache, costs time and never a result.
"""

import contextlib
import os
import stat
import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from penna.data.arrays import Array

Hashes: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]

LIMIT = 2_000_000_000  # bytes of all stores in one folder
_SUFFIX = ".safetensors"
_STALE_SECONDS = 3600.0  # a partial file this old belongs to a process that died


@dataclass(frozen=True)
class Segment:
    """Rows by hash: ``hashes`` (n,) sorted and unique; ``values`` (n, d), or (total,) with ``offsets`` (n + 1,)."""

    hashes: Hashes
    values: Array
    offsets: Array | None = None

    def locate(self, wanted: Hashes) -> tuple[Array, Array]:
        """Return which of the wanted hashes are here (n,) bool, and the row of each (meaningless if it is not)."""
        if not len(self.hashes):
            return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
        rows = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return self.hashes[rows] == wanted, rows


def segment(hashes: Hashes, values: Array, offsets: Array | None = None) -> Segment:
    """Return a segment of rows in any order, each hash once."""
    order = np.argsort(hashes, kind="stable")
    if offsets is None:
        return Segment(hashes[order], np.ascontiguousarray(values[order]))
    index, moved = spans(offsets[:-1][order], np.diff(offsets)[order])
    return Segment(hashes[order], values[index], moved)


def known(segments: Sequence[Segment], hashes: Hashes) -> Array:
    """Return (n,) bool: which hashes have a row in one of the segments."""
    present = np.zeros(len(hashes), bool)
    for part in segments:
        present |= part.locate(hashes)[0]
    return present


def gather(segments: Sequence[Segment], hashes: Hashes, width: int) -> Array:
    """Return (n, width) rows of these hashes; zeros for a hash without a row."""
    out = np.zeros((len(hashes), width), np.float32)
    for part in segments:
        present, rows = part.locate(hashes)
        out[present] = part.values[rows[present]]
    return out


def gather_ragged(segments: Sequence[Segment], hashes: Hashes) -> tuple[Array, Array]:
    """Return (values, offsets) of these hashes' rows; a hash without a row gets an empty one."""
    starts, lengths = np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.int64)
    base = 0
    for part in segments:
        present, rows = part.locate(hashes)
        assert part.offsets is not None  # a key holds rows of one kind
        starts[present] = base + part.offsets[rows[present]]
        lengths[present] = np.diff(part.offsets)[rows[present]]
        base += len(part.values)
    index, offsets = spans(starts, lengths)
    values = np.concatenate([s.values for s in segments]) if segments else np.zeros(0, np.int32)
    return values[index], offsets


def spans(starts: Array, lengths: Array) -> tuple[Array, Array]:
    """Return the flat index of concatenated spans, and the offsets (n + 1,) of the result."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths), offsets


class Store:
    """The segments of one ``key`` under ``folder``. The size limit covers the whole folder with all keys."""

    def __init__(self, folder: Path, key: str, limit: int = LIMIT) -> None:
        self.root = folder
        self.folder = folder / key
        self.limit = limit

    def segments(self, wanted: Hashes | None = None) -> list[Segment]:
        """Return the segments with any of the ``wanted`` rows (None: all), and mark them as used.

        Other segments are not read: a store may hold the rows of many tables. Damaged files are removed.
        """
        if not self.folder.is_dir():
            return []
        loaded = (_load(path, wanted) for path in sorted(self.folder.glob(f"*{_SUFFIX}")))
        return [part for part in loaded if part is not None]

    def holds(self, hashes: Hashes) -> Array:
        """Return (n,) bool: which hashes have a row here, without reading the rows."""
        from safetensors import safe_open

        present = np.zeros(len(hashes), bool)
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(Exception), safe_open(path, framework="np") as file:  # a damaged file has no rows
                present |= np.isin(hashes, file.get_tensor("hashes"))
        return present

    def append(self, segment: Segment) -> None:
        """Store new rows. If the disk refuses, they are not cached, and no error is raised."""
        if len(segment.hashes):
            with contextlib.suppress(OSError):
                _write(self.folder, segment)
                _evict(self.root, self.limit)


def _write(folder: Path, segment: Segment) -> None:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"hashes": segment.hashes, "values": segment.values}
    if segment.offsets is not None:
        arrays["offsets"] = segment.offsets
    name = f"{time.time_ns():x}-{uuid.uuid4().hex[:8]}"
    half = folder / f"{name}.half"
    try:
        half.touch()
        usual = half.stat().st_mode
        save_file(arrays, half, metadata={"crc": str(_crc(arrays))})
        half.chmod(stat.S_IMODE(usual))  # safetensors makes files that only the owner can read
        half.replace(folder / f"{name}{_SUFFIX}")
    except Exception as error:
        half.unlink(missing_ok=True)
        raise OSError(str(error)) from error  # safetensors has its own error for a full disk


def _load(path: Path, wanted: Hashes | None) -> Segment | None:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as file:
            if wanted is not None and not np.isin(wanted, file.get_tensor("hashes")).any():
                return None
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            crc = int((file.metadata() or {})["crc"])
        loaded = Segment(**arrays)
        if crc != _crc(arrays) or not _fits(loaded):
            raise ValueError("its content changed")
        os.utime(path)
    except OSError:  # another process removed it, or it cannot be touched
        return None
    except Exception:  # damaged in some way: the rows are computed again
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None
    return loaded


def _fits(segment: Segment) -> bool:
    if segment.offsets is None:
        return segment.values.ndim == 2 and len(segment.values) == len(segment.hashes)
    return len(segment.offsets) == len(segment.hashes) + 1 and int(segment.offsets[-1]) == len(segment.values)


def _crc(arrays: dict[str, Array]) -> int:
    total = 0
    for name in sorted(arrays):
        total = zlib.crc32(np.ascontiguousarray(arrays[name]).data.cast("B") if arrays[name].size else b"", total)
    return total


def _evict(root: Path, limit: int) -> None:
    """Remove the least recently used files beyond the limit, and partial files of dead processes."""
    for half in root.glob("*/*.half"):
        if time.time() - half.stat().st_mtime > _STALE_SECONDS:
            half.unlink(missing_ok=True)
    files = sorted(((p.stat().st_mtime_ns, p.stat().st_size, p) for p in root.glob(f"*/*{_SUFFIX}")), reverse=True)
    total = 0
    for number, (_, size, path) in enumerate(files):
        total += size
        if total > limit and number:  # the newest file stays: it is in use
            path.unlink(missing_ok=True)
