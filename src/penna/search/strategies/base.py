"""The protocol of search strategies.

Each strategy is one file with ``make(space, portfolio, profile) -> Strategy``; the folder is the registry. A strategy
proposes recipes and reads trials. It runs nothing, and sees only recipes, hyperparameters and trials.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from penna.search.recipe import Recipe
from penna.search.trials import State, Trial


@dataclass(frozen=True)
class Proposal:
    """A recipe to try on some folds, and the phase of the search that proposes it."""

    recipe: Recipe
    folds: tuple[int, ...]
    phase: str

    @property
    def key(self) -> str:
        """The identity of this proposal within the search."""
        return f"{self.recipe.id}@{','.join(map(str, self.folds))}"


class Strategy(Protocol):
    """A search strategy. Its state is in the trials alone, so that a resumed run needs nothing else."""

    def ask(self, trials: Sequence[Trial], left: float) -> Proposal | None:
        """Return the next proposal.

        Parameters
        ----------
        trials : sequence of Trial
            All trials so far, in order.
        left : float
            Seconds left for the search.

        Returns
        -------
        Proposal or None
            None ends the search.
        """
        ...

    def should_continue(self, trials: Sequence[Trial], recipe: Recipe, fraction: float, score: float) -> bool:
        """Return whether a running trial should continue.

        Parameters
        ----------
        trials : sequence of Trial
            All finished trials.
        recipe : Recipe
            The recipe of the running trial.
        fraction : float
            The share of its steps that are done, in (0, 1].
        score : float
            Its score now; higher is better.
        """
        ...


def finished(trials: Sequence[Trial], origin: str | None = None) -> list[Trial]:
    """Return the trials that have a score, of one phase or of all."""
    return [t for t in trials if t.state is State.COMPLETE and (origin is None or t.phase == origin)]


def untried(trials: Sequence[Trial], proposals: Iterable[Proposal]) -> Proposal | None:
    """Return the first proposal that was never made before, in any state; None if there is none."""
    proposed = {t.proposal_key for t in trials}
    return next((p for p in proposals if p.key not in proposed), None)
