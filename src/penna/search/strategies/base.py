"""Search strategies.

One file each; the folder is the registry. A strategy proposes, and reads results; it never runs anything, and sees
recipes, hyperparameters and trials alone.

A file here offers ``make(space, portfolio, profile) -> Strategy``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from penna.search.recipe import Recipe
from penna.search.trials import State, Trial


@dataclass(frozen=True)
class Proposal:
    """A recipe to try on some folds, and the phase of the search that asks for it."""

    recipe: Recipe
    folds: tuple[int, ...]
    phase: str

    @property
    def key(self) -> str:
        """What tells this proposal from every other of the search."""
        return f"{self.recipe.id}@{','.join(map(str, self.folds))}"


class Strategy(Protocol):
    """Asks come one at a time; what became of earlier ones is read off the trials, so a resumed run needs no more."""

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the next proposal, with ``left`` seconds for searching.

        None when there is nothing more worth trying.
        """
        ...

    def should_continue(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        """Whether a running trial with this score, after this share of its steps, should go on."""
        ...


def finished(trials: Sequence[Trial], origin: str | None = None) -> list[Trial]:
    """Return the trials that have a score, of one phase or of all."""
    return [t for t in trials if t.state is State.COMPLETE and (origin is None or t.phase == origin)]


def untried(trials: Sequence[Trial], proposals: Iterable[Proposal]) -> Proposal | None:
    """Return the first that was never proposed, whatever became of those that were."""
    known = {t.proposal_key for t in trials}
    return next((p for p in proposals if p.key not in known), None)
