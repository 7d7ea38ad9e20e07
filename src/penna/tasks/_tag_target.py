"""The target of a tagger: how its column marks entities, and why it cannot be used. Knows tables; no model."""

from collections.abc import Sequence
from dataclasses import replace

from penna.data import ragged
from penna.data.table import Table
from penna.errors import TaskError
from penna.tasks import _span_cells
from penna.tasks._integer_tags import numbered, unnamed, words
from penna.tasks._tag_schemes import NAMES, Scheme


def parse_target(table: Table) -> Table:
    """Return the table with words in place of whole numbers, and their names; any other as it is.

    Raises TaskError where a number has no name.
    """
    if table.target is None:
        return table
    given = [cell for cell in _span_cells.cells(table.target) if numbered(cell)]
    if not given or not (table.tag_names or _span_cells.form_of(table) == _span_cells.TAGS):
        return table
    known = unnamed(given)
    if table.tag_names and len(known) > len(table.tag_names):
        raise TaskError(
            f"column {table.target_name!r} holds tags up to {len(known) - 1}, and {len(table.tag_names)} names were "
            "given: name each, from 0 (--tag-names O,B-PER,I-PER,...)."
        )
    return named(table, table.tag_names or known)


def named(table: Table, names: Sequence[str]) -> Table:
    """Return the table with these names in place of numbers; a number without one stays."""
    assert table.target is not None
    found = ragged.objects(words(cell, names) for cell in _span_cells.cells(table.target))
    return replace(table, target=found, tag_names=tuple(names))


def form_of(table: Table) -> tuple[str, Scheme]:
    """Return "tags" or "spans", and the scheme of tags. Raises TaskError."""
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    column = f"column {table.target_name!r}"
    if not any(_span_cells.cells(table.target)):
        raise TaskError(f"{column} has no entity in any of its {len(table)} rows: is it the target?")
    form = _span_cells.form_of(table)
    if form == _span_cells.SPANS:
        return form, Scheme()
    scheme = _span_cells.scheme_of(table)
    if isinstance(scheme, str):
        raise TaskError(
            f"the tags of {column} follow no known scheme ({scheme}): write them as one of {', '.join(NAMES)}, or say "
            "with --task multilabel that they are labels of whole rows."
        )
    if not form and not _span_cells.of_words(table):
        raise TaskError(
            f"{column} holds neither a tag for each word nor spans: give lists of tags as long as the lists of words, "
            'or [{"start": 0, "end": 5, "label": "..."}, ...].'
        )
    return _span_cells.TAGS, scheme
