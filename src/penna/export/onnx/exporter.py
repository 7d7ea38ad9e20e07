"""The exporter ``onnx``: graphs in onnxruntime's fused operators, run by ``runtime``. No torch at import."""

from pathlib import Path

from penna.export.base import EncoderExport, TranslatorExport
from penna.export.onnx import encoder_export, seq2seq_export
from penna.export.onnx.encoder_export import record_difference
from penna.runtime.onnx_encoder import Graph
from penna.runtime.onnx_translator import Translator

__all__ = ["load_encoder", "load_translator", "record_difference", "write_encoder", "write_translator"]


def write_encoder(export: EncoderExport, folder: Path) -> float:
    """Write graph.onnx, tokenizer.json and encoder.json; return the largest difference from torch."""
    return encoder_export.write_graph(
        export.module,
        export.checkpoint,
        folder,
        head=export.head,
        pooling=export.pooling,
        length=export.length,
        sample=export.sample,
        framing=export.framing,
        unit=export.unit,
        quantization=export.quantization,
    )


def load_encoder(folder: Path, threads: int | None = None) -> Graph:
    """Open what ``write_encoder`` wrote. Raises BundleError."""
    return Graph.open(folder, threads)


def write_translator(export: TranslatorExport, folder: Path) -> float:
    """Write the graphs and tokenizers of an encoder-decoder; return the share of equal translations."""
    return seq2seq_export.write(export.model, folder, export.source, export.target, export.facts, export.sample)


def load_translator(folder: Path, threads: int | None = None) -> Translator:
    """Open what ``write_translator`` wrote. Raises BundleError."""
    return Translator.open(folder, threads)
