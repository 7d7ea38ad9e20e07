"""Sentence-order prediction: are two segments of one text in order, or swapped? Lan et al. 2020, section 3.1."""

from penna.pretraining.objectives._pairs import Pairs
from penna.pretraining.objectives.base import Objective, Terms


def make(terms: Terms) -> Objective:
    """Return the objective."""
    return Pairs("sop", "order")
