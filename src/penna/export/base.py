"""Exporters: from a trained network to files that predict without PyTorch, and back.

The folder is the registry: an exporter is a module, or a folder with ``exporter.py``, that offers the members of
``Exporter``. Other packages register one under the entry point group ``penna.export``.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from penna import plugins, safe_load
from penna.data.arrays import Array
from penna.encoders.checkpoints import Checkpoint
from penna.encoders.sliding_windows import Framed, Framing
from penna.encoders.tokens import Ragged
from penna.errors import BundleError, SettingError
from penna.onnx_graphs.encoder_config import Facts
from penna.onnx_graphs.translator_config import Facts as TranslatorFacts

if TYPE_CHECKING:
    import tokenizers
    import torch

ROOM = "export"
DEFAULT = "onnx"
#: Names the exporter of a folder, unless it is the default one.
EXPORTER = "exporter.json"
#: The largest difference in probability (for pooled vectors: share of the largest entry) that passes.
TOLERANCE = 1e-3
#: Texts on which a written encoder is compared with its network, whatever else it is compared on.
SAMPLE = (
    "",
    "a",
    "No.",
    "Where is my card? It should have been here 3 days ago!",
    "déjà vu \u2014 \u6f22\u5b57 \U0001f600",
)

#: One dense layer (weight (k, d), bias (k,)), or several with their activations: "linear", "relu" or "tanh".
Layer: TypeAlias = tuple[Array, Array, str]
Head: TypeAlias = tuple[Array, Array] | Sequence[Layer]


@dataclass(frozen=True)
class EncoderExport:
    """An encoder to serve, and what becomes of its hidden states.

    Parameters
    ----------
    module : torch.nn.Module
        The encoder in evaluation mode, float32.
    checkpoint : Checkpoint
        Its tokenizer and configuration.
    length : int
        Most tokens of a row.
    head : pair of ndarray, or sequence of Layer, optional
        With it the output is logits (n, k), without it pooled vectors (n, width).
    pooling : str
        One of ``encoder_config.POOLINGS``; "none" gives an output for every token.
    framing : Framing, optional
        How pairs, or the windows of long texts, become rows of tokens.
    unit : bool
        Whether pooled vectors are scaled to length one.
    sample : sequence of str
        More texts on which the files are compared with the module.
    quantization : Quantization, optional
        Set by ``using``: the files are written in int8.
    """

    module: "torch.nn.Module"
    checkpoint: Checkpoint
    length: int
    head: Head | None = None
    pooling: str = "mean"
    framing: Framing | None = None
    unit: bool = False
    sample: Sequence[str] = ()
    quantization: "Quantization | None" = None


@dataclass(frozen=True)
class TranslatorExport:
    """An encoder-decoder to serve; ``target`` is None if both sides share a vocabulary."""

    model: Any
    source: "tokenizers.Tokenizer"
    target: "tokenizers.Tokenizer | None"
    facts: TranslatorFacts
    sample: Sequence[str] = ()


class ServedEncoder(Protocol):
    """An encoder as it is served."""

    @property
    def facts(self) -> Facts:
        """Its length, pooling, outputs and framing."""
        ...

    @property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        """Its tokenizer, which neither truncates nor pads."""
        ...

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Array:
        """Return the outputs of texts, or of pairs of texts, of shape (n, k), float32."""
        ...

    def each(self, rows: Ragged) -> list[Array]:
        """Return an output of shape (tokens, k) for each row; only with pooling "none"."""
        ...

    def framed(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Framed:
        """Return the rows of tokens of these texts."""
        ...

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text's first row."""
        ...


