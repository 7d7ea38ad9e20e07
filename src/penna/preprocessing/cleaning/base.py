"""Text cleaning: small pure steps, one file each; the folder is the registry.

Nothing is learned, so no row affects another: a text is cleaned identically in training, in every fold and at
prediction.

A recipe names its steps in the hyperparameter ``clean``, joined by "+" in the order of their use, each with a choice
if it offers one: ``"unicode:nfkc+markup+spaces"``. The artifact stores the same steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Protocol

import numpy as np

from penna import plugins
from penna.data.table import Objects, Table
from penna.errors import SettingError

ROOM = "preprocessing.cleaning"
NONE = "none"
#: No sensible cleaning has more steps; an artifact with more is damaged.
MOST_STEPS = 16


class Step(Protocol):
    """The members of a cleaning step."""

    #: Choices of the step; the first is the default. ``("",)`` if there is none.
    CHOICES: tuple[str, ...]
    #: Packages that the step needs, apart from penna and numpy.
    PACKAGES: tuple[str, ...]

    def clean(self, text: str, choice: str) -> str:
        """Return the cleaned text.

        If there is nothing to change, return the same object, and quickly. Never raise.
        """
        ...


@dataclass(frozen=True)
class Cleaning:
    """Steps as (name, choice), in order.

    >>> Cleaning.of("markup+spaces").text("a  <b>bold</b> claim")
    'a bold claim'
    """

    steps: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, names: str) -> "Cleaning":
        """Parse a recipe's hyperparameter. Raises SettingError, with the valid names, for an unknown step or choice."""
        if names == NONE:
            return cls()
        parts = [part.strip().partition(":") for part in names.split("+")]
        return cls(tuple((name, _choice(name, choice)) for name, _, choice in parts))

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, str]]) -> "Cleaning":
        """Read the result of ``to_json``.

        Raises
        ------
        SettingError
            If this Penna lacks a step.
        ValueError
            If the data is damaged.
        """
        if not isinstance(data, list) or len(data) > MOST_STEPS:
            raise ValueError("the steps of its cleaning are no list, or too many")
        return cls(tuple((str(line["step"]), _choice(str(line["step"]), str(line["choice"]))) for line in data))

    def to_json(self) -> list[dict[str, str]]:
        """Return a JSON-able form."""
        return [{"step": name, "choice": choice} for name, choice in self.steps]

    def __str__(self) -> str:
        names = [name if choice == _step(name).CHOICES[0] else f"{name}:{choice}" for name, choice in self.steps]
        return "+".join(names) or NONE

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that the steps need."""
        return tuple(sorted({package for name, _ in self.steps for package in _step(name).PACKAGES}))

    def text(self, text: str) -> str:
        """Return one text, cleaned."""
        return reduce(lambda cleaned, step: _step(step[0]).clean(cleaned, step[1]), self.steps, text)

    def column(self, cells: Objects) -> Objects:
        """Return texts, (n,), cleaned. A text takes some microseconds, and a fraction of one if nothing changes."""
        done: Any = cells
        for name, choice in self.steps:
            clean = _step(name).clean
            done = [clean(text, choice) for text in done]
        out = np.empty(len(cells), dtype=object)
        out[:] = done
        return out

    def __call__(self, table: Table) -> Table:
        """Return the rows with cleaned texts. Their hashes differ, so caches never mix the two."""
        if not self.steps:
            return table
        return replace(table, text={name: self.column(cells) for name, cells in table.text.items()})


def _step(name: str) -> Step:
    step: Any = plugins.find(ROOM, name)
    return step  # type: ignore[no-any-return]


def _choice(name: str, choice: str) -> str:
    """Return the choice, or the step's first if there is none."""
    offered = _step(name).CHOICES
    if choice and choice not in offered:
        hint = f"choose one of {', '.join(offered)}" if offered != ("",) else "it offers none"
        raise SettingError(f"the cleaning step {name!r} has no choice {choice!r}: {hint}.")
    return choice or offered[0]
