"""Exporters: from a trained network to files that predict without PyTorch, and back."""

from penna.export.base import (
    DEFAULT,
    ROOM,
    SAMPLE,
    EncoderExport,
    Exporter,
    Quantization,
    ServedEncoder,
    ServedTranslator,
    TranslatorExport,
    exporter,
    load_encoder,
    load_translator,
    record_difference,
    using,
    write_encoder,
    write_translator,
)

__all__ = [
    "DEFAULT",
    "ROOM",
    "SAMPLE",
    "EncoderExport",
    "Exporter",
    "Quantization",
    "ServedEncoder",
    "ServedTranslator",
    "TranslatorExport",
    "exporter",
    "load_encoder",
    "load_translator",
    "record_difference",
    "using",
    "write_encoder",
    "write_translator",
]
