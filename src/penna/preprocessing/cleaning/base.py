"""Cleaning of texts: small pure steps, one file each; the folder is the registry.

Learns nothing, so that no row can teach another: a text is cleaned alike in training, in every fold and when it is
served.

A recipe names its steps in the hyperparameter ``clean``, joined by "+" in the order that they are taken in, each with a
choice where it offers one: ``"unicode:nfkc+markup+spaces"``. The artefact stores the same steps, and replays them.
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
#: No sensible cleaning takes more steps; an artefact that names more is damaged.
MOST_STEPS = 16


class Step(Protocol):
    """What a file in this folder offers."""

    #: What a recipe may ask of the step; the first is meant where it asks nothing. ``("",)`` where there is no choice.
    CHOICES: tuple[str, ...]
    #: What must be installed for the step, apart from penna and numpy.
    PACKAGES: tuple[str, ...]

    def clean(self, text: str, choice: str) -> str:
        """Return the text, cleaned; the same object, and quickly, where there is nothing to do. Never raises."""
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
        """From a recipe's hyperparameter.

        Raises SettingError, naming what there is, for a step or choice that is not known.
        """
        if names == NONE:
            return cls()
        parts = [part.strip().partition(":") for part in names.split("+")]
        return cls(tuple((name, _choice(name, choice)) for name, _, choice in parts))

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, str]]) -> "Cleaning":
        """From what ``to_json`` wrote. Raises SettingError for steps that this Penna lacks, ValueError for damage."""
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
        return tuple(sorted({package for name, _ in self.steps for package in _step(name).PACKAGES}))

    def text(self, text: str) -> str:
        """One text, cleaned."""
        return reduce(lambda cleaned, step: _step(step[0]).clean(cleaned, step[1]), self.steps, text)

    def column(self, cells: Objects) -> Objects:
        """(n,) texts, cleaned; some microseconds each, a fraction of one where there is nothing to do."""
        done: Any = cells
        for name, choice in self.steps:
            clean = _step(name).clean
            done = [clean(text, choice) for text in done]
        out = np.empty(len(cells), dtype=object)
        out[:] = done
        return out

    def __call__(self, table: Table) -> Table:
        """Return the same rows with cleaned texts, and so with hashes of their own: caches never mix the two."""
        if not self.steps:
            return table
        return replace(table, text={name: self.column(cells) for name, cells in table.text.items()})


def _step(name: str) -> Step:
    step: Any = plugins.find(ROOM, name)
    return step  # type: ignore[no-any-return]


def _choice(name: str, choice: str) -> str:
    """Return the choice, or the step's first where nothing was chosen."""
    offered = _step(name).CHOICES
    if choice and choice not in offered:
        there = f"choose one of {', '.join(offered)}" if offered != ("",) else "it offers none"
        raise SettingError(f"the step {name!r} of cleaning has no choice {choice!r}: {there}.")
    return choice or offered[0]
