"""Small tables for tests: any cells, or texts in which a few words decide the class or the number."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.data import ragged
from penna.data.table import Table

_WORDS = ("card", "film", "money", "story")


def make_table(
    texts: Sequence[Any] | None = None, target: Sequence[Any] | None = None, *, column: str = "text", **fields: Any
) -> Table:
    """Return a table of these texts and this target.

    Parameters
    ----------
    texts : sequence, optional
        (n,) the cells of the text column. Default: "text 0", "text 1", ... for each cell of the target.
    target : sequence, optional
        (n,) the cells of the target, of any type.
    column : str
        Name of the text column.
    **fields
        Other fields of ``Table``.

    Returns
    -------
    Table
        A table whose rows are counted from 1.

    Examples
    --------
    >>> make_table(target=[("a", "b"), ()]).text["text"].tolist()
    ['text 0', 'text 1']
    """
    if texts is None:
        texts = [f"text {i}" for i in range(len(target or ()))]
    cells = None if target is None else ragged.objects(target)
    return Table({column: ragged.objects(texts)}, cells, rows=np.arange(1, len(texts) + 1), **fields)


def classes_table(rows: int = 80, classes: int = 2, seed: int = 0) -> Table:
    """Return a table of short texts whose class one word gives away.

    >>> table = classes_table(4)
    >>> table.target.tolist()
    ['card', 'film', 'card', 'film']
    """
    rng = np.random.default_rng(seed)
    kinds = np.arange(rows) % classes
    texts = [f"where is the {_WORDS[k]}{' very' * int(rng.integers(3))} my {i}" for i, k in enumerate(kinds)]
    target = np.array([_WORDS[k] for k in kinds], object)
    return Table({"text": ragged.objects(texts)}, target, rows=np.arange(1, rows + 1))


def numbers_table(rows: int = 80, seed: int = 0) -> Table:
    """Return a table of short texts whose target is a number that one word decides."""
    table = classes_table(rows, 4, seed)
    noise = np.random.default_rng(seed).random(rows)
    return Table(table.text, (np.arange(rows) % 4 + noise).astype(object), rows=table.rows)
