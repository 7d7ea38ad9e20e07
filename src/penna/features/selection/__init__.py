"""Selection of n-grams: one file per measure; the folder is the registry."""

from penna.features.selection.base import ROOM, Measure, best, find, members

__all__ = ["ROOM", "Measure", "best", "find", "members"]
