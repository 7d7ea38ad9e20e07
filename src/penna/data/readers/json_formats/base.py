"""JSON formats of tools and publications. One file per format; the folder is the registry.

A module offers ``KEYS`` and ``rows(record, number, name, notes)``; see ``Format``. It sees one record at a time, so
that files stream. It may offer ``settled(rows)``, which adds what only many rows together show.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from penna import plugins
from penna.data.readers.read_notes import Notes
from penna.errors import TableError

Row = dict[str, Any]


def _nothing(rows: Sequence[Row]) -> None:
    """Do nothing: the default of ``Format.settled``."""


@dataclass(frozen=True)
class Format:
    """The members of a format's module, with a default for every optional one."""

    name: str
    #: Keys of which a record of this format has at least one.
    KEYS: Collection[str]
    #: ``rows(record, number, name, notes)`` returns the rows of a record, or None if it is of another format.
    #: ``number`` and ``name`` are the record's and the file's, for messages; ``notes`` collects what is dropped.
    rows: Callable[[Any, int, str, Notes], list[Row] | None]
    #: ``settled(rows)`` adds to rows what only all of them together show.
    settled: Callable[[Sequence[Row]], None] = _nothing


def rows(record: Any, number: int, name: str, notes: Notes) -> list[Row] | None:
    """Return the rows of a record in a known format; None for any other. Raises TableError for a damaged one.

    >>> rows(["Ann left", {"entities": [[0, 3, "PER"]]}], 1, "a.json", Notes())
    [{'text': 'Ann left', 'entities': [[0, 3, 'PER']]}]
    """
    if isinstance(record, dict) and _keys().isdisjoint(record):  # most of millions of rows are in no such format
        return None
    for form in _forms():
        try:
            converted: list[Row] | None = form.rows(record, number, name, notes)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            tool = form.name.replace("_", " ")
            raise TableError(
                f"record {number} of {name} is not as {tool} writes it ({type(error).__name__}: {error}): correct or "
                "drop it."
            ) from None
        if converted is not None:
            return converted
    return None


def one_or_all(labels: Sequence[Any]) -> Any:
    """Return the label if there is one, else the list. If every row has one label, it is a class.

    >>> one_or_all(["a"]), one_or_all(["a", "b"]), one_or_all([])
    ('a', ['a', 'b'], [])
    """
    return labels[0] if len(labels) == 1 else list(labels)


def settled(rows: Sequence[Row]) -> None:
    """Let each format add to these rows what only all of them together show."""
    for form in _forms():
        form.settled(rows)


@cache
def _keys() -> frozenset[str]:
    return frozenset().union(*(form.KEYS for form in _forms()))


@cache
def _forms() -> tuple[Format, ...]:
    room = "data.readers.json_formats"
    return tuple(plugins.adapt(Format, room, name) for name in plugins.names(room))
