"""Pretraining objectives: one file per objective; the folder is the registry."""

from penna.pretraining.objectives.base import Inputs, Measures, Objective, Pairing, Terms, View, drawing, parsed, rows

__all__ = ["Inputs", "Measures", "Objective", "Pairing", "Terms", "View", "drawing", "parsed", "rows"]
