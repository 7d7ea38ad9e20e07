"""Features of columns other than the text: one file per column type; the folder is the registry."""

from penna.features.columns.base import RARE, ROOM, Columns, Encoding, Maker, Way, fit, floats, indicator, restore

__all__ = ["RARE", "ROOM", "Columns", "Encoding", "Maker", "Way", "fit", "floats", "indicator", "restore"]
