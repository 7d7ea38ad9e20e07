"""Model families: one folder per family; the folder is the registry."""

from penna.models.base import Cost, Family, Model, Pruned, Reads, Report, truncation

__all__ = ["Cost", "Family", "Model", "OutOfTime", "Pruned", "Reads", "Report", "Resources", "truncation"]
