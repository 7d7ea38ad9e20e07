"""Checks: what is wrong with a table, before any training. One file each; the folder is the registry.

A check looks and tells; it changes nothing, trains nothing, and is silent where it has nothing to look at. What is dear
to compute (out-of-fold probabilities, embeddings) is on the sheet or is not.
"""

from typing import Protocol

from penna import plugins
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext


class Check(Protocol):
    """What a file in this folder offers."""

    #: What it looks for, in a few words: ``penna check`` says what was looked for and not found.
    LOOKS_FOR: str
    #: Of the sheet, what it cannot do without and others have computed at length: "outputs", "vectors"; or "".
    NEEDS: str

    def find(self, sheet: CheckContext) -> list[Finding]:
        """Each finding with its count, its row numbers or columns, what Penna does, and what changes that."""
        ...


def names() -> list[str]:
    """All checks, sorted.

    >>> "duplicates" in names()
    True
    """
    return plugins.names("preprocessing.checks")


def find(name: str) -> Check:
    """Return the check called ``name``. Raises SettingError."""
    check: Check = plugins.find("preprocessing.checks", name)
    return check
