"""Explanations: how much each word and column contributed to a prediction."""

from penna.explain.base import Explanation, explain

__all__ = ["Explanation", "explain"]
