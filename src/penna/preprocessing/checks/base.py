"""Data checks before any training. One file per check; the folder is the registry.

A check reports findings and changes nothing, trains nothing, and is silent if it has nothing to inspect. Slow values
(out-of-fold probabilities, embeddings) are in the context or absent.
"""

from typing import Protocol

from penna import plugins
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext


class Check(Protocol):
    """The members of a check."""

    #: The subject in a few words: ``penna check`` lists the checks that found nothing.
    LOOKS_FOR: str
    #: The context value that the check needs: "outputs", "vectors" or "".
    NEEDS: str

    def find(self, sheet: CheckContext) -> list[Finding]:
        """Return findings, each with its count, rows or columns, Penna's action, and how to change that."""
        ...


def names() -> list[str]:
    """Return the names of all checks, sorted.

    >>> "duplicates" in names()
    True
    """
    return plugins.names("preprocessing.checks")


def find(name: str) -> Check:
    """Return the check called ``name``. Raises SettingError if there is none."""
    check: Check = plugins.find("preprocessing.checks", name)
    return check
