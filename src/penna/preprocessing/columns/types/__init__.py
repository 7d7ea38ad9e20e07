"""Column types: one file per type; the folder is the registry."""

from penna.preprocessing.columns.types.base import (
    ROOM,
    SHARE,
    STAND_INS,
    Kind,
    absent,
    find,
    fitting,
    known,
    names,
    stands_in,
    unread,
)

__all__ = ["ROOM", "SHARE", "STAND_INS", "Kind", "absent", "find", "fitting", "known", "names", "stands_in", "unread"]
