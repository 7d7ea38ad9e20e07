"""A corpus as token ids on disk, written once and memory-mapped. Knows files and numbers; never an example or a batch.

A cache is a folder ``tokens-KEY``, where the key stands for corpus, tokenizer and format. It is written under another
name and renamed when it is whole, so a kill or a full disk leaves nothing that could be taken for one.
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

FORMAT = 1  # goes up when files or sentences would come out differently

_STALE_SECONDS = 600.0  # a half-written cache this old belongs to a process that died

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Shard:
    """Some documents: ids, where each sentence ends among the ids, where each document ends among the sentences."""

    ids: Array  # (tokens,) uint16 or uint32
    sentences: Array  # (sentences,) uint32
    documents: Array  # (documents,) uint32


@dataclass(frozen=True)
class Size:
    """How much a shard, or all of them, hold."""

    tokens: int
    sentences: int
    documents: int


@dataclass(frozen=True)
class Tokens:
    """A whole cache.

    ``unknown`` counts unknown tokens, ``single`` documents of one sentence; ``findings`` are what was wrong with the
    corpus, in sentences.
    """

    folder: Path
    dtype: str
    sizes: tuple[Size, ...]
    unknown: int
    single: int
    findings: tuple[str, ...]

    @property
    def total(self) -> Size:
        return Size(*(sum(getattr(s, name) for s in self.sizes) for name in ("tokens", "sentences", "documents")))

    @property
    def single_share(self) -> float:
        """Share of documents with one sentence, in which there is nothing to order."""
        return self.single / self.total.documents

    @property
    def unknown_share(self) -> float:
        """Share of tokens that the tokenizer does not know: high where it was made for another language."""
        return self.unknown / self.total.tokens

    def shard(self, number: int) -> Shard:
        """Memory-mapped. Raises RunError where its files are not what was written."""
        try:
            ids, *ends = (
                np.load(self.folder / f"{number:05d}.{part}.npy", mmap_mode="r", allow_pickle=False)
                for part in ("ids", "sentences", "documents")
            )
            shard = Shard(ids, *ends)
            if not _agrees(shard, self.sizes[number], self.dtype):
                raise ValueError("it is not what was written")
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
    """Return the corpus's tokens, found in ``folder`` or made there; ``progress`` gets documents and tokens so far.

    Raises TableError where the corpus holds no text, RunError where there is no room for its tokens.
    """
    folder = expanded(folder)
    made = folder / f"tokens-{_key(paths, vocabulary, field, apart)}"
    with contextlib.suppress(RunError):
        return opened(made)
    half = folder / f"{made.name}.{uuid.uuid4().hex[:8]}.half"
    notes = Notes()
    guard = shard_writer.Guard(folder, shard_writer.estimate(corpus.files(paths), vocabulary))
    try:
        with guard:
            _clear(folder)
            half.mkdir(parents=True)
        guard.check()
        _write(corpus.documents(paths, notes, field, apart), vocabulary, half, notes, progress, guard)
        with guard:
            _rename(half, made)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return opened(made)


def opened(folder: Path) -> Tokens:
    """Return the cache in this folder, every file checked for its size. Raises RunError."""
    try:
        found = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        if found.pop("format") != FORMAT:
            raise ValueError("of another version of Penna")
        sizes = tuple(Size(**size) for size in found.pop("sizes"))
        findings = tuple(str(finding) for finding in found.pop("findings"))
        tokens = Tokens(folder, sizes=sizes, findings=findings, **found)
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
        raise TableError("the tokenizer makes no tokens of this corpus: take another tokenizer.")
    with guard:
        facts = writer.finish() | {"findings": [finding.message for finding in notes.findings()], "format": FORMAT}
        (half / "tokens.json").write_text(json.dumps(facts), encoding="utf-8")


def _clear(folder: Path) -> None:
    for half in folder.glob("tokens-*.half"):
        if time.time() - half.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(half, ignore_errors=True)


def _rename(half: Path, made: Path) -> None:
    """Move the whole cache into its place, unless another process was quicker."""
    with contextlib.suppress(RunError):
        opened(made)
        return
    shutil.rmtree(made, ignore_errors=True)  # damaged
    half.replace(made)
