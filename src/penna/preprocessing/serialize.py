"""Serialize rows as text: the other columns before the text, for models that read text only. Learns nothing.

"Age: 34. Class Name: Knits. A lovely ...": a pretrained encoder knows numbers and names from its training (Hegselmann
et al. 2023, "TabLLM"). Truncation of a long row cuts the end of its text.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna.data.table import Table
from penna.preprocessing.columns import types
from penna.search.recipe import Hyperparameter, Recipe

HYPERPARAMETER = "row"
#: In place of True: only for rows without a text, which otherwise have no content.
BLANK = "blank"
#: A smaller share of such rows makes no difference to any trial.
_WORTH = 0.01
#: More columns leave no room for the text.
MOST_COLUMNS = 40
_LONGEST = 60  # characters of a value


def written(table: Table, which: bool | str = True) -> Table:
    """Return the rows with one text: the columns, then the texts. Missing values are omitted."""
    fields = dict(list(table.fields.items())[:MOST_COLUMNS])
    columns = {name: types.find(field.role).written(table.columns[name]) for name, field in fields.items()}
    # For a pair, the columns come before the first text.
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
    """Return the hyperparameters of serialization for a text-only family, if there are columns.

    ``blank`` is the share of rows without a text.
    """
    if not columns or needs != "text":
        return ()
    return (Hyperparameter(HYPERPARAMETER, values=(True, False, *([BLANK] if blank >= _WORTH else []))),)


def offered(recipes: Sequence[Recipe], columns: int, needs: str) -> list[Recipe]:
    """Return recipes of such a family that read whole rows; the first one repeats with the text only, to compare."""
    if not recipes or not hyperparameters(columns, needs):
        return list(recipes)
    return [recipes[0].replace(row=True), recipes[0], *(recipe.replace(row=True) for recipe in recipes[1:])]
