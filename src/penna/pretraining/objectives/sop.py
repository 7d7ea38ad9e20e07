"""Sentence-order prediction: do two segments of one text stand in order, or swapped? Lan et al. 2020, section 3.1."""

from penna.pretraining.objectives import Objective, Terms
from penna.pretraining.objectives._pairs import Pairs


def make(terms: Terms) -> Objective:
    return Pairs("sop", "order")
