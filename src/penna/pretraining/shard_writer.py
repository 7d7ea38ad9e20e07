"""The writer of shards: sentences in, files out, and a clear error if the disk is full."""

import io
import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.errors import RunError
from penna.pretraining import corpus, sentences
from penna.pretraining.corpus import Document
from penna.pretraining.vocabulary import Vocabulary

SHARD = 4_000_000  # tokens; a document is never split between two shards

_CHUNK = 1_000_000  # characters that are tokenized at once
_PACKED_BY = 4.0  # typical compression of prose by .xz
_IDS_PER_BYTE = 0.28  # of text; the ends of sentences add a tenth


def dtype(vocabulary: Vocabulary) -> str:
    """Return the smallest dtype that holds every id."""
    return "uint16" if vocabulary.size <= 1 << 16 else "uint32"


def estimate(files: Sequence[Path], vocabulary: Vocabulary) -> int:
    """Estimate the bytes that the tokens of these files take."""
    text = sum(file.stat().st_size * (_PACKED_BY if file.suffix.lower() in corpus.PACKED else 1.0) for file in files)
    return int(text * _IDS_PER_BYTE * np.dtype(dtype(vocabulary)).itemsize)


class Guard:
    """Turns errors of the disk into a RunError that states the space needed."""

    def __init__(self, folder: Path, need: int) -> None:
        self.folder, self.need = folder, need

    def check(self) -> None:
        """Raise RunError if the disk has too little free space to start."""
        free = shutil.disk_usage(self.folder).free
        if free < self.need:
            raise RunError(
                f"{self.folder} has {free / 1e6:,.0f} MB left, and the tokens of this corpus take about {self._size}: "
                "free some space, or give another folder for the cache."
            )

    @property
    def _size(self) -> str:
        return f"{max(1.0, self.need / 1e6):,.0f} MB"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise RunError(
                f"the tokens cannot be written to {self.folder} ({error.strerror or error}): they take about "
                f"{self._size}; free some space, or give another folder for the cache."
            ) from error


def chunks(documents: Iterator[Document]) -> Iterator[tuple[list[str], list[bool]]]:
    """Yield about a million characters of sentences at a time, and whether each is the last of its document."""
    texts: list[str] = []
    lasts: list[bool] = []
    size = 0
    for document in documents:
        parts = sentences.split(document.text)
        for number, sentence in enumerate(parts, 1):
            texts.append(sentence)
            lasts.append(number == len(parts))
            size += len(sentence)
            if size > _CHUNK:
                yield texts, lasts
                texts, lasts, size = [], [], 0
    yield texts, lasts


class Writer:
    """A cache in progress: one shard in memory, the earlier ones on disk."""

    def __init__(self, folder: Path, vocabulary: Vocabulary) -> None:
        import tokenizers

        self.folder, self.dtype, self.unk = folder, dtype(vocabulary), vocabulary.unk
        self.tokenizer = tokenizers.Tokenizer.from_str(vocabulary.tokenizer.to_str())
        self.tokenizer.encode_special_tokens = True  # "[MASK]" in an article about BERT is not a mask
        self.sizes: list[dict[str, int]] = []
        self.tokens = self.documents = self.unknown = self.single = 0
        self._begin()

    def _begin(self) -> None:
        self.ids = array("H" if self.dtype == "uint16" else "I")
        self.ends, self.closes = array("I"), array("I")

    def add(self, texts: list[str], lasts: list[bool]) -> None:
        """Add sentences in order; skip those without a token, and documents without a sentence."""
        for encoding, last in zip(
            self.tokenizer.encode_batch_fast(texts, add_special_tokens=False), lasts, strict=True
        ):
            if ids := encoding.ids:
                self.ids.extend(ids)
                self.ends.append(len(self.ids))
                self.tokens += len(ids)
            if last:
                self._close()

    def _close(self) -> None:
        before = self.closes[-1] if self.closes else 0
        if len(self.ends) > before:
            self.closes.append(len(self.ends))
            self.documents += 1
            self.single += len(self.ends) == before + 1

    def flush_if_full(self) -> None:
        """Write the finished documents if they fill a shard."""
        if self.closes and self.ends[self.closes[-1] - 1] >= SHARD:
            self._flush()

    def _flush(self) -> None:
        sentence = self.closes[-1]
        token = self.ends[sentence - 1]
        parts = {"ids": self.ids[:token], "sentences": self.ends[:sentence], "documents": self.closes}
        for name, values in parts.items():
            _save(self.folder / f"{len(self.sizes):05d}.{name}.npy", _numbers(values))
        self.unknown += int((_numbers(parts["ids"]) == self.unk).sum())
        self.sizes.append({"tokens": token, "sentences": sentence, "documents": len(self.closes)})
        ids, ends = self.ids[token:], self.ends[sentence:]
        self._begin()
        self.ids.extend(ids)
        self.ends.extend(end - token for end in ends)

    def finish(self) -> dict[str, Any]:
        """Write the rest, and return the facts of the whole cache."""
        if self.closes:
            self._flush()
        return {"dtype": self.dtype, "sizes": self.sizes, "unknown": self.unknown, "single": self.single}


def _numbers(values: "array[int]") -> Array:
    return np.frombuffer(values, {"H": "uint16", "I": "uint32"}[values.typecode])


def _save(path: Path, values: Array) -> None:
    """Write a .npy file by way of memory: NumPy does not notice a full disk when it writes to a file."""
    memory = io.BytesIO()
    np.save(memory, values, allow_pickle=False)
    with path.open("wb") as file:
        file.write(memory.getbuffer())
        file.flush()
        os.fsync(file.fileno())
