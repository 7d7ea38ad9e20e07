"""The local runner: one trial after the other, in this process. Knows the trial log and the clock."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from penna.search.trials import Trial, TrialLog

Proposal = TypeVar("Proposal")
Outputs = Mapping[int, np.ndarray[Any, Any]]


def run(
    ask: Callable[[Sequence[Trial], float], Proposal | None],
    attempt: Callable[[Proposal, float], tuple[Trial, Outputs]],
    on_trial_end: Callable[[Trial], None],
    trial_log: TrialLog,
    left: Callable[[], float],
) -> str:
    """Propose, run and record trials until there is no proposal or no time, and return why it ended.

    Parameters
    ----------
    ask : callable
        ``ask(trials, left)`` returns the next proposal, or None to end the search.
    attempt : callable
        ``attempt(proposal, left)`` runs it and returns the trial and its outputs by fold.
    on_trial_end : callable
        Called with each recorded trial.
    trial_log : TrialLog
        Records every trial.
    left : callable
        Returns the seconds left for the search. It may fall faster than the clock, because the time for finishing
        depends on the best model.

    Returns
    -------
    str
        "time", or "nothing more worth trying".
    """
    while (seconds := left()) > 0:
        proposal = ask(trial_log.trials, seconds)
        if proposal is None:
            return "nothing more worth trying"
        trial, outputs = attempt(proposal, seconds)
        on_trial_end(trial_log.append(trial, outputs))
    return "time"
