"""A trained encoder-decoder, in torch and as it is served. No torch at import.

Both answer by the graphs: what is measured in a search is what is served. A row's output is its answer's code points.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penna import export
from penna.data import ragged
from penna.data.arrays import Array
from penna.data.table import Table
from penna.export import ServedTranslator
from penna.onnx_graphs.translator_config import Facts
from penna.tasks import _translation_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penna.models.seq2seq.batches import Words
    from penna.networks.encoder_decoder import Network
    from penna.training import loop

#: Sources that torch and the graphs are compared on when a model is written.
SAMPLE = 200


def answered(translator: ServedTranslator, table: Table) -> Array:
    """(n,) one float32 array a row."""
    return ragged.objects(map(_translation_metrics.codes, translator.translate(table.full_text.tolist())))


@contextmanager
def exported(network: Network, words: Words, facts: Facts, threads: int) -> Iterator[ServedTranslator]:
    """Yield the network as it stands, as graphs in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="penna-") as folder:
        graphs = export.TranslatorExport(network.model, words.source, words.target, facts)
        export.write_translator(graphs, Path(folder))
        yield export.load_translator(Path(folder), threads)


class Reading:
    """How long texts are handled, for the report: skipped in training, read in parts."""

    facts: Facts
    truncated_share = 0.0

    @property
    def length(self) -> int:
        """Return the length in tokens."""
        return self.facts.length

    @property
    def windows(self) -> int:
        """Return the most windows of a text."""
        return self.facts.parts

    @property
    def long_share(self) -> float:
        """Share of the training rows that are too long for one part."""
        return self.facts.long


@dataclass(frozen=True, eq=False)
class Translating(Reading):
    """A trained encoder-decoder. ``sample`` are sources to compare graphs and torch on."""

    network: Network
    words: Words
    facts: Facts
    outcome: loop.Outcome
    sample: Sequence[str]
    threads: int

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        return answered(self._translator, table)

    def save(self, folder: Path) -> None:
        """Graphs and tokenizers, in float32, once torch and the graphs say the same."""
        self.network.cpu().eval()
        words = self.words
        graphs = export.TranslatorExport(self.network.model, words.source, words.target, self.facts, self.sample)
        export.write_translator(graphs, folder)

    def save_checkpoint(self, folder: Path) -> None:
        """Write the weights in Hugging Face form, with the tokenizers next to them."""
        from penna.networks import encoder_decoder

        folder.mkdir(parents=True, exist_ok=True)
        encoder_decoder.write(self.network, folder)
        self.words.source.save(str(folder / "tokenizer.json"))
        if self.words.target is not None:
            self.words.target.save(str(folder / "target_tokenizer.json"))

    @cached_property
    def _translator(self) -> ServedTranslator:
        self.network.eval()
        with exported(self.network, self.words, self.facts, self.threads) as translator:
            return translator


@dataclass(frozen=True, eq=False)
class ServedSeq2seq(Reading):
    """A translator as it is served, and the folder that it was opened from."""

    translator: ServedTranslator
    folder: Path

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """Lengths and search settings of the translator."""
        return self.translator.facts

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        return answered(self.translator, table)

    def save(self, folder: Path) -> None:
        """Write a copy of what was opened."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def greedy(facts: Facts) -> Facts:
    """Return the same with one beam, for scores on the way."""
    return replace(facts, beams=1)
