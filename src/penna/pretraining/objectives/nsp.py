"""Next-sentence prediction: does the second segment follow the first, or is it random? Devlin et al. 2019."""

from penna.pretraining.objectives._pairs import Pairs
from penna.pretraining.objectives.base import Objective, Terms


def make(terms: Terms) -> Objective:
    """Return the objective."""
    return Pairs("nsp", "next")
