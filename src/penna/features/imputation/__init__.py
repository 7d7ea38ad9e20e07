"""Imputation of missing numbers: one file per method; the folder is the registry."""

from penna.features.imputation.base import FURTHEST, MOST_ROWS, ROOM, Filler, Filling, find, fit, restore

__all__ = ["FURTHEST", "MOST_ROWS", "ROOM", "Filler", "Filling", "find", "fit", "restore"]