class ServedTranslator(Protocol):
    """An encoder-decoder as it is served."""

    @property
    def facts(self) -> TranslatorFacts:
        """Its lengths and how it searches."""
        ...

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the translation of each text."""
        ...


def check_difference(folder: Path, facts: Facts, difference: float) -> float:
    """Return the difference from the trained network; raise BundleError if it is above ``TOLERANCE``."""
    if not difference < TOLERANCE:  # nan is too large, too
        raise BundleError(
            f"the exported {facts.kind} encoder differs from the trained one by {difference:.2g} in probability "
            f"(at most {TOLERANCE:g} may be): nothing was written; please report this with the encoder's name."
        )
    return difference


@dataclass(frozen=True)
class Exporter:
    """The members of an exporter's module, with a documented default for every optional one."""

    name: str
    #: ``write_encoder(export, folder)`` writes files and returns the largest difference from the module.
    write_encoder: Callable[[EncoderExport, Path], float]
    #: ``load_encoder(folder, threads)`` opens what it wrote; None takes every core. Raises BundleError.
    load_encoder: Callable[[Path, int | None], ServedEncoder]
    #: ``write_translator(export, folder)`` returns the share of sample texts with the same translation. None: as ONNX.
    write_translator: Callable[[TranslatorExport, Path], float] | None = None
    #: ``load_translator(folder, threads)`` opens what it wrote.
    load_translator: Callable[[Path, int | None], ServedTranslator] | None = None
    #: ``record_difference(folder, facts, difference)`` checks a later comparison, and may note it.
    record_difference: Callable[[Path, Facts, float], float] = check_difference


@dataclass(frozen=True)
class Quantization:
    """How encoders are written in int8.

    Parameters
    ----------
    texts : sequence of str, or of pairs of str
        Training texts on which the ranges of activations are measured.
    seven_bits : bool
        Whether weights have 7 bits, for processors without int8 dot products.
    threads : int
        Threads of the measurement.
    """

    texts: Sequence[Any]
    seven_bits: bool = False
    threads: int = 1


_CURRENT: ContextVar[str] = ContextVar("exporter", default=DEFAULT)
_QUANTIZATION: ContextVar[Quantization | None] = ContextVar("quantization", default=None)


def exporter(name: str) -> Exporter:
    """Return the exporter called ``name``. Raises SettingError if there is none."""
    return plugins.adapt(Exporter, ROOM, name)


@contextmanager
def using(name: str, quantization: Quantization | None = None) -> Iterator[None]:
    """Write with the exporter ``name`` inside the block, in int8 if ``quantization`` is given."""
    exporter(name)
    token, other = _CURRENT.set(name), _QUANTIZATION.set(quantization)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        _QUANTIZATION.reset(other)


def write_encoder(export: EncoderExport, folder: Path) -> float:
    """Write an encoder with the current exporter.

    Returns
    -------
    float
        The largest difference from the module, in probability or as a share of the largest entry.

    Raises
    ------
    BundleError
        If the files predict otherwise than the module, or cannot be written.
    """
    name = _CURRENT.get()
    difference = exporter(name).write_encoder(replace(export, quantization=_QUANTIZATION.get()), folder)
    _note(folder, name)
    return difference


def load_encoder(folder: Path, threads: int | None = None) -> ServedEncoder:
    """Open what ``write_encoder`` wrote. Raises BundleError on anything damaged."""
    return _exporter_of(folder).load_encoder(folder, threads)


def record_difference(folder: Path, facts: Facts, difference: float) -> float:
    """Check the difference of a whole model from its network, which may be larger than that of its encoder."""
    return _exporter_of(folder).record_difference(folder, facts, difference)


def write_translator(export: TranslatorExport, folder: Path) -> float:
    """Write an encoder-decoder with the current exporter, or as ONNX if that writes none."""
    name = _CURRENT.get()
    write = exporter(name).write_translator
    if write is None:
        name, write = DEFAULT, exporter(DEFAULT).write_translator
    assert write is not None
    same = write(export, folder)
    _note(folder, name)
    return same


def load_translator(folder: Path, threads: int | None = None) -> ServedTranslator:
    """Open what ``write_translator`` wrote. Raises BundleError on anything damaged."""
    load = _exporter_of(folder).load_translator
    if load is None:
        raise BundleError(f"{folder} names an exporter that has no translators: copy the artifact again.")
    return load(folder, threads)


def _note(folder: Path, name: str) -> None:
    if name != DEFAULT:
        (folder / EXPORTER).write_text(json.dumps({"exporter": name}), encoding="utf-8")


def _exporter_of(folder: Path) -> Exporter:
    path, name = folder / EXPORTER, DEFAULT
    if path.exists():
        with safe_load.damaged(path):
            name = str(safe_load.load_json(path)["exporter"])
    try:
        return exporter(name)
    except SettingError as error:
        raise BundleError(f"{folder} was written by the exporter {name!r}: install its package ({error})") from error
