"""Attacks on the folder of an artifact: one at random, with its checksums and its digest computed anew or left as they
are. Knows files; never what a model does with them.
"""

import hashlib
import io
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: What no reader should take in place of a value.
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 17, 0.5, -0.0, 1e300, -1e300, float("nan"), float("inf"), 1 << 31, 1 << 40,
    1 << 63, 10**30, 10**400, "", "x", "../..", "/etc/passwd", "\x00", "é" * 300, "linear", "pipeline", "ensemble",
    [], {}, [0], [[]], {"a": 1}, [None] * 3, ["x"] * 1000,
)  # fmt: skip


def attack(folder: Path, chance: random.Random) -> str:
    """Change one thing in the folder of an artifact; what was done."""
    whole = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README.md")
    path = chance.choice(whole)
    if chance.random() < 0.1:
        return f"{path.name}: {chance.choice(STRUCTURE)(path, chance)}"
    ways: list[Callable[[Path, random.Random], str]] = [of_bytes]
    ways += [of_json] * 6 * (path.suffix == ".json") + [of_npz] * 3 * (path.suffix == ".npz")
    ways += [of_safetensors] * 4 * (path.suffix == ".safetensors")
    return f"{path.name}: {chance.choice(ways)(path, chance)}"


def seal(folder: Path, sums: bool = True) -> None:
    """Make every checksum (of ``sums``) and the digest agree with what lies there, as far as that can be."""
    path = folder / "manifest.json"
    try:
        if path.stat().st_size > 1 << 28 or not path.is_file():
            return
        said = json.loads(path.read_bytes())
        parts = sorted(p for p in (folder / "parts").rglob("*") if p.is_file() and not p.is_symlink())
        if sums and isinstance(said.get("files"), dict):
            found = {p.relative_to(folder).as_posix(): p for p in parts if p.stat().st_size < 1 << 28}
            said["files"] |= {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in found.items()}
            said["files"] = {n: v for n, v in said["files"].items() if n == "README.md" or (folder / n).exists()}
        card, before = folder / "README.md", str(said.pop("digest", ""))
        blank = json.dumps({"digest": "0" * 64, **said}, indent=1, ensure_ascii=False)
        digest = hashlib.sha256(blank.encode("utf-8", "surrogatepass")).hexdigest()
        path.write_bytes(blank.replace("0" * 64, digest, 1).encode("utf-8", "surrogatepass"))
        if len(before) == 64 and card.exists():
            card.write_bytes(card.read_bytes().replace(before.encode(), digest.encode()))
    except (OSError, ValueError, AttributeError, RecursionError, TypeError):  # the manifest is what was attacked
        return


def of_bytes(path: Path, chance: random.Random) -> str:
    raw = bytearray(path.read_bytes())
    at, how = chance.randrange(len(raw) + 1), chance.randrange(6)
    if how == 0 and raw:
        for _ in range(chance.choice((1, 1, 1, 8))):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    elif how == 1:
        del raw[at:]
    elif how == 2:
        raw[at:at] = chance.randbytes(chance.choice((1, 8, 4096)))
    elif how == 3:
        del raw[at : at + chance.choice((1, 4, 64))]
    elif how == 4:
        raw[at : at + 16] = bytes(16)
    else:
        raw = raw * 2
    path.write_bytes(raw)
    return f"bytes {how} at {at}"


def of_json(path: Path, chance: random.Random) -> str:
    """One value at random becomes another, goes, comes twice, or is nested without end."""
    said = json.loads(path.read_bytes())
    places = list(_places(said))
    if not places:
        return of_bytes(path, chance)
    holder, key = chance.choice(places)
    how, was = chance.randrange(8), repr(holder[key])[:40]
    if how < 4:
        holder[key] = chance.choice(ODD)
    elif how == 4:
        del holder[key]
    elif how == 5 and isinstance(holder, list):
        holder.insert(chance.randrange(len(holder) + 1), holder[key])
    elif how == 6 and isinstance(holder[key], int | float):
        holder[key] = holder[key] * chance.choice((-1, 0, 2, 1000, 1 << 20)) + chance.choice((-1, 0, 1))
    else:
        text = json.dumps(said).replace(json.dumps(holder[key]), "[" * 10_000 + "]" * 10_000, 1)
        path.write_text(text)
        return f"{key} nested"
    path.write_text(json.dumps(said))
    return f"{key} was {was}, {how}"


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield value, key
        yield from _places(part)


