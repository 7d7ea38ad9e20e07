"""Tasks: one file per task; the folder is the registry."""

from penna.tasks.base import (
    Task,
    as_served,
    enough,
    find,
    given,
    hint,
    learnt,
    mixes,
    parts,
    placed,
    recognised,
    restore,
    spread,
    taken,
)

__all__ = [
    "Task",
    "as_served",
    "enough",
    "find",
    "given",
    "hint",
    "learnt",
    "mixes",
    "parts",
    "placed",
    "recognised",
    "restore",
    "spread",
    "taken",
]
