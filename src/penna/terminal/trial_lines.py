"""Trials in one line: family, encoder and the hyperparameters that differ from the family's first recipe."""

import re
from typing import TYPE_CHECKING

from penna.search.recipe import Recipe, short

if TYPE_CHECKING:
    from penna.search.trials import Trial

#: Most characters of a line about one trial.
WIDTH = 100


def brief(recipe: Recipe, usual: Recipe | None = None, width: int = WIDTH) -> str:
    """Return ``recipe`` in at most ``width`` characters, without hyperparameters that are as in ``usual``.

    >>> usual = Recipe.of("frozen", encoder="models/penna-mini", head="logistic", c=1.0)
    >>> brief(usual.replace(c=10.0), usual), brief(usual, usual)
    ('frozen penna-mini c=10', 'frozen penna-mini')
    """
    known = dict(usual.hyperparameters) if usual is not None else {}
    parts = [recipe.family]
    if recipe.get("encoder"):
        parts.append(short(recipe["encoder"]))
    for name, value in recipe.hyperparameters:
        if name != "encoder" and value != known.get(name) and not (usual is None and value in (False, None, "none")):
            parts.append(f"{name}={short(value)}")
    if recipe.fidelity != 1:
        parts.append(f"fidelity={recipe.fidelity:.2g}")
    text = " ".join(parts)
    return text if len(text) <= width else f"{text[: width - 1].rsplit(' ', 1)[0]} …"


class Usual:
    """The first recipe that was tried of each family: what later ones are compared with."""

    def __init__(self) -> None:
        self._first: dict[str, Recipe] = {}

    def brief(self, recipe: Recipe, width: int = WIDTH) -> str:
        """Return the recipe in one line; the first one of a family stands for its defaults."""
        usual = self._first.setdefault(recipe.family, recipe)
        return brief(recipe, usual, width)


class Skips:
    """Skipped trials, counted: those with one reason, but for its numbers, become one line."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[list[str], str]] = {}

    def add(self, name: str, reason: str) -> None:
        """Hold one skipped trial back."""
        names, _ = self._held.setdefault(re.sub(r"\d[\d.,]*", "", reason), ([], reason))
        names.append(name)

    def lines(self) -> list[str]:
        """Return one line for each reason, and forget them."""
        held, self._held = self._held, {}
        return [
            f"skipped {names[0]}: {reason}" if len(names) == 1 else f"skipped {len(names)} trials: {reason}"
            for names, reason in held.values()
        ]


def names_of(trials: "list[Trial]") -> list[str]:
    """Return each trial's line, in the order of the trials."""
    usual = Usual()
    lines = {t.number: usual.brief(t.recipe, 60) for t in sorted(trials, key=lambda t: t.number)}
    return [lines[t.number] for t in trials]
