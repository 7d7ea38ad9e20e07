"""Load files of an artifact without trust in their content.

A file must be a regular one of plausible size before a byte of it is read. An array's header is checked before memory
is allocated. JSON is shallow, and its numbers are finite. Any other fault ends in a BundleError.
"""

import io
import json
import math
import os
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from penna import native_calls
from penna.data.arrays import Array
from penna.errors import BundleError, SettingError

#: Maximum bytes of a JSON file, unless its reader sets another bound.
SMALL = 1 << 20
#: Maximum nesting; Penna's own JSON is not half as deep.
DEEPEST = 16
#: Maximum values, and lists and objects, of one file: each takes many times its written bytes.
_MOST_VALUES, _MOST_HOLDERS = 10_000_000, 2_000_000
#: Maximum arrays of one file: imputation has most, and not half as many.
_MOST_ARRAYS = 64
#: Maximum bytes of the header and the metadata of an array file.
_LARGEST_HEADER = 8 << 20
#: Exceptions that reading and checking content can raise.
DAMAGE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RecursionError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Convert anything that reading and checking this file raises to a BundleError of one sentence."""
    try:
        yield
    except SettingError as error:
        raise BundleError(f"{path} needs a feature that this Penna lacks: {str(error)[:300]}") from error
    except FileNotFoundError as error:
        raise BundleError(f"{error.filename or path} is missing: copy the artifact again.") from error
    except PermissionError as error:
        raise BundleError(f"{error.filename or path} may not be read by this user: grant read permission.") from error
    except BaseException as error:
        if not isinstance(error, DAMAGE) and not native_calls.panicked(error):
            raise
        raise BundleError(f"{path} is damaged ({brief(error)}): copy the artifact again.") from error


def brief(error: BaseException) -> str:
    """Return an error's first line, shortened; its type if the line is empty or only a name.

    >>> brief(KeyError("weight")), brief(MemoryError()), brief(ValueError("it is too large"))
    ("KeyError: 'weight'", 'MemoryError', 'it is too large')
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    first = lines[0][:160] if lines else ""
    if not first:
        return type(error).__name__
    return first if type(error) is ValueError else f"{type(error).__name__}: {first}"


def regular(path: Path, largest: int) -> int:
    """Return the size of a regular file.

    Raises BundleError for anything else (a link, a pipe, a device, a folder), and for a file of more than ``largest``
    bytes.
    """
    with damaged(path):
        status = path.lstat()
    _check(path, status, largest)
    return status.st_size


@contextmanager
def opened(path: Path, largest: int) -> Iterator[io.BufferedReader]:
    """Yield a regular file of at most ``largest`` bytes, open for reading.

    Raises BundleError for anything else, and OSError.
    """
    regular(path, largest)
    # The file may change between check and open: links are not followed, and pipes are not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check(path, os.fstat(file.fileno()), largest)
        yield file


def content(path: Path, largest: int) -> bytes:
    """Return the bytes of a regular file of at most ``largest`` bytes. Raises BundleError."""
    with damaged(path), opened(path, largest) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def _check(path: Path, status: os.stat_result, largest: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path} is no regular file, and Penna writes no others: do not trust this artifact.")
    if status.st_size > largest:
        raise BundleError(f"{path} has {status.st_size:,} bytes, more than Penna ever writes: do not trust it.")


def load_json(path: Path, largest: int = SMALL) -> dict[str, Any]:
    """Return the JSON object in a file of at most ``largest`` bytes. Raises BundleError."""
    raw = content(path, largest)
    with damaged(path):
        if isinstance(value := parsed(raw), dict):
            return value
        raise ValueError("it is no JSON object")


def parsed(raw: bytes | str) -> Any:
    """Parse JSON with bounds: finite numbers, integers of 64 bits, limited depth and number of values.

    Raises ValueError beyond ``DEEPEST`` and the other bounds.

    >>> parsed('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> parsed("[" * 10_000)
    Traceback (most recent call last):
    ValueError: it is nested too deep
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        if text.count(",") > _MOST_VALUES or text.count("[") + text.count("{") > _MOST_HOLDERS:
            raise ValueError("it holds too many values")
        value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [part for whole in level for part in _parts(whole) if isinstance(part, dict | list)]
    if level:
        raise ValueError("it is nested too deep")
    return value


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _whole(digits: str) -> int:
    value = int(digits) if len(digits) < 20 else 1 << 63
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"a number of {len(digits)} digits")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is no finite number")
    return value


def load_arrays(path: Path, largest: int, kinds: Mapping[str, Any] | None = None) -> dict[str, Array]:
    """Return the arrays of a .safetensors or .npz file of at most ``largest`` bytes, which take no more in memory.

    ``kinds`` maps required arrays to their types; float arrays must be finite. Other arrays are allowed. Raises
    BundleError.
    """
    return load_described(path, largest, kinds)[0]


def load_described(
    path: Path, largest: int, kinds: Mapping[str, Any] | None = None
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays as ``load_arrays`` does, and the file's metadata."""
    with damaged(path):
        if path.suffix == ".npz":
            arrays, about = _npz(content(path, largest)), dict[str, str]()
        else:
            regular(path, largest)
            arrays, about = _safetensors(path)
        for name, kind in (kinds or {}).items():
            if name not in arrays:
                raise ValueError(f"it lacks {name}")
            _of_kind(name, arrays[name], kind)
        return arrays, about


def _of_kind(name: str, array: Array, kind: Any) -> None:
    if array.dtype != kind:
        raise ValueError(f"{name} is of type {array.dtype}, not {np.dtype(kind)}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds what is no finite number")


def _safetensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    with opened(path, path.lstat().st_size) as raw:
        if int.from_bytes(raw.read(8), "little") > _LARGEST_HEADER:
            raise ValueError("its header is larger than any that Penna writes")
    try:
        with safe_open(path, framework="numpy") as file:  # compares sizes with the file's before it reads
            names = list(file.keys())
            if len(names) > _MOST_ARRAYS:
                raise ValueError(f"it holds {len(names):,} arrays")
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _npz(raw: bytes) -> dict[str, Array]:
    """Read the arrays of an uncompressed .npz file, as ``np.savez`` writes it; nothing can expand."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(names) > _MOST_ARRAYS or len(set(names)) != len(names):
            raise ValueError("it holds too many arrays, or one twice")
        if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members):
            raise ValueError("its arrays are compressed")
        if sum(member.file_size for member in members) > len(raw):
            raise ValueError("its arrays are larger than the file")
        return {name.removesuffix(".npy"): _npy(archive.read(name)) for name in names}


def _npy(raw: bytes) -> Array:
    """Read one array after a check of its header."""
    from numpy.lib import format as npy

    file = io.BytesIO(raw)
    if npy.read_magic(file) != (1, 0):
        raise ValueError("an array of another format")
    shape, by_columns, kind = npy.read_array_header_1_0(file)
    if kind.kind not in "biufSU" or kind.hasobject or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"an array of type {kind}")
    if math.prod(shape) * kind.itemsize != len(raw) - file.tell():
        raise ValueError("an array of another size than its header says")
    flat: Array = np.frombuffer(raw, kind, offset=file.tell()) if math.prod(shape) else np.zeros(0, kind)
    return flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)
