"""The runner of an encoder's artefact: texts in, one row of numbers each out. Knows numpy, tokenizers and onnxruntime;
never torch. Trusts no file: sizes and types are checked, and weights outside the graph's own file are refused.

graph.onnx       ids and mask (b, s) int32 -> (b, k) float32: logits, or pooled vectors where no head was written;
                 types, too, where the second text of a pair has its own
tokenizer.json   neither cuts nor pads
encoder.json     format, length, pooling, outputs, padding id ...; how texts are framed, where they are pairs or read by
                 windows
"""

import json
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from penna import machine
from penna.encoders.frames import Framed, Framing
from penna.encoders.tokens import Ragged, padded, seconds
from penna.encoders.tokens import types as token_types
from penna.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

Array: TypeAlias = np.ndarray[Any, Any]

FORMAT = 1
GRAPH, TOKENIZER, FACTS = "graph.onnx", "tokenizer.json", "encoder.json"
_LARGEST = {GRAPH: 2 << 30, TOKENIZER: 256 << 20, FACTS: 1 << 20}
#: Texts that are tokenised and sorted at once, and padded tokens that go through the encoder at once.
_CHUNK, _TOKENS = 4096, 1024
#: Sessions that a forked child inherited: their threads are not there, so that they can be neither run nor ended.
_INHERITED: list[Any] = []


@dataclass(frozen=True)
class Facts:
    """What encoder.json says. ``characters`` is where a text is cut before it is tokenised, in training as here;
    ``framing`` is None where a text is one row of at most ``length`` tokens; ``parity`` is the largest difference that
    was measured between the graph and the network that it was written from."""

    length: int
    outputs: int
    pad: int
    characters: int
    pooling: str = "mean"
    width: int = 0
    kind: str = ""
    depth: int = 0
    framing: Framing | None = None
    parity: float | None = None

    def to_json(self) -> dict[str, Any]:
        plain = {name: value for name, value in self.__dict__.items() if name != "framing"}
        return {"format": FORMAT, **plain, **({} if self.framing is None else {"framing": self.framing.to_json()})}

    @property
    def inputs(self) -> list[str]:
        """Of the graph."""
        pairs = self.framing is not None and self.framing.sides == 2
        typed = pairs and self.framing is not None and (self.framing.frame.typed or self.pooling == "sides")
        return ["ids", "mask", "types"] if typed else ["ids", "mask"]


class Graph:
    """An opened encoder; safe to use from several threads, and in a forked child."""

    def __init__(self, folder: Path, facts: Facts, tokenizer: "tokenizers.Tokenizer", threads: int) -> None:
        self.folder = folder
        self.facts = facts
        self.threads = threads
        self._tokenizer = tokenizer
        self._session = _session(folder, threads, facts.inputs)
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, threads: int | None = None) -> "Graph":
        """Open what ``write_graph`` wrote; ``threads`` None takes every processor. Raises BundleError."""
        facts = _facts(folder)
        return cls(folder, facts, _tokenizer(folder, facts), threads or machine.cores())

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
        return out

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
        """The rows of tokens that stand for these texts."""
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
        """The ids of each text's (first) row."""
        framed = self.framed(texts)
        first = framed.rows.take(framed.starts[:-1])
        return [part.tolist() for part in np.split(first.values, first.offsets[1:-1])] if len(texts) else []

    def _ids(self, texts: Sequence[Any], special: bool) -> list[list[int]]:
        # A lone surrogate cannot pass into the tokenizer: it becomes a question mark.
        clean = [t[: self.facts.characters].encode("utf-8", "replace").decode("utf-8") for t in texts]
        try:
            return [e.ids for e in self._tokenizer.encode_batch_fast(clean, add_special_tokens=special)]
        except Exception as error:  # the Rust side raises bare Exception
            raise BundleError(f"{self.folder / TOKENIZER} does not work ({error}): copy the artefact again.") from error

    def _infer(self, all_rows: Ragged, index: Array) -> Array:
        rows = all_rows.take(index)
        ids, mask = padded(rows, np.arange(len(rows)))
        told = seconds if self.facts.pooling == "sides" else token_types
        types = told(rows, np.arange(len(rows)), ids.shape[1])
        given = {name: array for name, array in (("ids", ids), ("mask", mask), ("types", types)) if array is not None}
        try:
            out: Array = self._live().run(None, {name: array.astype(np.int32) for name, array in given.items()})[0]
        except Exception as error:  # onnxruntime has an error type of its own for each of its states
            raise BundleError(
                f"{self.folder / GRAPH} does not run ({brief(error)}): copy the artefact again."
            ) from error
        every = (ids.shape[1],) if self.facts.pooling == "none" else ()
        if out.shape != (len(rows), *every, self.facts.outputs):
            raise BundleError(
                f"{self.folder / GRAPH} gives {out.shape} where {FACTS} says "
                f"{(len(rows), *every, self.facts.outputs)}: copy the artefact again."
            )
        return out

    def _live(self) -> "onnxruntime.InferenceSession":
        if self._process != os.getpid():
            _INHERITED.append(self._session)
            self._session = _session(self.folder, self.threads, self.facts.inputs)
            self._process = os.getpid()
        return self._session


