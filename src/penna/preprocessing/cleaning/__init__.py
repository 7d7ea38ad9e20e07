"""Text cleaning: one file per step; the folder is the registry."""

from penna.preprocessing.cleaning.base import MOST_STEPS, NONE, ROOM, Cleaning, Step

__all__ = ["MOST_STEPS", "NONE", "ROOM", "Cleaning", "Step"]
