"""Rows as text: the columns other than the text written before it, for models that read nothing else. Learns nothing.

"Age: 34. Class Name: Knits. What a lovely ...": a pretrained encoder knows numbers and names from reading (Hegselmann
et al. 2023, "TabLLM"). What is cut off a long row is the end of its text.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna.data.table import Table
from penna.preprocessing.columns import types
from penna.search.recipe import Hyperparameter, Recipe

HYPERPARAMETER = "row"
#: In place of True: only of rows without a text, which else say nothing.
BLANK = "blank"
#: A smaller share of such rows makes no difference to any trial.
_WORTH = 0.01
#: More columns leave no room for the text.
MOST_COLUMNS = 40
_LONGEST = 60  # characters of a value


def written(table: Table, which: bool | str = True) -> Table:
    """Return the same rows with one text: the columns, then the texts; what is missing is not mentioned."""
    known = dict(list(table.fields.items())[:MOST_COLUMNS])
    columns = {name: types.find(field.role).written(table.columns[name]) for name, field in known.items()}
    # Of a pair, the columns stand before the first text.
    texts = table.full_text if table.pair is None else table.pair_tables[0].full_text
    out = np.empty(len(table), dtype=object)
    for i, text in enumerate(texts):
        if which == BLANK and text and not text.isspace():
            out[i] = text
            continue
        sentence = " ".join(f"{name}: {cells[i][:_LONGEST]}." for name, cells in columns.items() if cells[i])
        out[i] = f"{sentence}\n{text}" if sentence and text else sentence or text
    if table.pair is not None:
        return replace(table, text={**table.text, table.pair[0]: out})
    return replace(table, text={HYPERPARAMETER: out})


def hyperparameters(columns: int, needs: str, blank: float = 0.0) -> tuple[Hyperparameter, ...]:
    """Return what the space of a family that reads text alone has besides its own, where there are columns.

    ``blank``: share of rows without a text.
    """
    if not columns or needs != "text":
        return ()
    return (Hyperparameter(HYPERPARAMETER, values=(True, False, *([BLANK] if blank >= _WORTH else []))),)


def offered(recipes: Sequence[Recipe], columns: int, needs: str) -> list[Recipe]:
    """Return the recipes of such a family that read whole rows.

    The first of them again with the text alone, to compare.
    """
    if not recipes or not hyperparameters(columns, needs):
        return list(recipes)
    return [recipes[0].replace(row=True), recipes[0], *(recipe.replace(row=True) for recipe in recipes[1:])]
