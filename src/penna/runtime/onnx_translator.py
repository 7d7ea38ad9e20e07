"""The runtime of an exported translation model: texts in, texts out. NumPy, tokenizers and onnxruntime; never torch.

Trusts no file: ``verify_graph`` compares graphs with what Penna would write, and ``tokenizer_file`` checks tokenizers,
before native code sees any of them.

once.onnx, step.onnx   the work for a source, and for each next token (see ``decoder_graph``)
words.onnx             the embeddings that both share, merged into each on loading; missing if they share none
source.json            the tokenizer of sources; target.json that of targets, if it is another
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
#: Characters that end a sentence: a long text is best split after one.
_STOPS = frozenset(".!?…。！？；;")


def limit_of(tokens: int, facts: Facts) -> int:
    """Return the most tokens of a translation of a source with ``tokens`` tokens: it stops a model that never ends."""
    return min(max(10, 2 * tokens + 10), facts.target_length)


class Translator:
    """A loaded translation model; safe in a forked child."""

    def __init__(self, folder: Path, facts: Facts, threads: int) -> None:
        self.folder, self.facts, self.threads = folder, facts, threads
        apart = (folder / TARGET).exists()
        sources, answers = _known(folder, facts)
        self.source = subword_tokenizer.open_file(folder / SOURCE, sources, own=not apart)
        self.target = subword_tokenizer.open_file(folder / TARGET, answers) if apart else self.source
        if self.target.get_vocab_size() > answers or facts.pad >= sources:
            raise BundleError(f"{folder} has tokens that its graphs do not have: copy the artifact again.")
        self._once, self._step = _sessions(folder, threads)
        self._process = os.getpid()

    @classmethod
    def open(cls, folder: Path, threads: int | None = None, beams: int | None = None) -> "Translator":
        """Open what ``seq2seq_export.write`` wrote. Raise BundleError if it is damaged.

        ``threads`` None uses every core; ``beams`` None uses the stored number.
        """
        facts = _facts(folder)
        return cls(folder, facts if beams is None else replace(facts, beams=beams), threads or hardware.cores())

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return each text's translation, "" for a blank text. Long texts are translated in parts."""
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
        """Return the generated ids for each text, cut to the length that the encoder reads."""
        rows = self.ids(texts)
        out: list[list[int]] = [[] for _ in rows]
        for index in _batches([len(row) for row in rows], self.facts.beams):
            for i, output in zip(index, self._generate([rows[i] for i in index]), strict=True):
                out[i] = output
        return out

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids, cut to the length that the encoder reads; the last id, the end mark, stays."""
        rows = [encoding.ids or [self.facts.pad] for encoding in self.source.encode_batch_fast(list(texts))]
        return [row if len(row) <= self.facts.length else [*row[: self.facts.length - 1], row[-1]] for row in rows]

    def _generate(self, rows: list[list[int]]) -> list[list[int]]:
        limits = np.array([limit_of(len(row), self.facts) for row in rows], np.int64)
        with native_calls.caught(self._broken):
            decoder = Decoder(*self._live(), self.facts, rows, self.target.get_vocab_size())
            if self.facts.beams == 1:
                return beam_search.greedy(decoder, limits)
            return beam_search.beam(decoder, limits, self.facts.beams, self.facts.penalty)

    def _broken(self, why: str) -> BundleError:
        return BundleError(f"the graphs or tokenizers in {self.folder} do not work ({why}): copy the artifact again.")

    def _parts(self, text: str) -> Iterator[str]:
        """Yield parts of the text that fit into the encoder, split after sentences if possible."""
        if not text.strip():
            return
        plain = self.source.encode(text, add_special_tokens=False)
        # A part that starts inside a word takes one more piece, for the space that is read before it.
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
    """A batch of sources in decoding: their encoder states, and the past of each row."""

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
        """Return the ``most`` likeliest next tokens of each row, and their log-probabilities."""
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
        """Continue with these rows and these sources (None: all), in this order."""
        if sources is not None:
            self.mask = self.mask[sources]
            self.known = {name: array[sources] for name, array in self.known.items()}
        if len(rows) != len(self.past[0]) or (rows != np.arange(len(rows))).any():
            self.past = [array[rows] for array in self.past]


def _cut(text: str, ends: Sequence[int], at: int, room: int) -> int:
    """Return the number of tokens before the cut.

    It is at the last end of a sentence in the second half of the room, else at the last space, else at its end.
    """
    places = range(at + room, at + room // 2, -1)
    for place in places:
        if text[ends[place - 1] - 1 : ends[place - 1]] in _STOPS:
            return place
    return next((p for p in places if text[ends[p - 1] : ends[p - 1] + 1].isspace()), at + max(room, 1))


def _batches(lengths: Sequence[int], each: int) -> Iterator[list[int]]:
    """Yield batches of positions, shortest rows first; all beams of a padded batch fit into ``BATCH`` tokens."""
    batch: list[int] = []
    for i in np.argsort(lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[i] * each > verify_graph.BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _known(folder: Path, facts: Facts) -> tuple[int, int]:
    """Return the source and target ids of the graphs. Raise BundleError unless Penna writes such graphs."""
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
    # Two concatenated serialized messages are one message with the parts of both (Protocol Buffers, "merging").
    once, step = (
        onnx_encoder.started(folder / name, safe_load.content(folder / name, _GRAPH) + words, threads)
        for name in (ONCE, STEP)
    )
    return once, step


def _facts(folder: Path) -> Facts:
    path = folder / FACTS
    data = safe_load.load_json(path)
    with safe_load.damaged(path):
        version = int(data.pop("format"))
        if version > FORMAT:
            raise BundleError(f"{path} has format {version}, this Penna reads up to {FORMAT}: update penna.")
        names = Facts.__annotations__.keys() - {"same"}
        facts = Facts(**{name: data[name] for name in names}, same=data.get("same"))
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
        raise ValueError("its share of long rows is out of range")
    if not 0 <= float(facts.penalty) <= 10 or facts.space not in ("", " ") or facts.beams > 64:
        raise ValueError("its beams, penalty or space is out of range")
