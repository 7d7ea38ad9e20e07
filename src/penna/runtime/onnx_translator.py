"""The runner of a translation artefact: texts in, texts out. Knows numpy, tokenizers and onnxruntime; never torch.

Trusts no file: graphs are compared with what Penna would write (``blueprint``), tokenizers with the kinds that encoders
have (``tokenizer_file``), before native code sees any of them.

once.onnx, step.onnx   what is done for a source, and for each next token (see ``_onnx_decoder``)
words.onnx             the words that both know, joined to each when it is opened; not there where they know others
source.json            the tokenizer of what is read; target.json that of the output, where it is another
translator.json        format, lengths, layers, beams, penalty ...
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import hardware, native_calls, safe_load
from penna.data.arrays import Array
from penna.encoders import subword_tokenizer
from penna.errors import BundleError
from penna.onnx_graphs import verify_graph
from penna.onnx_graphs.translator_config import FORMAT, Facts
from penna.runtime import beam_search, onnx_encoder

if TYPE_CHECKING:
    import onnxruntime

ONCE, STEP, WORDS = "once.onnx", "step.onnx", "words.onnx"
SOURCE, TARGET, FACTS = "source.json", "target.json", "translator.json"
_GRAPH = 2 << 30
#: Signs after which a long text is best cut.
_STOPS = frozenset(".!?…。！？；;")


def limit_of(tokens: int, facts: Facts) -> int:
    """Return the most tokens of an answer to a source of so many.

    Nobody needs more, and a model gone astray stops there.
    """
    return min(max(10, 2 * tokens + 10), facts.target_length)


class Translator:
    """An opened artefact; safe in a forked child."""

    def __init__(self, folder: Path, facts: Facts, threads: int) -> None:
        self.folder, self.facts, self.threads = folder, facts, threads
        apart = (folder / TARGET).exists()
        sources, answers = _known(folder, facts)
        self.source = subword_tokenizer.open_file(folder / SOURCE, sources, own=not apart)
        self.target = subword_tokenizer.open_file(folder / TARGET, answers) if apart else self.source
        if self.target.get_vocab_size() > answers or facts.pad >= sources:
            raise BundleError(f"{folder} has tokens that its graphs do not know: copy the artefact again.")
        self._once, self._step = _sessions(folder, threads)
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, threads: int | None = None, beams: int | None = None) -> "Translator":
        """Open what ``seq2seq_graph.write`` wrote; ``threads`` None takes every processor, ``beams`` None what it says.

        Raises BundleError.
        """
        facts = _facts(folder)
        return cls(folder, facts if beams is None else replace(facts, beams=beams), threads or hardware.cores())

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Each text's translation; "" of a text that says nothing. Long texts are translated in parts."""
        parts: list[str] = []
        of: list[int] = []
        with native_calls.caught(self._broken):
            for i, text in enumerate(texts):
                cut = list(self._parts(subword_tokenizer.clean(text)))
                parts += cut
                of += [i] * len(cut)
            outputs = subword_tokenizer.decode(self.target, self.tokens(parts))
        out: list[list[str]] = [[] for _ in texts]
        for i, part in zip(of, outputs, strict=True):
            out[i].append(part)
        return [self.facts.space.join(filter(None, row)) for row in out]

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids that are generated for each text, as much of it as can be read at once."""
        rows = self.ids(texts)
        out: list[list[int]] = [[] for _ in rows]
        for index in _batches([len(row) for row in rows], self.facts.beams):
            for i, output in zip(index, self._said([rows[i] for i in index]), strict=True):
                out[i] = output
        return out

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's own ids, cut to the length that can be read; their last, which ends them, stays."""
        rows = [encoding.ids or [self.facts.pad] for encoding in self.source.encode_batch_fast(list(texts))]
        return [row if len(row) <= self.facts.length else [*row[: self.facts.length - 1], row[-1]] for row in rows]

    def _said(self, rows: list[list[int]]) -> list[list[int]]:
        limits = np.array([limit_of(len(row), self.facts) for row in rows], np.int64)
        with native_calls.caught(self._broken):
            decoder = Decoder(*self._live(), self.facts, rows, self.target.get_vocab_size())
            if self.facts.beams == 1:
                return beam_search.greedy(decoder, limits)
            return beam_search.beam(decoder, limits, self.facts.beams, self.facts.penalty)

    def _broken(self, why: str) -> BundleError:
        return BundleError(f"the graphs or tokenizers in {self.folder} do not work ({why}): copy the artefact again.")

    def _parts(self, text: str) -> Iterator[str]:
        """Yield the text in parts that can be read whole, cut after sentences where that can be."""
        if not text.strip():
            return
        plain = self.source.encode(text, add_special_tokens=False)
        # A part that begins inside a word takes a piece more, for the space that is read before it.
        room = self.facts.length - (len(self.source.encode("").ids) or 1) - 1
        ends = [end for _, end in plain.offsets]
        start = at = 0
        while len(ends) - at > room:
            at = _cut(text, ends, at, room)
            yield text[start : ends[at - 1]]
            start = ends[at - 1]
        if text[start:].strip():
            yield text[start:]

    def _live(self) -> tuple["onnxruntime.InferenceSession", "onnxruntime.InferenceSession"]:
        if self._process != os.getpid():
            onnx_encoder._INHERITED.append((self._once, self._step))
            self._once, self._step = _sessions(self.folder, self.threads)
            self._process = os.getpid()
        return self._once, self._step


