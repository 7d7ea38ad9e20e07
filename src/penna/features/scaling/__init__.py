"""Scaling of numeric columns: one file per method; the folder is the registry."""

from penna.features.scaling.base import FURTHEST, ROOM, Points, Scale, centred, find, spread

__all__ = ["FURTHEST", "ROOM", "Points", "Scale", "centred", "find", "spread"]
