"""The model of family ``translation_memory``: the source as it is, or the translation of the nearest one.

memory.json            format, way, and how words are counted
memory.safetensors     the targets, and the sources: weights of words, or vectors
graph.onnx ...         the encoder, where vectors are compared

Trusts no file: sizes and types are checked. No torch at import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export, safe_load
from penna.data import ragged
from penna.data.arrays import Array
from penna.data.table import Table
from penna.errors import BundleError
from penna.features.ngrams import BITS, Grams
from penna.features.tfidf import Tfidf
from penna.models.base import Model
from penna.tasks import _translation_metrics as texts

if TYPE_CHECKING:
    from penna.budget import Deadline
    from penna.encoders.checkpoints import Checkpoint
    from penna.export import ServedEncoder

FORMAT = 1
FACTS, ARRAYS = "memory.json", "memory.safetensors"
COPY, WORDS, VECTORS = "copy", "words", "vectors"
_LARGEST = 4 << 30
#: Rows that are compared with all that is remembered at once.
_CHUNK = 256


class CopySource:
    """Answers with the source."""

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        return ragged.objects(map(texts.codes, table.full_text))

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        _write(folder, {"way": COPY}, {})


@dataclass(frozen=True, eq=False)
class ByWords:
    """Predicts the target of the source whose TF-IDF row (m, d) CSR is nearest; nothing where no word is known."""

    targets: Sequence[str]
    tfidf: Tfidf
    rows: Any

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        known = self.rows.T.tocsc()
        queries = self.tfidf.rows(table.full_text)
        found = []
        for start in range(0, len(table), _CHUNK):
            near = queries[start : start + _CHUNK] @ known
            best = np.asarray(near.argmax(axis=1)).ravel()
            found += [self.targets[i] if near[j, i] > 0 else "" for j, i in enumerate(best)]
        return ragged.objects(map(texts.codes, found))

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        grams = self.tfidf.grams
        _write(
            folder,
            {"way": WORDS, "words": grams.words, "lower": grams.lower, "sublinear": self.tfidf.sublinear},
            {
                "buckets": self.tfidf.buckets,
                "idf": self.tfidf.idf,
                "values": self.rows.data.astype(np.float32),
                "columns": self.rows.indices.astype(np.int32),
                "starts": self.rows.indptr.astype(np.int64),
                **_packed(self.targets),
            },
        )


@dataclass(frozen=True)
class Source:
    """The source of vectors: an encoder, and the cache."""

    checkpoint: Checkpoint
    length: int
    cache: Path
    threads: int

    def vectors(self, table: Table, deadline: Deadline | None = None) -> Array:
        """(n, width) float32 of length one. Raises ``embed.Unfinished`` when the deadline comes first."""
        from penna.encoders import embeddings

        made = embeddings.embed(
            self.checkpoint, table, depth=self.checkpoint.depth_at(1.0), length=self.length, cache=self.cache,
            deadline=deadline, threads=self.threads,
        )  # fmt: skip
        return _unit(made)


@dataclass(frozen=True, eq=False)
class ByVectors:
    """Predicts the target of the source whose vector (m, width) is nearest.

    ``source`` is an encoder, or the graph that it was written as.
    """

    targets: Sequence[str]
    vectors: Array
    source: Source | ServedEncoder
    folder: Path | None = None

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        queries = self._queries(table)
        best: list[int] = []
        for start in range(0, len(table), _CHUNK):
            best += (queries[start : start + _CHUNK] @ self.vectors.T).argmax(axis=1).tolist()
        blank = [not text.strip() for text in table.full_text]
        return ragged.objects(texts.codes("" if b else self.targets[i]) for b, i in zip(blank, best, strict=True))

    def _queries(self, table: Table) -> Array:
        if self.folder is None:
            return self.source.vectors(table)  # type: ignore[union-attr]
        return _unit(self.source.run(table.full_text.tolist()))  # type: ignore[union-attr]

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        if self.folder is None:
            from penna.encoders import checkpoints

            source: Any = self.source
            module = checkpoints.load_module(source.checkpoint, depth=source.checkpoint.depth_at(1.0))
            export.write_encoder(export.EncoderExport(module, source.checkpoint, source.length), folder)
        else:
            for path in self.folder.iterdir():
                (folder / path.name).write_bytes(path.read_bytes())
        _write(folder, {"way": VECTORS}, {"vectors": self.vectors.astype(np.float16), **_packed(self.targets)})


def load(folder: Path) -> Model:
    """Open what one of these has saved, without torch. Raises BundleError on anything damaged."""
    path = folder / FACTS
    with safe_load.damaged(path):
        facts = safe_load.load_json(path)
        if facts["format"] != FORMAT:
            raise BundleError(f"{path} has format {facts['format']}, this Penna reads {FORMAT}: update penna.")
        return _OPENERS[facts["way"]](folder, facts)


def _open_copy(folder: Path, facts: Mapping[str, Any]) -> Model:
    return CopySource()


def _open_words(folder: Path, facts: Mapping[str, Any]) -> Model:
    from scipy.sparse import csr_matrix

    kinds = {"buckets": np.int32, "idf": np.float32, "values": np.float32, "columns": np.int32, "starts": np.int64}
    arrays = _arrays(folder, kinds)
    targets = _unpacked(arrays)
    buckets, idf, values, columns, starts = (arrays[name] for name in kinds)
    if type(facts["words"]) is not int or not 0 < facts["words"] < 10:
        raise ValueError("its words are out of range")
    if len(buckets) != len(idf) or (len(buckets) and (buckets[0] < 0 or buckets[-1] >= 1 << BITS)):
        raise ValueError("its buckets are out of range")
    rising = len(starts) == len(targets) + 1 and starts[0] == 0 and (np.diff(starts) >= 0).all()
    if not rising or starts[-1] != len(values) or len(values) != len(columns) or (np.diff(buckets) <= 0).any():
        raise ValueError("the sizes of its parts do not agree")
    if len(columns) and not (columns.min() >= 0 and columns.max() < len(buckets)):
        raise ValueError("its columns are out of range")
    grams = Grams(words=facts["words"], lower=bool(facts["lower"]))
    rows = csr_matrix((values, columns, starts), shape=(len(targets), len(buckets)))
    return ByWords(targets, Tfidf(grams, bool(facts["sublinear"]), buckets, idf), rows)


def _open_vectors(folder: Path, facts: Mapping[str, Any]) -> Model:
    graph, arrays = export.load_encoder(folder), _arrays(folder, {"vectors": np.float16})
    targets, vectors = _unpacked(arrays), arrays["vectors"].astype(np.float32)
    if vectors.shape != (len(targets), graph.facts.outputs):
        raise ValueError("its vectors are of another size")
    return ByVectors(targets, vectors, graph, folder)


_OPENERS = {COPY: _open_copy, WORDS: _open_words, VECTORS: _open_vectors}


def _write(folder: Path, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    from safetensors.numpy import save_file

    (folder / FACTS).write_text(json.dumps({"format": FORMAT, **facts}, indent=1), encoding="utf-8")
    if arrays:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / ARRAYS)


def _arrays(folder: Path, kinds: Mapping[str, type]) -> dict[str, Array]:
    kinds = {**kinds, "letters": np.uint8, "ends": np.int64}
    arrays = safe_load.load_arrays(folder / ARRAYS, _LARGEST, kinds)
    if any(arrays[name].ndim != (2 if name == "vectors" else 1) for name in kinds):
        raise ValueError("its parts are of another form")
    return arrays


def _packed(targets: Sequence[str]) -> dict[str, Array]:
    """Texts as bytes, and where each of them ends."""
    each = [text.encode("utf-8", "replace") for text in targets]
    ends = np.cumsum([len(text) for text in each], dtype=np.int64)
    return {"letters": np.frombuffer(b"".join(each), np.uint8), "ends": ends}


def _unpacked(arrays: Mapping[str, Array]) -> list[str]:
    ends = arrays["ends"]
    if not len(ends) or (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(arrays["letters"]):
        raise ValueError("its texts are cut short")
    letters = arrays["letters"].tobytes()
    return [letters[a:b].decode("utf-8", "replace") for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _unit(vectors: Array) -> Array:
    """Vectors of length one."""
    made: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return made
