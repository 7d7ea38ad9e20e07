"""Sentence-order prediction: do two segments of one text stand in order, or swapped? Lan et al. 2020, section 3.1."""

from penna.pretraining.objectives._pairs import Pairs
from penna.pretraining.objectives.base import Objective, Terms


def make(terms: Terms) -> Objective:
    """Return the step or objective that these values describe."""
    return Pairs("sop", "order")
