"""Which ways of cleaning a search may choose from: those that change these rows. Sees texts, never targets."""

from collections.abc import Mapping, Sequence

import numpy as np

from penna.data.table import Objects, Table
from penna.preprocessing.cleaning.base import NONE, Cleaning
from penna.search.recipe import Hyperparameter, Recipe

AUTO = "auto"
HYPERPARAMETER = "clean"
#: From the mildest up. The first is the default where it changes anything: over nine sets it gave TF-IDF models 0.1
#: points and never took more than noise (benchmarks/cleaning.py). Case is left to the families, which know it already.
LADDER = ("unicode+markup+spaces", "unicode+markup+links+spaces", "unicode+markup+links+numbers+spaces")
BLANK = "missing"
_ROWS = 2000
#: A rung that changes fewer of the rows than this, beyond their spacing, makes no difference to any trial.
_LEAST = 0.005
#: What is no default costs trials to be tried out, and must change more.
_WORTH = 0.03


def offered(table: Table, requested: str = AUTO) -> tuple[str, ...]:
    """Values of the hyperparameter ``clean``, the default first.

    None where there is nothing to choose and nothing to do.

    ``requested``: "auto", "none", or steps joined by "+", which are then taken in every recipe. Raises SettingError.
    """
    if requested != AUTO:
        return () if requested == NONE else (str(Cleaning.of(requested)),)
    if not table.text or not len(table):
        return ()
    some = _sample(table)
    rungs, before = [], Cleaning.of("spaces")(Table(some)).text
    for rung in LADDER:
        cells = Cleaning.of(rung)(Table(some)).text
        if _changed(before, cells) >= (_LEAST if rung == LADDER[0] else _WORTH):
            rungs.append(rung)
            before = cells
    if len(some) > 1 and _changed(before, Cleaning.of(BLANK)(Table(before)).text) >= _WORTH:
        rungs.append("+".join([*rungs[:1], BLANK]))
    if not rungs:
        return ()
    return (rungs[0], NONE, *rungs[1:]) if rungs[0] == LADDER[0] else (NONE, *rungs)


def hyperparameters(cleanings: Sequence[str]) -> tuple[Hyperparameter, ...]:
    """Return what every family's space has besides its own."""
    return (Hyperparameter(HYPERPARAMETER, values=tuple(cleanings)),) if cleanings else ()


def cleaned(portfolios: Sequence[Sequence[Recipe]], cleanings: Sequence[str]) -> list[Recipe]:
    """All families' recipes with the default cleaning; then the first of each again with the next, to compare."""
    if not cleanings:
        return [recipe for recipes in portfolios for recipe in recipes]
    usual = [recipe.replace(clean=cleanings[0]) for recipes in portfolios for recipe in recipes]
    return usual + [recipes[0].replace(clean=other) for other in cleanings[1:2] for recipes in portfolios if recipes]


def _sample(table: Table) -> Mapping[str, Objects]:
    rows = np.arange(0, len(table), max(1, len(table) // _ROWS))
    return {name: cells[rows] for name, cells in table.text.items()}


def _changed(before: Mapping[str, Objects], after: Mapping[str, Objects]) -> float:
    """Share of rows of which a cell is another."""
    differ = [before[name] != after[name] for name in before]
    return float(np.mean(np.any(differ, axis=0)))
