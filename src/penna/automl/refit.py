"""From a choice to the artefact: refit on all search rows, write, then open the exam once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from penna import plugins
from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.atomic_folders import level
from penna.automl import best_model, label_noise, postprocess
from penna.automl.best_model import Fitted
from penna.automl.evaluate import BROKEN, WHOLE
from penna.automl.search_loop import STOPPED, Search
from penna.automl.selection import Choice
from penna.budget import Deadline, OutOfTime
from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.errors import EncoderError
from penna.models import pipeline
from penna.models.base import Model, reach
from penna.models.ensemble import Blend
from penna.preprocessing import cleaning_report
from penna.preprocessing import label_noise as doubt
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import KNOB
from penna.report import format
from penna.report.record import Length
from penna.search.recipe import Recipe
from penna.search.trials import Trial

#: The least and the most seconds in which the latency of one text, and of a batch, is measured.
MEASURING = (0.2, 1.0)
#: After Ctrl-C nobody wants to wait: what takes longer to refit than this is served as it was kept.
PATIENCE = 10.0


@dataclass(frozen=True)
class Member:
    """One model of the artefact, which reads cleaned texts: its trial, its weight, whether it was refitted, and what it
    reads of long texts."""

    trial: Trial
    weight: float
    model: Model
    refitted: bool
    reach: Length


@dataclass(frozen=True)
class Packed:
    """The artefact as written, what it was made of, and what it answered in the exam."""

    bundle: Bundle
    choice: Choice
    members: tuple[Member, ...]
    measured: dict[str, Any]
    y: Array
    outputs: Array
    latency: dict[str, float]  # milliseconds, as measured on what was written
    doubted: tuple[Finding, ...] = ()  # rows whose label models doubt, and what became of them
    cleaned: tuple[Finding, ...] = ()  # texts that are read cleaned


def pack(search: Search, exam: Table, ended: str) -> Packed:
    """Fit the choice again on all rows but the exam's, as far as time allows, with the last steps that help on rows
    they did not learn from; write it, and let it answer the exam.

    Raises OutOfTime where there is no model at all.
    """
    finish = search.goal.deadline
    if ended == STOPPED:
        finish = Deadline(min(finish.seconds, finish.spent() + search.finishing_seconds() + PATIENCE), finish.started)
        search.goal = replace(search.goal, adjusting=min(search.goal.adjusting, PATIENCE / 5))
    while True:
        choice, members = _fitted(search, finish)
        opened = _write(search, choice, members)
        latency = bundle.latency(opened, exam, seconds=float(np.clip(finish.left() / 4, *MEASURING)))
        if search.work.budget.admits(bundle.megabytes(opened.folder), latency["one_text_ms"]):
            break
        search.progress.event("skipped", name=str(choice), reason="over a ceiling once written and measured")
        search.too_large.add(frozenset(t.number for t, _ in choice.members))
        search.best_models.overwritten()
    outputs = opened.outputs(exam)
    y = search.work.task.encode(exam)
    said = _doubted(search, members), _cleaned(search, members)
    return Packed(opened, choice, tuple(members), search.work.task.measure(y, outputs), y, outputs, latency, *said)


def _fitted(search: Search, finish: Deadline) -> tuple[Choice, list[Member]]:
    """What is served, and its models: refitted where time allows, else as they were kept. Raises OutOfTime."""
    done = search.best_models.finished
    left = finish.left() - search.finishing_seconds() - search.goal.adjusting
    choice = search.choose(left)
    if done is not None and (choice is None or choice.score <= done.choice.score):
        return done.choice, [_member(fitted, weight, refitted) for fitted, weight, refitted in done.members]
    choice = _adjusted(search, search.in_full(choice, left), left)
    choice = choice or _adjusted(search, _kept(search), 0.0)
    members = [] if choice is None else _members(search, choice, finish)
    if choice is not None and members and len(members) < len(choice.members):
        choice = _stepped(search, [_left(choice, members)])
    if not members and (kept := _kept(search)) is not None:  # every refit failed
        choice = _adjusted(search, kept, 0.0) or kept
        members = [_as_kept(search, choice.members[0][0], 1.0)]
    if choice is None or not members:
        raise OutOfTime("no model was finished under the ceilings")
    return choice, members


def _adjusted(search: Search, choice: Choice | None, left: float) -> Choice | None:
    """With its last steps, where these take no more of the whole time than was kept back for them.

    Another that can be finished in what is ``left`` stands in its place where last steps make it the better one.
    """
    return None if choice is None else _stepped(search, [choice, *search.others(left, postprocess.MOST_OTHERS)])


def _stepped(search: Search, choices: Sequence[Choice]) -> Choice:
    """The first of these with its last steps, or another that they make the better one."""
    seconds = min(search.goal.adjusting, search.goal.deadline.left())
    choice = postprocess.finish(choices, search.evidence, seconds) if seconds > 0 else choices[0]
    return postprocess.rejecting(choice, search.evidence)


def _left(choice: Choice, members: Sequence[Member]) -> Choice:
    """What is left of a choice whose other members could not be fitted again: last steps were learnt of them all."""
    trials = tuple((m.trial, m.weight) for m in members)
    if len(trials) > 1:
        return replace(choice, members=trials, last=())
    return Choice(trials, members[0].trial.score, members[0].trial.spread)


def _kept(search: Search) -> Choice | None:
    """The best kept model as a choice of its own, of those that stay under the ceilings."""
    for trial in search.best_models.ranked():
        fits = search.work.budget.admits(trial.megabytes, trial.milliseconds)
        if fits and frozenset([trial.number]) not in search.too_large:
            return Choice(((trial, 1.0),), trial.score, trial.spread)
    return None


def _as_kept(search: Search, trial: Trial, weight: float) -> Member:
    """The model of a trial as it was fitted in the search."""
    return _member(search.best_models.get(trial.number), weight, refitted=False)


def _member(fitted: Fitted, weight: float, refitted: bool) -> Member:
    return Member(fitted.trial, weight, fitted.model, refitted, fitted.reach)


def _members(search: Search, choice: Choice, finish: Deadline) -> list[Member]:
    """Every member fitted again on all rows, kept ones only where time allows; weights sum to one.

    A member whose refit fails is left out, and said.
    """
    trials = [t for t, _ in choice.members]
    members: list[Member] = []
    for i, (trial, weight) in enumerate(choice.members):
        others = sum(map(search.least_seconds, trials[i + 1 :])) + sum(map(search.answer_seconds, trials[: i + 1]))
        deadline = finish.before(search.finishing_seconds() + others)
        enough = not search.work.refits or search.refit_seconds(trial) > deadline.left()
        kept = trial.number in search.best_models.numbers
        if kept and enough:
            members.append(_as_kept(search, trial, weight))
            continue
        model = _refit(search, trial, deadline)
        if model is not None:
            members.append(Member(trial, weight, model, True, cast(Length, reach(trial.recipe, model))))
        elif kept:
            members.append(_as_kept(search, trial, weight))
    total = sum(m.weight for m in members)
    return [replace(m, weight=m.weight / total) for m in members]


def _refit(search: Search, trial: Trial, deadline: Deadline) -> Model | None:
    rows = _learnt(search, trial)
    search.progress.event("phase", name=f"refitting {trial.recipe.family} on {len(rows):,} rows")
    family = plugins.find("models", trial.recipe.family)
    resources = replace(search.goal.resources, deadline=deadline)
    try:
        model: Model = family.fit(trial.recipe, search.work.task, rows, None, resources, lambda *_: True)
    except (OutOfTime, EncoderError, *BROKEN) as error:
        search.progress.event("skipped", name=f"refit of #{trial.number}", reason=f"{type(error).__name__}: {error}")
        return None
    return model


def _learnt(search: Search, trial: Trial) -> Table:
    """All rows but the exam's, doubtful ones treated as the trial's recipe asks."""
    if label_noise.needed(trial.recipe) and search.doubt((WHOLE,)):
        return search.work.training(trial.recipe.but(noise=doubt.KEEP), WHOLE)  # no time was left to look
    return search.work.training(trial.recipe, WHOLE)


def _doubted(search: Search, members: Sequence[Member]) -> tuple[Finding, ...]:
    """What became of rows whose label is doubted, by the member that weighs most; nothing where nobody looked."""
    work = search.work
    if WHOLE not in work.doubts:
        return ()
    how = max(members, key=lambda m: m.weight).trial.recipe.get(doubt.KNOB, doubt.KEEP)
    rows = work.table.take(work.searched)
    why = label_noise.reason(work, search.ways[0], how)
    return tuple(doubt.finding(rows, work.doubts[WHOLE], how, work.task.classes, work.task.encode(rows), why))


def _cleaned(search: Search, members: Sequence[Member]) -> tuple[Finding, ...]:
    """What cleaning changed of the texts, by the member that weighs most."""
    work, clean = search.work, max(members, key=lambda m: m.weight).trial.recipe.get(KNOB, NONE)
    before, after = (work.table_for(Recipe.of("linear", clean=c)).take(work.searched) for c in (NONE, clean))
    return tuple(cleaning_report.finding(before, after, clean))


def _write(search: Search, choice: Choice, members: list[Member]) -> Bundle:
    facts = {**search.goal.facts, "preliminary": False, "trial": members[0].trial.number}
    facts |= best_model.facts_of(choice, [m.refitted for m in members])
    parts = [pipeline.asked(m.trial.recipe, m.model) for m in members]
    if len(members) == 1:  # one stage holds both its cleaning and its last steps
        family, model = pipeline.asked(members[0].trial.recipe, members[0].model, choice.last)
    else:
        blended = Blend([(name, m.weight, part) for m, (name, part) in zip(members, parts, strict=True)])
        family, model = pipeline.around("ensemble", blended, last=choice.last)
    for m in members:
        if hasattr(m.model, "save_checkpoint"):
            weights = search.goal.folder / "checkpoint" / str(m.trial.number)
            m.model.save_checkpoint(weights)
            level(weights)
    return bundle.write(search.goal.folder / "model", search.work.task, family, model, facts)


def lengths(members: Sequence[Member]) -> list[Length]:
    """What each encoder in the result reads of long texts."""
    return [m.reach for m in members if m.reach]


def _long(members: Sequence[Member]) -> list[str]:
    """What is said of encoders that met texts longer than they read, or read a part of some alone."""
    return [format.reach(read) for read in lengths(members) if read.get("long") or read.get("truncated")]


def facts(packed: Packed, seconds: float, rows: int) -> dict[str, Any]:
    """What the manifest says of the finished artefact."""
    return {
        "preliminary": False,
        "metric": packed.bundle.task.metric,
        "exam": {k: v for k, v in packed.measured.items() if k != "by_class"},
        **({"doubted": packed.doubted[0].message} if packed.doubted else {}),
        **({"cleaned": packed.cleaned[0].message} if packed.cleaned else {}),
        **({"reading": told} if (told := _long(packed.members)) else {}),
        "last": [step.name for step in packed.choice.last],
        "rows": rows,
        "megabytes": round(bundle.megabytes(packed.bundle.folder), 3),
        "latency": packed.latency,
        "seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
