"""JSON formats of other tools: one file per format; the folder is the registry."""

from penna.data.readers.json_formats.base import Row, one_or_all, rows, settled

__all__ = ["Row", "one_or_all", "rows", "settled"]
