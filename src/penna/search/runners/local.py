"""One attempt after the other, in this process. Knows the trial log and the clock."""

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
    ledger: TrialLog,
    left: Callable[[], float],
) -> str:
    """Propose, run and record until nothing is proposed or no time is left; returns why it ended.

    ``left`` gives the seconds that searching may still take; it may shrink by more than the clock does, since what
    finishing takes depends on what was found.
    """
    while (seconds := left()) > 0:
        proposal = ask(ledger.trials, seconds)
        if proposal is None:
            return "nothing more worth trying"
        trial, outputs = attempt(proposal, seconds)
        on_trial_end(ledger.append(trial, outputs))
    return "time"
