"""Explanations of the page's terms for new readers."""

from penna import plugins, postprocessing
from penna.metrics import describe
from penna.models.base import get_family
from penna.postprocessing.base import step_type
from penna.report import format

#: Where a recipe came from, and what became of it.
TRIALS = {
    "baseline": "the first recipe of all, which anything else must beat",
    "portfolio": "a recipe that is known to do well",
    "finalist": "one of the best, run again on a fold that chose nobody, or with another seed",
    "pruned": "stopped on the way, since others had done better by then",
    "skipped": "not run; the reason stands next to it",
    "failed": "broke off with an error",
}


def metric(name: str) -> str:
    """Return what a metric measures, as a sentence; "" for an unknown metric.

    >>> metric("accuracy")
    'Accuracy is the share of rows that are predicted correctly.'
    """
    meaning, called = describe(name).meaning, format.metric(name)
    return f"{called[:1].upper()}{called[1:]} is {meaning}." if meaning else ""


def model(name: str) -> str:
    """Return what was chosen, without its post-processing steps, as the subject of a sentence.

    >>> model("linear with temperature"), model("blend of 3"), model("own")
    ('A linear model', 'A blend of 3 models', 'The model "own"')
    """
    family = name.split(" with ")[0]
    if family.startswith("blend of "):
        return f"A {family} models"
    known = family in plugins.names("models") and get_family(family).DISPLAY_NAME
    return known or f'The model "{family}"'


def steps(name: str) -> str:
    """Return the post-processing steps of the chosen model, explained; "" if there are none.

    >>> steps("linear with oos_threshold")
    'Post-processing steps: oos_threshold (the out-of-scope class if no other is likely enough).'
    """
    found = name.split(" with ")[1:]
    steps_named = [_step(name) for name in found]
    return f"Post-processing steps: {', '.join(steps_named)}." if steps_named else ""


def _step(name: str) -> str:
    meaning = step_type(name).MEANING if name in plugins.names(postprocessing.ROOM) else ""
    return f"{format.plain(name, 60)} ({meaning})" if meaning else format.plain(name, 60)


def marker(family: str) -> str:
    """Return the shape of a family's dots in charts.

    >>> marker("linear"), marker("unknown")
    ('circle', 'other')
    """
    return get_family(family).MARKER if family in plugins.names("models") else "other"


def trials() -> str:
    """Return the words of the leaderboard."""
    return "".join(f"<li><b>{name}</b>: {meaning}</li>" for name, meaning in TRIALS.items())
