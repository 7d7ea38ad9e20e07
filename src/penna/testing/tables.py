"""Small tables for tests: a few words decide the class, or the number."""

import numpy as np

from penna.data import ragged
from penna.data.table import Table

_WORDS = ("card", "film", "money", "story")


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