def of_npz(path: Path, chance: random.Random) -> str:
    with np.load(path) as file:
        arrays = dict(file)
    name, how = chance.choice(sorted(arrays)), chance.randrange(4)
    if how < 2:
        arrays[name] = _other(arrays[name], chance)
        np.savez(path, **arrays)
    elif how == 2:
        del arrays[name]
        np.savez(path, **arrays)
    else:
        _bomb(path, name, arrays)
    return f"{name}, {how}"


def _bomb(path: Path, name: str, arrays: dict[str, np.ndarray]) -> None:
    """Few bytes that unpack to many gigabytes: of zeros, which pack well, only as much is made as can be made here."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in arrays.items():
            one = io.BytesIO()
            np.save(one, np.zeros((4096, 4096), np.float32) if key == name else array)
            archive.writestr(f"{key}.npy", one.getvalue())


def _other(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """An array of another type, shape or content."""
    flat = array.ravel()
    with np.errstate(all="ignore"):
        made: list[Callable[[], np.ndarray]] = [
            lambda: array.astype(chance.choice((np.float64, np.float16, np.int64, np.uint8, np.bool_, "U8"))),
            lambda: flat,
            lambda: flat[: len(flat) // 2],
            lambda: array[..., None],
            lambda: np.concatenate([array, array]) if array.ndim else array,
            lambda: array.T,
            lambda: np.zeros((0, *array.shape[1:]), array.dtype),
            lambda: _spoilt(array, chance.choice((np.nan, np.inf, -np.inf, 1e30, -1, 1 << 30))),
        ]
        return chance.choice(made)()


def _spoilt(array: np.ndarray, value: float) -> np.ndarray:
    copy = np.array(array)
    if copy.size and copy.dtype.kind in "fiu":
        copy.ravel()[0] = np.array(value).astype(copy.dtype)
    return copy


def of_safetensors(path: Path, chance: random.Random) -> str:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    if chance.random() < 0.4:
        return _of_header(path, chance)
    with safe_open(path, "numpy") as file:
        arrays, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    name = chance.choice(sorted(arrays))
    arrays[name] = np.ascontiguousarray(_other(arrays[name], chance))
    if arrays[name].dtype.kind == "U":
        del arrays[name]
    save_file(arrays, path, metadata=_resigned(about, arrays))
    return f"{name} is another array"


def _resigned(about: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A linear model's own digest computed anew, too."""
    if not about or "digest" not in about:
        return about
    total = hashlib.blake2b(about["settings"].encode(), digest_size=16)
    for name in ("buckets", "idf", "coef", "intercept"):
        if name in arrays:
            total.update(f"{name}{arrays[name].shape}{arrays[name].dtype}".encode())
            total.update(np.ascontiguousarray(arrays[name]).data)
    return {**about, "digest": total.hexdigest()}


def _of_header(path: Path, chance: random.Random) -> str:
    """A value in the header becomes another: a type, a shape, a place, the settings."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    holder, key = chance.choice(list(_places(header)))
    holder[key] = chance.choice(ODD)
    made = json.dumps(header).encode("utf-8", "surrogatepass")
    path.write_bytes(len(made).to_bytes(8, "little") + made + raw[8 + size :])
    return f"header, {key}"


def _gone(path: Path, chance: random.Random) -> str:
    path.unlink()
    return "gone"


def _pipe(path: Path, chance: random.Random) -> str:
    path.unlink()
    os.mkfifo(path)
    return "a pipe"


def _link(path: Path, chance: random.Random) -> str:
    path.unlink()
    path.symlink_to(chance.choice(("/dev/zero", "/etc/passwd", "..", "nowhere", path.name)))
    return "a link"


def _folder(path: Path, chance: random.Random) -> str:
    path.unlink()
    path.mkdir()
    return "a folder"


def _huge(path: Path, chance: random.Random) -> str:
    with path.open("ab") as file:
        file.truncate(1 << 42)
    return "of 4 TB"


def _empty(path: Path, chance: random.Random) -> str:
    path.write_bytes(b"")
    return "empty"


def _more(path: Path, chance: random.Random) -> str:
    path.with_name("n" * 250).write_bytes(b"more")
    return "another next to it"


def _within(path: Path, chance: random.Random) -> str:
    target = path.parent / chance.choice(("model", "0-linear", "1-frozen", "parts", "outliers"))
    if target.exists():
        shutil.rmtree(target)
        target.symlink_to(chance.choice(("..", ".", "/", "../..")))
        return f"{target.name} is a link"
    shutil.copytree(path.parent, target, ignore=shutil.ignore_patterns("model", "parts"))
    return f"a copy of its folder within, as {target.name}"


STRUCTURE = (_gone, _pipe, _link, _folder, _huge, _empty, _more, _within)
