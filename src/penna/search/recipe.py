"""What a search may choose: a frozen Recipe, and the SearchSpace of hyperparameters that it comes from.

Values only; runs nothing.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from penna.data.output_kind import OutputKind

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Recipe:
    """One complete, JSON-able choice: family, hyperparameters, effort and seed.

    ``effort`` in (0, 1] scales what a family spends at full effort (steps for an encoder, rows for a linear model).

    >>> Recipe.of("linear", c=1.0, words=2)["words"]
    2
    """

    family: str
    hyperparameters: tuple[tuple[str, Scalar], ...] = ()
    fidelity: float = 1.0
    seed: int = 0

    @classmethod
    def of(cls, family: str, /, *, fidelity: float = 1.0, seed: int = 0, **hyperparameters: Scalar) -> "Recipe":
        return cls.from_values(family, hyperparameters, fidelity=fidelity, seed=seed)

    @classmethod
    def from_values(
        cls, family: str, hyperparameters: Mapping[str, Scalar], *, fidelity: float = 1.0, seed: int = 0
    ) -> "Recipe":
        """Return a recipe from a mapping of hyperparameters, where ``of`` takes them by name."""
        return cls(family, tuple(sorted(hyperparameters.items())), fidelity, seed)

    def __getitem__(self, hyperparameter: str) -> Any:
        return dict(self.hyperparameters)[hyperparameter]

    def get(self, hyperparameter: str, default: Scalar = None) -> Any:
        return dict(self.hyperparameters).get(hyperparameter, default)

    def replace(self, *, fidelity: float | None = None, seed: int | None = None, **hyperparameters: Scalar) -> "Recipe":
        """Return the same recipe with some hyperparameters, the effort or the seed changed."""
        merged = tuple(sorted((dict(self.hyperparameters) | hyperparameters).items()))
        return replace(
            self,
            hyperparameters=merged,
            fidelity=self.fidelity if fidelity is None else fidelity,
            seed=self.seed if seed is None else seed,
        )

    @property
    def id(self) -> str:
        """Ten hexadecimal digits that name this choice, equal for equal recipes."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:10]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {
            "family": self.family,
            "hyperparameters": dict(self.hyperparameters),
            "fidelity": self.fidelity,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Recipe":
        """Return the object that ``to_json`` wrote."""
        return cls.from_values(data["family"], data["hyperparameters"], fidelity=data["fidelity"], seed=data["seed"])

    def __str__(self) -> str:
        # What is switched off is left out: a row of a leaderboard should show what a recipe does.
        inside = " ".join(f"{k}={short(v)}" for k, v in self.hyperparameters if v not in (False, None, "none"))
        return f"{self.family}[{inside}]" + ("" if self.fidelity == 1 else f" fidelity={self.fidelity:.2g}")


def short(value: Scalar) -> str:
    """Return a value as a table shows it: few digits, and the last part of a path."""
    if isinstance(value, float):
        return f"{value:.3g}"
    # A local checkpoint is a long path; its last part says enough in a table.
    return str(value).rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Hyperparameter:
    """One named choice: ``values`` to pick from, or a numeric range ``low..high`` (``log`` and ``whole`` say how).

    ``when`` = (other hyperparameter, allowed values) makes it conditional: it exists only where the other
    hyperparameter has one of those.
    """

    name: str
    values: tuple[Scalar, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    when: tuple[str, tuple[Scalar, ...]] | None = None

    def active(self, chosen: Mapping[str, Scalar]) -> bool:
        return self.when is None or (self.when[0] in chosen and chosen[self.when[0]] in self.when[1])


@dataclass(frozen=True)
class SearchSpace:
    """The hyperparameters of every family in a search. Families without hyperparameters to turn have an empty tuple.

    A hyperparameter's condition may only name a hyperparameter that stands before it.
    """

    families: tuple[tuple[str, tuple[Hyperparameter, ...]], ...] = ()

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.families)

    def hyperparameters(self, family: str) -> tuple[Hyperparameter, ...]:
        return dict(self.families)[family]


@dataclass(frozen=True)
class DatasetProfile:
    """What a family may know about the work before it offers recipes: sizes, never rows.

    ``classes`` are the columns of its outputs: one for a number.
    """

    rows: int
    classes: int
    rows_in_smallest_class: int
    mean_characters: float
    encoders: tuple[str, ...] = ()  # local folders, all of them checked
    cleanings: tuple[str, ...] = ()  # ways of cleaning that change these rows, the default first
    seconds: float = field(default=600.0)  # the whole budget
    folds: int = 1  # folds that each recipe meets in the first round
    again: tuple[int, ...] = ()  # folds that finalists meet, where there are others
    seed: int = 0
    output_kind: OutputKind = OutputKind.CLASS_PROBABILITIES  # of the task
    columns: int = 0  # other than the text
    numbers: int = 0  # of them, those of numbers
    gaps: int = 0  # of these, those in which some are missing
    blank: float = 0.0  # share of rows without a text
    pair: bool = False  # rows are pairs of texts
    long: float = 0.0  # share of rows with a text that an encoder may not read at once
    noise: str = "auto"  # what is to become of rows that are doubted: "auto" where the search may choose
