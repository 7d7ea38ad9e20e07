"""Choose the cleaning that a search may use: ways that change these rows. Sees texts, never targets."""

from collections.abc import Mapping, Sequence

import numpy as np

from penna.data.table import Objects, Table
from penna.preprocessing.cleaning.base import NONE, Cleaning
from penna.search.recipe import Hyperparameter, Recipe

AUTO = "auto"
HYPERPARAMETER = "clean"
#: From mild to strong. The first is the default if it changes anything: over nine sets it gave TF-IDF models 0.1 points
#: and never took more than noise (benchmarks/cleaning.py). Case is left to the families, which can lower it.
LADDER = ("unicode+markup+spaces", "unicode+markup+links+spaces", "unicode+markup+links+numbers+spaces")
BLANK = "missing"
_ROWS = 2000
#: A way that changes a smaller share of rows than this, ignoring spacing, makes no difference to any trial.
_LEAST = 0.005
#: A way other than the default costs trials, and must change more.
_WORTH = 0.03


def offered(table: Table, requested: str = AUTO) -> tuple[str, ...]:
    """Return values of the hyperparameter ``clean``, the default first; empty if there is nothing to clean.

    ``requested`` is "auto", "none", or steps joined by "+", which every recipe then uses. Raises SettingError for
    unknown steps.
    """
    if requested != AUTO:
        return () if requested == NONE else (str(Cleaning.of(requested)),)
    if not table.text or not len(table):
        return ()
    sample = _sample(table)
    rungs, before = [], Cleaning.of("spaces")(Table(sample)).text
    for rung in LADDER:
        cells = Cleaning.of(rung)(Table(sample)).text
        if _changed(before, cells) >= (_LEAST if rung == LADDER[0] else _WORTH):
            rungs.append(rung)
            before = cells
    if len(sample) > 1 and _changed(before, Cleaning.of(BLANK)(Table(before)).text) >= _WORTH:
        rungs.append("+".join([*rungs[:1], BLANK]))
    if not rungs:
        return ()
    return (rungs[0], NONE, *rungs[1:]) if rungs[0] == LADDER[0] else (NONE, *rungs)


def hyperparameters(cleanings: Sequence[str]) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameter of cleaning for every family's space."""
    return (Hyperparameter(HYPERPARAMETER, values=tuple(cleanings)),) if cleanings else ()


def cleaned(portfolios: Sequence[Sequence[Recipe]], cleanings: Sequence[str]) -> list[Recipe]:
    """Return all recipes with the default cleaning, then the first of each family with the next one, to compare."""
    if not cleanings:
        return [recipe for recipes in portfolios for recipe in recipes]
    usual = [recipe.replace(clean=cleanings[0]) for recipes in portfolios for recipe in recipes]
    return usual + [recipes[0].replace(clean=other) for other in cleanings[1:2] for recipes in portfolios if recipes]


def _sample(table: Table) -> Mapping[str, Objects]:
    rows = np.arange(0, len(table), max(1, len(table) // _ROWS))
    return {name: cells[rows] for name, cells in table.text.items()}


def _changed(before: Mapping[str, Objects], after: Mapping[str, Objects]) -> float:
    """Return the share of rows with a changed cell."""
    differ = [before[name] != after[name] for name in before]
    return float(np.mean(np.any(differ, axis=0)))