def _ragged(rows: Sequence[Sequence[int]], pad: int) -> Ragged:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    values = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
    return Ragged(values, offsets, np.diff(offsets), pad)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions, shortest rows first, so many at a time that the padded batch holds at most ``_TOKENS`` tokens."""
    order = np.argsort(lengths, kind="stable").tolist()
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > _TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _session(folder: Path, threads: int, inputs: list[str]) -> "onnxruntime.InferenceSession":
    import onnxruntime

    path = checked(folder, GRAPH, _LARGEST[GRAPH])
    if _names_other_files(path):
        raise BundleError(f"{path} keeps weights in other files, which Penna never writes: do not trust it.")
    try:
        # By its path: of bytes, onnxruntime would keep a second copy for as long as the session lives.
        session = onnxruntime.InferenceSession(
            str(path), options(threads), providers=["CPUExecutionProvider"], enable_fallback=0
        )
        named = [i.name for i in session.get_inputs()], len(session.get_outputs())
    except Exception as error:  # onnxruntime has an error type of its own for each of its states
        raise BundleError(f"{path} is damaged ({brief(error)}): copy the artefact again.") from error
    if named != (inputs, 1):
        raise BundleError(f"{path} is not a graph that Penna wrote: copy the artefact again.")
    return session


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
    # short text's time; longer, and beside other work they would take the processor from the thread they wait for.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _tokenizer(folder: Path, facts: Facts) -> "tokenizers.Tokenizer":
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(_content(folder, TOKENIZER))
        tokenizer.no_padding()
        if facts.framing is None:
            tokenizer.enable_truncation(facts.length)
        else:
            tokenizer.no_truncation()
    except BundleError:
        raise
    except Exception as error:  # the Rust side raises bare Exception
        raise BundleError(f"{folder / TOKENIZER} is damaged ({brief(error)}): copy the artefact again.") from error
    return tokenizer


def _facts(folder: Path) -> Facts:
    path = folder / FACTS
    try:
        data = json.loads(_content(folder, FACTS))
        found = int(data.pop("format"))
        if found > FORMAT:
            raise BundleError(f"{path} has format {found}, this Penna reads up to {FORMAT}: update penna.")
        known = Facts.__annotations__.keys() - {"framing", "parity"}
        facts = Facts(**{name: data[name] for name in known}, parity=data.get("parity"))
        if "framing" in data:
            facts = replace(facts, framing=Framing.from_json(data["framing"], facts.length))
        if facts.pooling == "sides" and (facts.framing is None or facts.framing.sides != 2 or facts.outputs % 2):
            raise ValueError("it has two sides, and no pairs")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({brief(error)}): copy the artefact again.") from error
    for name, least in {"length": 1, "outputs": 1, "pad": 0, "characters": 1}.items():
        value = getattr(facts, name)
        if type(value) is not int or not least <= value < 1 << 31:
            raise BundleError(f"{path} is damaged ({name} is {value!r}): copy the artefact again.")
    return facts


def _names_other_files(path: Path) -> bool:
    """Whether the key is there under which ONNX names a file of weights, which could be any file of this machine."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"location") >= 0


def _content(folder: Path, name: str) -> bytes:
    return checked(folder, name, _LARGEST[name]).read_bytes()


def checked(folder: Path, name: str, largest: int) -> Path:
    """The path of a file that is there, readable and of a size that can be. Raises BundleError."""
    path = folder / name
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}): copy the artefact again.") from error
    if size == 0:
        raise BundleError(f"{path} is empty: copy the artefact again.")
    if size > largest:
        raise BundleError(f"{path} is {size >> 20} MB, more than Penna ever writes: do not trust it.")
    return path


def brief(error: Exception) -> str:
    """An error's type and its first line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
