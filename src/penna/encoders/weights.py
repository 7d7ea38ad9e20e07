"""The weight files of a checkpoint, without loading them: their names, integrity and sizes.

Only safetensors: a pickle is refused, because it can run code when it is opened.
"""

import hashlib
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penna.errors import EncoderError

MEGABYTE = 1e6
_HEADER_LIMIT = 100_000_000  # the format's own ceiling for a header


def weight_files(name: str, folder: Path) -> list[Path]:
    """Return the safetensors files, a single one or shards. Raise EncoderError if one is missing."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            parts = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EncoderError(f"encoder {name!r}: {index} cannot be read ({error}): get it again.") from error
        missing = [p for p in parts if Path(p).name != p or not (folder / p).is_file()]
        if not missing:
            return [folder / p for p in parts]
        raise EncoderError(f"encoder {name!r}: {missing[0]} is missing in {folder}: get it again.")
    if any(folder.glob("pytorch_model*.bin")):
        raise EncoderError(
            f"encoder {name!r} has only pickled weights ({folder}/pytorch_model.bin), which can run code: if "
            "you trust them, convert them once: AutoModel.from_pretrained(folder).save_pretrained(folder)."
        )
    raise EncoderError(f"encoder {name!r}: {folder} holds no model.safetensors: get the checkpoint's weights.")


def _header(name: str, file: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the raw and the parsed header of a safetensors file after a check of its length."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError("its header is too long")
            raw = stream.read(length)
        tensors = {k: v for k, v in json.loads(raw).items() if k != "__metadata__"}
        if 8 + length + max(v["data_offsets"][1] for v in tensors.values()) != file.stat().st_size:
            raise ValueError("its length does not agree with its header")
        if not all(type(edge) is int for v in tensors.values() for edge in v["shape"]):
            raise ValueError("its shapes are not numbers")
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise EncoderError(f"encoder {name!r}: {file} is damaged ({error}): get it again.") from error
    return raw, tensors


def sizes(name: str, files: list[Path]) -> tuple[float, float]:
    """Return the megabytes of the encoder in float32, as it is served, and the part of them in layers."""
    total = layered = 0.0
    for file in files:
        for tensor, facts in _header(name, file)[1].items():
            size = 4.0
            for edge in facts["shape"]:
                size *= edge
            layer = ".layer." in tensor or ".albert_layers." in tensor
            if layer or "embeddings" in tensor or "encoder." in tensor:  # without heads and pooler
                total += size
                layered += size * layer
    return total / MEGABYTE, layered / MEGABYTE


def fingerprint(small_files: Iterable[Path], files: list[Path]) -> str:
    """Return a hash of the small files and 256 samples of each weights file: fine-tunes differ almost everywhere."""
    digest = hashlib.sha256()
    for small in small_files:
        if small.is_file():
            digest.update(small.name.encode() + hashlib.sha256(small.read_bytes()).digest())
    for file in files:
        size = file.stat().st_size
        digest.update(str(size).encode())
        with file.open("rb") as stream:
            for part in range(256):
                stream.seek(size * part // 256)
                digest.update(stream.read(8192))
    return digest.hexdigest()[:16]
