"""Search strategies: one file per strategy; the folder is the registry."""

from penna.search.strategies.base import Proposal, Strategy, finished, untried

__all__ = ["Proposal", "Strategy", "finished", "untried"]
