"""A corpus as token ids on disk, written once and memory-mapped. Knows files and numbers; never an example or a batch.

A cache is a folder ``tokens-KEY``; the key is a hash of corpus, tokenizer and format. It is written under another name
and renamed when it is complete, so a kill or a full disk never leaves a partial cache.
"""

import contextlib
import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from penna.data.arrays import Array
from penna.data.readers.read_notes import Notes
from penna.environment import expanded
from penna.errors import RunError, TableError
from penna.pretraining import corpus, shard_writer
from penna.pretraining.corpus import Document
from penna.pretraining.plain_text import Apart
from penna.pretraining.vocabulary import Vocabulary

FORMAT = 1  # increases when files or sentences change

_STALE_SECONDS = 600.0  # a partial cache this old belongs to a process that died

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Shard:
    """Some documents: token ids, the end of each sentence in ids, the end of each document in sentences."""

    ids: Array  # (tokens,) uint16 or uint32
    sentences: Array  # (sentences,) uint32
    documents: Array  # (documents,) uint32


@dataclass(frozen=True)
class Size:
    """The size of a shard, or of all shards."""

    tokens: int
    sentences: int
    documents: int


@dataclass(frozen=True)
class Tokens:
    """A complete cache.

    ``unknown`` counts unknown tokens, ``single`` documents of one sentence. ``findings`` are messages about faults of
    the corpus.
    """

    folder: Path
    dtype: str
    sizes: tuple[Size, ...]
    unknown: int
    single: int
    findings: tuple[str, ...]

    @property
    def total(self) -> Size:
        """The size of all shards together."""
        return Size(*(sum(getattr(s, name) for s in self.sizes) for name in ("tokens", "sentences", "documents")))

    @property
    def single_share(self) -> float:
        """The share of documents with one sentence: they have nothing to order."""
        return self.single / self.total.documents

    @property
    def unknown_share(self) -> float:
        """The share of unknown tokens: high if the tokenizer is for another language."""
        return self.unknown / self.total.tokens

    def shard(self, number: int) -> Shard:
        """Return a memory-mapped shard. Raise RunError if its files are damaged."""
        try:
            ids, *ends = (
                np.load(self.folder / f"{number:05d}.{part}.npy", mmap_mode="r", allow_pickle=False)
                for part in ("ids", "sentences", "documents")
            )
            shard = Shard(ids, *ends)
            if not _agrees(shard, self.sizes[number], self.dtype):
                raise ValueError("its files changed")
        except (OSError, ValueError, EOFError) as error:
            raise RunError(
                f"the tokens in {self.folder} are damaged at part {number} ({error}): delete that folder."
            ) from error
        return shard


def build(
    paths: Sequence[str | Path],
    vocabulary: Vocabulary,
    folder: Path,
    progress: Progress = lambda documents, tokens: None,
    *,
    field: str | None = None,
    apart: Apart = "auto",
) -> Tokens:
    """Return the corpus's tokens from ``folder``, or write them there; ``progress`` gets documents and tokens so far.

    Raises TableError if the corpus has no text, RunError if there is no room for its tokens.
    """
    folder = expanded(folder)
    target = folder / f"tokens-{_key(paths, vocabulary, field, apart)}"
    with contextlib.suppress(RunError):
        return opened(target)
    half = folder / f"{target.name}.{uuid.uuid4().hex[:8]}.half"
    notes = Notes()
    guard = shard_writer.Guard(folder, shard_writer.estimate(corpus.files(paths), vocabulary))
    try:
        with guard:
            _clear(folder)
            half.mkdir(parents=True)
        guard.check()
        _write(corpus.documents(paths, notes, field, apart), vocabulary, half, notes, progress, guard)
        with guard:
            _rename(half, target)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return opened(target)


def opened(folder: Path) -> Tokens:
    """Return the cache in this folder after a check of all file sizes. Raise RunError if it is damaged."""
    try:
        facts = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT:
            raise ValueError("another version of Penna wrote it")
        sizes = tuple(Size(**size) for size in facts.pop("sizes"))
        findings = tuple(str(finding) for finding in facts.pop("findings"))
        tokens = Tokens(folder, sizes=sizes, findings=findings, **facts)
        counts = [n for size in sizes for n in asdict(size).values()]
        if not counts or not all(type(n) is int and n > 0 for n in counts) or tokens.dtype not in ("uint16", "uint32"):
            raise ValueError("its sizes make no sense")
        if not all(type(n) is int and n >= 0 for n in (tokens.unknown, tokens.single)):
            raise ValueError("its counts make no sense")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder} does not hold the tokens of a corpus ({error}): delete that folder.") from error
    for number in range(len(sizes)):
        tokens.shard(number)
    return tokens


def _agrees(shard: Shard, size: Size, dtype: str) -> bool:
    whole = all(part.ndim == 1 for part in (shard.ids, shard.sentences, shard.documents))
    return (
        whole
        and (len(shard.ids), len(shard.sentences), len(shard.documents))
        == (size.tokens, size.sentences, size.documents)
        and shard.ids.dtype == dtype
        and shard.sentences.dtype == shard.documents.dtype == np.uint32
        and int(shard.sentences[-1]) == size.tokens
        and int(shard.documents[-1]) == size.sentences
    )


def _key(paths: Sequence[str | Path], vocabulary: Vocabulary, field: str | None, apart: str) -> str:
    facts = [FORMAT, corpus.fingerprint(paths), field, apart, vocabulary.tokenizer.to_str()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _write(
    documents: Iterator[Document],
    vocabulary: Vocabulary,
    half: Path,
    notes: Notes,
    progress: Progress,
    guard: shard_writer.Guard,
) -> None:
    writer = shard_writer.Writer(half, vocabulary)
    for texts, lasts in shard_writer.chunks(documents):
        writer.add(texts, lasts)
        with guard:
            writer.flush_if_full()
        progress(writer.documents, writer.tokens)
    if not writer.tokens:
        raise TableError("the tokenizer makes no tokens of this corpus: choose another tokenizer.")
    with guard:
        facts = writer.finish() | {"findings": [finding.message for finding in notes.findings()], "format": FORMAT}
        (half / "tokens.json").write_text(json.dumps(facts), encoding="utf-8")


def _clear(folder: Path) -> None:
    for half in folder.glob("tokens-*.half"):
        if time.time() - half.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(half, ignore_errors=True)


def _rename(half: Path, target: Path) -> None:
    """Move the complete cache to its place, unless another process was faster."""
    with contextlib.suppress(RunError):
        opened(target)
        return
    shutil.rmtree(target, ignore_errors=True)  # damaged
    half.replace(target)
