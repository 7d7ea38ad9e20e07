"""Recipes, hyperparameters and search spaces: frozen values of a search. Runs nothing."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from penna.data.output_kind import OutputKind

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Recipe:
    """One complete choice of a search, immutable and convertible to JSON.

    Parameters
    ----------
    family : str
        Name of the family.
    hyperparameters : tuple of (str, scalar)
        Hyperparameters, sorted by name.
    fidelity : float
        Share of a full fit in (0, 1]: steps for an encoder, rows for a linear model.
    seed : int
        Seed of everything that is random in the fit.

    Examples
    --------
    >>> Recipe.of("linear", c=1.0, words=2)["words"]
    2
    """

    family: str
    hyperparameters: tuple[tuple[str, Scalar], ...] = ()
    fidelity: float = 1.0
    seed: int = 0

    @classmethod
    def of(cls, family: str, /, *, fidelity: float = 1.0, seed: int = 0, **hyperparameters: Scalar) -> "Recipe":
        """Return a recipe from hyperparameters as keyword arguments."""
        return cls.from_values(family, hyperparameters, fidelity=fidelity, seed=seed)

    @classmethod
    def from_values(
        cls, family: str, hyperparameters: Mapping[str, Scalar], *, fidelity: float = 1.0, seed: int = 0
    ) -> "Recipe":
        """Return a recipe from a mapping of hyperparameters."""
        return cls(family, tuple(sorted(hyperparameters.items())), fidelity, seed)

    def __getitem__(self, hyperparameter: str) -> Any:
        return dict(self.hyperparameters)[hyperparameter]

    def get(self, hyperparameter: str, default: Scalar = None) -> Any:
        """Return the value of a hyperparameter, or ``default``."""
        return dict(self.hyperparameters).get(hyperparameter, default)

    def replace(self, *, fidelity: float | None = None, seed: int | None = None, **hyperparameters: Scalar) -> "Recipe":
        """Return the same recipe with other hyperparameters, fidelity or seed."""
        merged = tuple(sorted((dict(self.hyperparameters) | hyperparameters).items()))
        return replace(
            self,
            hyperparameters=merged,
            fidelity=self.fidelity if fidelity is None else fidelity,
            seed=self.seed if seed is None else seed,
        )

    @property
    def id(self) -> str:
        """Ten hexadecimal digits, equal for equal recipes."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:10]

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
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
        # Values that are switched off are omitted: a leaderboard should show what a recipe does.
        inside = " ".join(f"{k}={short(v)}" for k, v in self.hyperparameters if v not in (False, None, "none"))
        return f"{self.family}[{inside}]" + ("" if self.fidelity == 1 else f" fidelity={self.fidelity:.2g}")


def short(value: Scalar) -> str:
    """Return a value for a table: few digits, and the last part of a path."""
    if isinstance(value, float):
        return f"{value:.3g}"
    # A local checkpoint is a long path; its last part says enough in a table.
    return str(value).rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Hyperparameter:
    """A named choice: one of ``values``, or a number from ``low`` to ``high``.

    Parameters
    ----------
    name : str
        Its name in a recipe.
    values : tuple of scalar
        The possible values; empty for a range.
    low, high : float
        The limits of a range, both included.
    log, whole : bool
        Whether the range is logarithmic, and whether values are integers.
    when : (str, tuple of scalar), optional
        Condition: it is active only if this other hyperparameter has one of these values.
    """

    name: str
    values: tuple[Scalar, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    when: tuple[str, tuple[Scalar, ...]] | None = None

    def active(self, chosen: Mapping[str, Scalar]) -> bool:
        """Return whether its condition holds for the values chosen so far."""
        return self.when is None or (self.when[0] in chosen and chosen[self.when[0]] in self.when[1])


@dataclass(frozen=True)
class SearchSpace:
    """The hyperparameters of every family in a search; a family without any has an empty tuple.

    A condition may only name an earlier hyperparameter of the same family.
    """

    families: tuple[tuple[str, tuple[Hyperparameter, ...]], ...] = ()

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.families)

    def hyperparameters(self, family: str) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters of a family."""
        return dict(self.families)[family]


@dataclass(frozen=True)
class DatasetProfile:
    """The facts that a family sees before it offers recipes: sizes, never rows.

    ``classes`` is the number of output columns: one for regression.
    """

    rows: int
    classes: int
    rows_in_smallest_class: int
    mean_characters: float
    encoders: tuple[str, ...] = ()  # local folders, all checked
    cleanings: tuple[str, ...] = ()  # text cleanings that change these rows, the default first
    seconds: float = field(default=600.0)  # the whole budget
    folds: int = 1  # folds of the first round
    again: tuple[int, ...] = ()  # other folds, for finalists
    seed: int = 0
    output_kind: OutputKind = OutputKind.CLASS_PROBABILITIES  # of the task
    columns: int = 0  # columns other than the text
    numbers: int = 0  # numeric columns among them
    gaps: int = 0  # numeric columns with missing values
    blank: float = 0.0  # share of rows without a text
    pair: bool = False  # rows are pairs of texts
    long: float = 0.0  # share of rows with a text longer than an encoder's input
    noise: str = "auto"  # treatment of suspicious labels; "auto": the search may choose
