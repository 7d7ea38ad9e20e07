"""The runner of an encoder's artefact: texts in, one row of numbers each out.

Knows numpy, tokenizers and onnxruntime; never torch. Trusts no file: a graph is compared with what Penna would write
(``blueprint``), a tokenizer with the kinds that encoders have (``tokenizer_file``), before native code sees either.

graph.onnx       ids and mask (b, s) int32 -> (b, k) float32: logits, or pooled vectors where no head was written;
                 types, too, where the second text of a pair has its own
tokenizer.json   neither cuts nor pads
encoder.json     format, length, pooling, outputs, padding id ...; how texts are framed, where they are pairs or read by
                 windows
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import hardware, safe_load
from penna.data.arrays import Array, unit_length
from penna.encoders import tokenizer_file
from penna.encoders.sliding_windows import Framed
from penna.encoders.tokens import Ragged, padded, seconds
from penna.encoders.tokens import types as token_types
from penna.errors import BundleError
from penna.onnx_graphs import encoder_config, verify_graph
from penna.onnx_graphs.encoder_config import FACTS, Facts

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

GRAPH, TOKENIZER = "graph.onnx", "tokenizer.json"
_LARGEST = {GRAPH: 2 << 30, TOKENIZER: tokenizer_file.LARGEST}
#: Texts that are tokenised and sorted at once.
_CHUNK = 4096
#: Sessions that a forked child inherited: their threads are not there, so that they can be neither run nor ended.
_INHERITED: list[Any] = []


class Graph:
    """An opened encoder; safe to use from several threads, and in a forked child."""

    def __init__(self, folder: Path, facts: Facts, tokenizer: "tokenizers.Tokenizer", threads: int) -> None:
        self.folder = folder
        self.facts = facts
        self.threads = threads
        self._tokenizer = tokenizer
        self._session = _session(folder, threads, facts)
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, threads: int | None = None) -> "Graph":
        """Open what ``write_graph`` wrote; ``threads`` None takes every processor. Raises BundleError."""
        facts = encoder_config.read(folder)
        known = _known(folder, facts)
        return cls(folder, facts, _tokenizer(folder, facts, known), threads or hardware.cores())

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Array:
        """(n, k) float32, in the order of the texts, or pairs of them.

        A text of more than ``length`` tokens is cut, or read by windows, whose mean is its answer.
        """
        out = np.empty((len(texts), self.facts.outputs), np.float32)
        for start in range(0, len(texts), _CHUNK):
            framed = self.framed(texts[start : start + _CHUNK])
            found = np.empty((len(framed.rows), self.facts.outputs), np.float32)
            for index in _batches(framed.rows.lengths.tolist()):
                found[index] = self._infer(framed.rows, np.array(index))
            out[start : start + _CHUNK] = framed.mean(found)
        return unit_length(out) if self.facts.unit else out

    def each(self, rows: Ragged) -> list[Array]:
        """(tokens, k) float32 for each row, of a graph that answers for every token."""
        out: list[Array] = [np.zeros((0, self.facts.outputs), np.float32)] * len(rows)
        for index in _batches(rows.lengths.tolist()):
            for i, found in zip(index, self._infer(rows, np.array(index)), strict=True):
                out[i] = found[: rows.lengths[i]]
        return out

    @property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        """It neither cuts nor fills up where texts are read by windows."""
        return self._tokenizer

    def framed(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Framed:
        """Return the rows of tokens that stand for these texts."""
        framing = self.facts.framing
        if framing is None:
            whole = _ragged([ids or [self.facts.pad] for ids in self._ids(texts, True)], self.facts.pad)
            no = np.zeros(len(whole), bool)
            return Framed(whole, np.arange(len(whole) + 1), no, no)
        most = framing.most - len(framing.frame.before) - len(framing.frame.after)
        sides = (texts,) if framing.sides == 1 else tuple(zip(*texts, strict=True)) or ((), ())
        rows = [[ids[:most] for ids in self._ids(side, False)] for side in sides]
        return framing([_ragged(side, self.facts.pad) for side in rows])

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text's (first) row."""
        framed = self.framed(texts)
        first = framed.rows.take(framed.starts[:-1])
        return [part.tolist() for part in np.split(first.values, first.offsets[1:-1])] if len(texts) else []

    def _ids(self, texts: Sequence[Any], special: bool) -> list[list[int]]:
        # A lone surrogate cannot pass into the tokenizer: it becomes a question mark.
        clean = [t[: self.facts.characters].encode("utf-8", "replace").decode("utf-8") for t in texts]
        with tokenizer_file.fine(self.folder / TOKENIZER, "does not work"):
            return [e.ids for e in self._tokenizer.encode_batch_fast(clean, add_special_tokens=special)]

    def _infer(self, all_rows: Ragged, index: Array) -> Array:
        rows = all_rows.take(index)
        ids, mask = padded(rows, np.arange(len(rows)))
        types_of = seconds if self.facts.pooling == "sides" else token_types
        types = types_of(rows, np.arange(len(rows)), ids.shape[1])
        given = {name: array for name, array in (("ids", ids), ("mask", mask), ("types", types)) if array is not None}
        with tokenizer_file.fine(self.folder / GRAPH, "does not run"):
            out: Array = self._live().run(None, {name: array.astype(np.int32) for name, array in given.items()})[0]
        every = (ids.shape[1],) if self.facts.pooling == "none" else ()
        if out.shape != (len(rows), *every, self.facts.outputs):
            raise BundleError(
                f"{self.folder / GRAPH} gives {out.shape} where {FACTS} says "
                f"{(len(rows), *every, self.facts.outputs)}: copy the artefact again."
            )
        if not np.isfinite(out).all():
            raise BundleError(f"{self.folder / GRAPH} gives what is no number: its weights are damaged; copy it again.")
        return out

    def _live(self) -> "onnxruntime.InferenceSession":
        if self._process != os.getpid():
            _INHERITED.append(self._session)
            self._session = _session(self.folder, self.threads, self.facts)
            self._process = os.getpid()
        return self._session


