"""Why a search ended without a model, in one sentence."""

import math

from penna.automl.search_loop import SearchResult


def reason(result: SearchResult) -> str:
    """Return why no model was finished, and what to do."""
    if result.stopped:
        return "it was stopped before a model was finished: start again, and give it longer."
    if not result.has_candidates:
        return f"{' and '.join(result.families)} offer nothing for such rows: add linear to --families."
    reasons = "; ".join(dict.fromkeys(t.reason for t in result.trials if t.reason)) or "too little time"
    budget = result.problem.budget
    under, ceilings = "", ""
    if not budget.admits(math.inf, math.inf):
        under, ceilings = " and under the ceilings", " or the ceilings (--max-size-mb, --max-latency-ms)"
    return f"no model was finished within {budget.seconds:g} s{under} ({reasons}): raise --budget{ceilings}."
