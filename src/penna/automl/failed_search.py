"""Searches that end without a model: why, in one sentence."""

import numpy as np

from penna.automl import refit
from penna.automl.search_loop import STOPPED, Search
from penna.budget import OutOfTime
from penna.data.table import Table
from penna.errors import RunError


def packed(search: Search, test: Table, ended: str) -> refit.FitResult:
    """Return what the search chose, packed. Raises RunError where no model was finished."""
    try:
        return refit.pack(search, test, ended)
    except OutOfTime:
        raise RunError(_why(search, ended)) from None


def _why(search: Search, ended: str) -> str:
    if ended == STOPPED:
        return "it was stopped before a model was finished: start again, and give it longer."
    if not search.portfolio:
        return f"{' and '.join(search.families)} offer nothing for such rows: add linear to --families."
    reasons = "; ".join(dict.fromkeys(t.reason for t in search.trial_log.trials if t.reason)) or "too little time"
    budget = search.problem.budget
    free = budget.admits(np.inf, np.inf)
    under, ceilings = (
        ("", "") if free else (" and under the ceilings", " or the ceilings (--max-size-mb, --max-latency-ms)")
    )
    return f"no model was finished within {budget.seconds:g} s{under} ({reasons}): raise --budget{ceilings}."