def _ragged(rows: Sequence[Sequence[int]], pad: int) -> Ragged:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    values = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
    return Ragged(values, offsets, np.diff(offsets), pad)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions, shortest rows first, so many at a time that the padded batch holds no more than so many tokens."""
    order = np.argsort(lengths, kind="stable").tolist()
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > verify_graph.BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _session(folder: Path, threads: int, facts: Facts) -> "onnxruntime.InferenceSession":
    """Of a graph that was checked; by its path, since of bytes onnxruntime would keep a second copy."""
    return started(folder / GRAPH, str(folder / GRAPH), threads)


def started(path: Path, model: str | bytes, threads: int) -> "onnxruntime.InferenceSession":
    """Return a session of a checked model, given by its path or its bytes."""
    import onnxruntime

    with tokenizer_file.fine(path, "is damaged"):
        return onnxruntime.InferenceSession(
            model, options(threads), providers=["CPUExecutionProvider"], enable_fallback=0
        )


def options(threads: int) -> "onnxruntime.SessionOptions":
    """How every session runs: on so many threads, which wait busily for a moment only."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors come as exceptions anyway
    # The operators are fused already; looking for more would only cost time.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Threads wait busily for 20 us: enough for the gap between two operators, where sleeping would cost a third of a
    # short text's time; longer, and next to other work they would take the processor from the thread they wait for.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _known(folder: Path, facts: Facts) -> int:
    """How many ids the graph knows. Raises BundleError unless it is one that Penna writes, as encoder.json says."""
    path = folder / GRAPH
    with foreign(path, _LARGEST[GRAPH]):
        return verify_graph.check_encoder(path, facts)


@contextmanager
def foreign(path: Path, largest: int) -> Iterator[None]:
    """Whatever a look at this graph raises, as a BundleError; first at its size."""
    safe_load.regular(path, largest)
    try:
        yield
    except safe_load.DAMAGE as error:
        why = safe_load.brief(error)
        raise BundleError(f"{path} is not a graph that Penna wrote ({why}): do not trust this artefact.") from error


def _tokenizer(folder: Path, facts: Facts, known: int) -> "tokenizers.Tokenizer":
    tokenizer = tokenizer_file.open_tokenizer(folder / TOKENIZER, known)
    frame = () if facts.framing is None else facts.framing.frame.ids
    if facts.pad >= known or max(frame, default=0) >= known:
        raise BundleError(f"{folder / FACTS} names tokens that the graph does not know: copy the artefact again.")
    if facts.framing is None:
        with tokenizer_file.fine(folder / TOKENIZER, "does not work"):
            tokenizer.enable_truncation(facts.length)
    return tokenizer
