"""Data checks: one file per check; the folder is the registry."""

from penna.preprocessing.checks.base import Check, find, names

__all__ = ["Check", "find", "names"]