class Decoder:
    """A batch of sources on their way: what is known of them, and what was generated of each so far."""

    def __init__(self, once: Any, step: Any, facts: Facts, rows: list[list[int]], pieces: int) -> None:
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), facts.pad, np.int32)
        self.mask = np.zeros((len(rows), longest), np.int32)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            self.mask[i, : len(row)] = 1
        names = [output.name for output in once.get_outputs()]
        self.known: dict[str, Array] = dict(zip(names, once.run(None, {"ids": ids, "mask": self.mask}), strict=True))
        self.step, self.place, self.pieces = step, 0, pieces
        start = np.zeros((len(rows) * facts.beams, facts.heads, 0, facts.size), np.float32)
        self.past = [start] * (2 * facts.depth)
        self.named = [f"past_{what}_{depth}" for depth in range(facts.depth) for what in ("keys", "values")]

    def next(self, tokens: Array, most: int) -> tuple[Array, Array]:
        likely, scores, *self.past = self.step.run(
            None,
            {
                "token": tokens,
                "place": np.array([self.place], np.int64),
                "most": np.array([min(most, self.pieces)], np.int64),
                "mask": self.mask,
                **self.known,
                **dict(zip(self.named, self.past, strict=True)),
            },
        )
        self.place += 1
        return likely, scores

    def follow(self, sources: Array | None, rows: Array) -> None:
        if sources is not None:
            self.mask = self.mask[sources]
            self.known = {name: array[sources] for name, array in self.known.items()}
        if len(rows) != len(self.past[0]) or (rows != np.arange(len(rows))).any():
            self.past = [array[rows] for array in self.past]


def _cut(text: str, ends: Sequence[int], at: int, room: int) -> int:
    """How many tokens come before the cut: at the last sentence's end in the second half of the room, else at the last
    space, else where the room ends.
    """
    places = range(at + room, at + room // 2, -1)
    for place in places:
        if text[ends[place - 1] - 1 : ends[place - 1]] in _STOPS:
            return place
    return next((p for p in places if text[ends[p - 1] : ends[p - 1] + 1].isspace()), at + max(room, 1))


def _batches(lengths: Sequence[int], each: int) -> Iterator[list[int]]:
    """Positions, shortest rows first, so many at a time that all beams of the padded batch fit."""
    batch: list[int] = []
    for i in np.argsort(lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[i] * each > verify_graph.BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _known(folder: Path, facts: Facts) -> tuple[int, int]:
    """How many ids of a source, and of an answer, the graphs know. Raises BundleError unless Penna writes such."""
    words: Mapping[str, Array] = {}
    graphs = []
    for path in (folder / ONCE, folder / STEP):
        with onnx_encoder.foreign(path, _GRAPH):
            graphs.append(verify_graph.read(path))
    if (folder / WORDS).exists():
        with onnx_encoder.foreign(folder / WORDS, _GRAPH):
            words = verify_graph.read_words(folder / WORDS)
    with onnx_encoder.foreign(folder / STEP, _GRAPH):
        return verify_graph.check_translator(graphs[0], graphs[1], words, facts)


def _sessions(folder: Path, threads: int) -> tuple["onnxruntime.InferenceSession", "onnxruntime.InferenceSession"]:
    words = safe_load.content(folder / WORDS, _GRAPH) if (folder / WORDS).exists() else b""
    # Two serialised messages one after the other are one message with the parts of both (Protocol Buffers, "merging").
    once, step = (
        onnx_encoder.started(folder / name, safe_load.content(folder / name, _GRAPH) + words, threads)
        for name in (ONCE, STEP)
    )
    return once, step


def _facts(folder: Path) -> Facts:
    path = folder / FACTS
    data = safe_load.load_json(path)
    with safe_load.damaged(path):
        found = int(data.pop("format"))
        if found > FORMAT:
            raise BundleError(f"{path} has format {found}, this Penna reads up to {FORMAT}: update penna.")
        known = Facts.__annotations__.keys() - {"same"}
        facts = Facts(**{name: data[name] for name in known}, same=data.get("same"))
        _check(facts)
    return facts


_LEAST: Mapping[str, int] = {
    "length": 4, "target_length": 1, "depth": 1, "heads": 1, "size": 1, "pad": 0, "beams": 1, "parts": 1,
}  # fmt: skip


def _check(facts: Facts) -> None:
    for name, least in _LEAST.items():
        value = getattr(facts, name)
        if type(value) is not int or not least <= value < 1 << 20:
            raise ValueError(f"{name} is {value!r}")
    if not 0 <= float(facts.long) <= 1:
        raise ValueError("its share of long rows cannot be")
    if not 0 <= float(facts.penalty) <= 10 or facts.space not in ("", " ") or facts.beams > 64:
        raise ValueError("its beams, penalty or space cannot be")
