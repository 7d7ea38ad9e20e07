"""Readers: every file format and in-memory table that Penna reads."""

from penna.data.readers.read_table import Chunk, listed_pairs, named, read, stream

__all__ = ["Chunk", "listed_pairs", "named", "read", "stream"]
