"""The runtime of an exported encoder: texts in, one row of numbers for each out.

Knows NumPy, tokenizers and onnxruntime; never torch. Trusts no file: ``verify_graph`` compares a graph with what Penna
would write, and ``tokenizer_file`` checks a tokenizer, before native code sees either.

graph.onnx       ids and mask (b, s) int32 -> (b, k) float32: logits, or pooled vectors if there is no head;
                 also types, if the second text of a pair has its own
tokenizer.json   neither truncates nor pads
encoder.json     format, length, pooling, outputs, padding id ...; how texts become rows, for pairs and sliding windows
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
#: Rows of an int8 graph are padded to a multiple of this, so that sums over tokens have the same order in any batch.
MULTIPLE = 8
#: Texts that are tokenized and sorted at once.
_CHUNK = 4096
#: Sessions that a forked child inherited: their threads are missing, so they can neither run nor end.
_INHERITED: list[Any] = []


class Graph:
    """A loaded encoder; safe to use from several threads, and in a forked child."""

    def __init__(self, folder: Path, facts: Facts, tokenizer: "tokenizers.Tokenizer", threads: int) -> None:
        self.folder = folder
        self.facts = facts
        self.threads = threads
        self._tokenizer = tokenizer
        self._session = _session(folder, threads, facts)
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, threads: int | None = None) -> "Graph":
        """Open what ``write_graph`` wrote; ``threads`` None uses every core. Raise BundleError if it is damaged."""
        facts = encoder_config.read(folder)
        vocabulary_size = _known(folder, facts)
        return cls(folder, facts, _tokenizer(folder, facts, vocabulary_size), threads or hardware.cores())

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Array:
        """Return (n, k) float32 outputs in the order of the texts or pairs.

        A text of more than ``length`` tokens is truncated, or its output is the mean over its sliding windows.
        """
        out = np.empty((len(texts), self.facts.outputs), np.float32)
        for start in range(0, len(texts), _CHUNK):
            framed = self.framed(texts[start : start + _CHUNK])
            values = np.empty((len(framed.rows), self.facts.outputs), np.float32)
            for index in _batches(framed.rows.lengths.tolist()):
                values[index] = self._infer(framed.rows, np.array(index))
            out[start : start + _CHUNK] = framed.mean(values)
        return unit_length(out) if self.facts.unit else out

    def each(self, rows: Ragged) -> list[Array]:
        """Return (tokens, k) float32 for each row, from a graph with an output for every token."""
        out: list[Array] = [np.zeros((0, self.facts.outputs), np.float32)] * len(rows)
        for index in _batches(rows.lengths.tolist()):
            for i, values in zip(index, self._infer(rows, np.array(index)), strict=True):
                out[i] = values[: rows.lengths[i]]
        return out

    @property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        """The tokenizer; it neither truncates nor pads if texts have sliding windows."""
        return self._tokenizer

    def framed(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Framed:
        """Return the rows of tokens of these texts."""
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
        # A tokenizer refuses a lone surrogate: it becomes a question mark.
        clean = [t[: self.facts.characters].encode("utf-8", "replace").decode("utf-8") for t in texts]
        with tokenizer_file.fine(self.folder / TOKENIZER, "does not work"):
            return [e.ids for e in self._tokenizer.encode_batch_fast(clean, add_special_tokens=special)]

    def _infer(self, all_rows: Ragged, index: Array) -> Array:
        rows = all_rows.take(index)
        quantized = self.facts.precision == encoder_config.INT8
        ids, mask = padded(rows, np.arange(len(rows)), multiple=MULTIPLE if quantized else 1, most=self.facts.length)
        types_of = seconds if self.facts.pooling == "sides" else token_types
        types = types_of(rows, np.arange(len(rows)), ids.shape[1])
        arrays = {name: array for name, array in (("ids", ids), ("mask", mask), ("types", types)) if array is not None}
        with tokenizer_file.fine(self.folder / GRAPH, "does not run"):
            out: Array = self._live().run(None, {name: array.astype(np.int32) for name, array in arrays.items()})[0]
        every = (ids.shape[1],) if self.facts.pooling == "none" else ()
        if out.shape != (len(rows), *every, self.facts.outputs):
            raise BundleError(
                f"{self.folder / GRAPH} gives {out.shape}, but {FACTS} states "
                f"{(len(rows), *every, self.facts.outputs)}: copy the artifact again."
            )
        if not np.isfinite(out).all():
            raise BundleError(
                f"{self.folder / GRAPH} gives values that are not numbers: its weights are damaged; copy it again."
            )
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
    """Yield batches of positions, shortest rows first, of at most ``BATCH`` tokens with padding."""
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
    """Return a session of a checked graph; by its path, because onnxruntime would keep a copy of bytes."""
    return started(folder / GRAPH, str(folder / GRAPH), threads)


def started(path: Path, model: str | bytes, threads: int) -> "onnxruntime.InferenceSession":
    """Return a session of a checked model, from its path or its bytes."""
    import onnxruntime

    with tokenizer_file.fine(path, "is damaged"):
        return onnxruntime.InferenceSession(
            model, options(threads), providers=["CPUExecutionProvider"], enable_fallback=0
        )


def options(threads: int) -> "onnxruntime.SessionOptions":
    """Return the options of every session: ``threads`` threads, which spin for a moment only."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors are raised as exceptions anyway
    # The operators are already fused; a search for more would only cost time.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Threads spin for 20 us: enough for the gap between two operators, in which sleeping would cost a third of a short
    # text's time. With a longer spin and other work, they would take the core from the thread they wait for.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _known(folder: Path, facts: Facts) -> int:
    """Return the number of ids of the graph. Raise BundleError unless Penna writes such a graph for encoder.json."""
    path = folder / GRAPH
    with foreign(path, _LARGEST[GRAPH]):
        return verify_graph.check_encoder(path, facts)


@contextmanager
def foreign(path: Path, largest: int) -> Iterator[None]:
    """Check the size of a graph, and turn errors of reading it into a BundleError."""
    safe_load.regular(path, largest)
    try:
        yield
    except safe_load.DAMAGE as error:
        why = safe_load.brief(error)
        raise BundleError(f"{path} is not a graph that Penna wrote ({why}): do not trust this artifact.") from error


def _tokenizer(folder: Path, facts: Facts, vocabulary_size: int) -> "tokenizers.Tokenizer":
    tokenizer = tokenizer_file.open_tokenizer(folder / TOKENIZER, vocabulary_size)
    frame = () if facts.framing is None else facts.framing.frame.ids
    if facts.pad >= vocabulary_size or max(frame, default=0) >= vocabulary_size:
        raise BundleError(f"{folder / FACTS} names tokens that the graph does not have: copy the artifact again.")
    if facts.framing is None:
        with tokenizer_file.fine(folder / TOKENIZER, "does not work"):
            tokenizer.enable_truncation(facts.length)
    return tokenizer
