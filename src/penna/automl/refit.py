"""From a choice to the artefact: refit on all search rows, write, then score the test set once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.atomic_folders import level
from penna.automl import best_model, label_noise, postprocess
from penna.automl.best_model import Fitted
from penna.automl.evaluate import BROKEN, WHOLE
from penna.automl.search_loop import STOPPED, Search
from penna.automl.selection import Selection
from penna.budget import Deadline, OutOfTime
from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.errors import EncoderError
from penna.models import pipeline
from penna.models.base import Model, get_family, truncation
from penna.models.ensemble import Ensemble
from penna.preprocessing import cleaning_report
from penna.preprocessing import label_noise as treatments
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import HYPERPARAMETER
from penna.report import format
from penna.report.record import Length
from penna.search.recipe import Recipe
from penna.search.trials import Trial

#: The least and the most seconds in which the latency of one text, and of a batch, is measured.
MEASURING = (0.2, 1.0)
#: After Ctrl-C nobody wants to wait: what takes longer to refit than this is served as it was kept.
PATIENCE = 10.0


@dataclass(frozen=True)
class EnsembleMember:
    """One model of the artefact, which reads cleaned texts.

    Its trial, its weight, whether it was refitted, and what it reads of long texts.
    """

    trial: Trial
    weight: float
    model: Model
    refitted: bool
    reach: Length


@dataclass(frozen=True)
class FitResult:
    """The artefact as written, what it was made of, and its predictions for the test set."""

    bundle: Bundle
    choice: Selection
    members: tuple[EnsembleMember, ...]
    measured: dict[str, Any]
    y: Array
    outputs: Array
    latency: dict[str, float]  # milliseconds, as measured on what was written
    doubted: tuple[Finding, ...] = ()  # rows with a suspicious label, and what became of them
    cleaned: tuple[Finding, ...] = ()  # texts that are read cleaned


def pack(search: Search, test: Table, ended: str) -> FitResult:
    """Fit the choice again on all rows but the test set's, as far as time allows, with the post-processing steps that
    help on rows they did not learn from; write it, and let it answer the test set.

    Raises OutOfTime where there is no model at all.
    """
    finish = search.limits.deadline
    if ended == STOPPED:
        finish = Deadline(min(finish.seconds, finish.spent() + search.finishing_seconds() + PATIENCE), finish.started)
        search.limits = replace(search.limits, adjusting=min(search.limits.adjusting, PATIENCE / 5))
    while True:
        choice, members = _fitted(search, finish)
        opened = _write(search, choice, members)
        latency = bundle.latency(opened, test, seconds=float(np.clip(finish.left() / 4, *MEASURING)))
        if search.problem.budget.admits(bundle.megabytes(opened.folder), latency["one_text_ms"]):
            break
        search.progress.event("skipped", name=str(choice), reason="over a ceiling once written and measured")
        search.over_limit.add(frozenset(t.number for t, _ in choice.members))
        search.best_models.overwritten()
    outputs = opened.outputs(test)
    y = search.problem.task.encode(test)
    findings = _doubted(search, members), _cleaned(search, members)
    return FitResult(
        opened, choice, tuple(members), search.problem.task.measure(y, outputs), y, outputs, latency, *findings
    )


def _fitted(search: Search, finish: Deadline) -> tuple[Selection, list[EnsembleMember]]:
    """Return what is served, and its models: refitted where time allows, else as they were kept. Raises OutOfTime."""
    done = search.best_models.finished
    left = finish.left() - search.finishing_seconds() - search.limits.adjusting
    choice = search.choose(left)
    if done is not None and (choice is None or choice.score <= done.choice.score):
        return done.choice, [_member(fitted, weight, refitted) for fitted, weight, refitted in done.members]
    choice = _adjusted(search, search.at_full_fidelity(choice, left), left)
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


def _adjusted(search: Search, choice: Selection | None, left: float) -> Selection | None:
    """With its post-processing steps, where these take no more of the whole time than was kept back for them.

    Another that can be finished in what is ``left`` stands in its place where post-processing steps make it the better
    one.
    """
    return None if choice is None else _stepped(search, [choice, *search.runners_up(left, postprocess.MOST_OTHERS)])


def _stepped(search: Search, choices: Sequence[Selection]) -> Selection:
    """Return the first of these with its post-processing steps, or another that they make the better one."""
    seconds = min(search.limits.adjusting, search.limits.deadline.left())
    choice = postprocess.choose_postprocessing(choices, search.evidence, seconds) if seconds > 0 else choices[0]
    return postprocess.add_oos_threshold(choice, search.evidence)


def _left(choice: Selection, members: Sequence[EnsembleMember]) -> Selection:
    """Return the remaining members if some could not be refitted, without post-processing, which was fitted on all of
    them.
    """
    trials = tuple((m.trial, m.weight) for m in members)
    if len(trials) > 1:
        return replace(choice, members=trials, last=())
    return Selection(trials, members[0].trial.score, members[0].trial.score_std)


def _kept(search: Search) -> Selection | None:
    """Return the best kept model as a choice of its own, of those that stay under the ceilings."""
    for trial in search.best_models.ranked():
        fits = search.problem.budget.admits(trial.size_mb, trial.latency_ms)
        if fits and frozenset([trial.number]) not in search.over_limit:
            return Selection(((trial, 1.0),), trial.score, trial.score_std)
    return None


def _as_kept(search: Search, trial: Trial, weight: float) -> EnsembleMember:
    """Return the model of a trial as it was fitted in the search."""
    return _member(search.best_models.get(trial.number), weight, refitted=False)


def _member(fitted: Fitted, weight: float, refitted: bool) -> EnsembleMember:
    return EnsembleMember(fitted.trial, weight, fitted.model, refitted, fitted.reach)


def _members(search: Search, choice: Selection, finish: Deadline) -> list[EnsembleMember]:
    """Every member fitted again on all rows, kept ones only where time allows; weights sum to one.

    A member whose refit fails is left out, with a message.
    """
    trials = [t for t, _ in choice.members]
    members: list[EnsembleMember] = []
    for i, (trial, weight) in enumerate(choice.members):
        others = sum(map(search.least_seconds, trials[i + 1 :])) + sum(map(search.answer_seconds, trials[: i + 1]))
        deadline = finish.before(search.finishing_seconds() + others)
        enough = not search.problem.refits or search.refit_seconds(trial) > deadline.left()
        kept = trial.number in search.best_models.numbers
        if kept and enough:
            members.append(_as_kept(search, trial, weight))
            continue
        model = _refit(search, trial, deadline)
        if model is not None:
            members.append(EnsembleMember(trial, weight, model, True, cast(Length, truncation(trial.recipe, model))))
        elif kept:
            members.append(_as_kept(search, trial, weight))
    total = sum(m.weight for m in members)
    return [replace(m, weight=m.weight / total) for m in members]


def _refit(search: Search, trial: Trial, deadline: Deadline) -> Model | None:
    rows = _learnt(search, trial)
    search.progress.event("phase", name=f"refitting {trial.recipe.family} on {len(rows):,} rows")
    fit = get_family(trial.recipe.family).fit
    resources = replace(search.limits.resources, deadline=deadline)
    try:
        model: Model = fit(trial.recipe, search.problem.task, rows, None, resources, lambda *_: True)
    except (OutOfTime, EncoderError, *BROKEN) as error:
        search.progress.event("skipped", name=f"refit of #{trial.number}", reason=f"{type(error).__name__}: {error}")
        return None
    return model


def _learnt(search: Search, trial: Trial) -> Table:
    """All rows but the test set's, doubtful ones treated as the trial's recipe asks."""
    if label_noise.needed(trial.recipe) and search.estimate_label_noise((WHOLE,)):
        return search.problem.training(trial.recipe.replace(noise=treatments.KEEP), WHOLE)  # no time was left to look
    return search.problem.training(trial.recipe, WHOLE)


def _doubted(search: Search, members: Sequence[EnsembleMember]) -> tuple[Finding, ...]:
    """Return what became of rows whose label is doubted, by the member that weighs most.

    Nothing where nobody looked.
    """
    work = search.problem
    if WHOLE not in work.doubts:
        return ()
    how = max(members, key=lambda m: m.weight).trial.recipe.get(treatments.HYPERPARAMETER, treatments.KEEP)
    rows = work.table.take(work.searched)
    why = label_noise.reason(work, search.noise_treatments[0], how)
    return tuple(treatments.finding(rows, work.doubts[WHOLE], how, work.task.classes, work.task.encode(rows), why))


def _cleaned(search: Search, members: Sequence[EnsembleMember]) -> tuple[Finding, ...]:
    """Return what cleaning changed of the texts, by the member that weighs most."""
    work, clean = search.problem, max(members, key=lambda m: m.weight).trial.recipe.get(HYPERPARAMETER, NONE)
    before, after = (work.table_for(Recipe.of("linear", clean=c)).take(work.searched) for c in (NONE, clean))
    return tuple(cleaning_report.finding(before, after, clean))


def _write(search: Search, choice: Selection, members: list[EnsembleMember]) -> Bundle:
    facts = {**search.limits.facts, "preliminary": False, "trial": members[0].trial.number}
    facts |= best_model.facts_of(choice, [m.refitted for m in members])
    parts = [pipeline.wrap(m.trial.recipe, m.model) for m in members]
    if len(members) == 1:  # one stage holds both its cleaning and its post-processing steps
        family, model = pipeline.wrap(members[0].trial.recipe, members[0].model, choice.last)
    else:
        blended = Ensemble([(name, m.weight, part) for m, (name, part) in zip(members, parts, strict=True)])
        family, model = pipeline.around("ensemble", blended, last=choice.last)
    for m in members:
        if hasattr(m.model, "save_checkpoint"):
            weights = search.limits.folder / "checkpoint" / str(m.trial.number)
            m.model.save_checkpoint(weights)
            level(weights)
    return bundle.write(search.limits.folder / "model", search.problem.task, family, model, facts)


def lengths(members: Sequence[EnsembleMember]) -> list[Length]:
    """Return what each encoder in the result reads of long texts."""
    return [m.reach for m in members if m.reach]


def _long(members: Sequence[EnsembleMember]) -> list[str]:
    """Return what is known of encoders that met texts longer than they read, or read a part of some alone."""
    return [format.reach(read) for read in lengths(members) if read.get("long") or read.get("truncated")]


def facts(packed: FitResult, seconds: float, rows: int) -> dict[str, Any]:
    """Return what the manifest says of the finished artefact."""
    return {
        "preliminary": False,
        "metric": packed.bundle.task.metric,
        "test": {k: v for k, v in packed.measured.items() if k != "by_class"},
        **({"doubted": packed.doubted[0].message} if packed.doubted else {}),
        **({"cleaned": packed.cleaned[0].message} if packed.cleaned else {}),
        **({"reading": reading} if (reading := _long(packed.members)) else {}),
        "last": [step.name for step in packed.choice.last],
        "rows": rows,
        "megabytes": round(bundle.megabytes(packed.bundle.folder), 3),
        "latency": packed.latency,
        "seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
