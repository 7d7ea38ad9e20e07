"""The best fitted models of a search: one of each family in memory, the best of all on disk. Chooses nothing.

Whatever is best so far can be served at once, without a refit, however cheap it was to fit: a search may be starved,
stopped or killed at any moment.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from penna import atomic_folders, export
from penna.artifact import bundle, files
from penna.automl.evaluate import SearchProblem
from penna.automl.selection import Selection, same_method
from penna.errors import PennaError
from penna.models import pipeline
from penna.models.base import Model, truncation
from penna.models.ensemble import Ensemble
from penna.postprocessing import oos_threshold
from penna.report.record import Length
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial

#: A model that took this long to fit is written to disk at once when it is the best so far.
SLOW_TO_FIT = 5.0
#: Others are written when writing takes at most one part in so many of the time.
WRITING_SHARE = 20.0
#: Megabytes that the models in memory may take together, by what their trials predict; the best stays in any case.
MOST_MEGABYTES = 1_000.0


@dataclass(frozen=True)
class Fitted:
    """A trial with its model, which reads cleaned texts, and what the model reads of long texts."""

    trial: Trial
    model: Model
    truncation: Length


@dataclass(frozen=True)
class Finished:
    """A whole artifact that an earlier process wrote before it could finish: what was chosen, and its models."""

    choice: Selection
    members: tuple[tuple[Fitted, float, bool], ...]  # with weight, and whether it was refitted


class BestModels:
    """Fitted models by the number of their trial.

    ``few_shot`` is the recipe that is preferred if rows are too few to choose by; ``wrote(trial, seconds)`` is called
    with the time that each write took.
    """

    def __init__(
        self,
        run: Path,
        problem: SearchProblem,
        facts: Mapping[str, Any],
        few_shot: Recipe | None,
        trials: Sequence[Trial],
        wrote: Callable[[Trial, float], None] = lambda trial, seconds: None,
        exporter: str = export.DEFAULT,
    ) -> None:
        self.path, self.problem, self.facts, self.few_shot, self.wrote = run / "model", problem, facts, few_shot, wrote
        self.exporter = exporter
        self._fitted: dict[int, Fitted] = {}
        self._writing, self._written_at = 0.0, -float("inf")
        _clear(self.path)
        self._saved: Trial | None = saved_trial(self.path, trials)
        self.finished = finished(self.path, trials)

    @property
    def numbers(self) -> frozenset[int]:
        """Trials whose model is at hand."""
        return frozenset(self._fitted) | ({self._saved.number} if self._saved else frozenset())

    @property
    def empty(self) -> bool:
        """Whether there is nothing yet that could be served."""
        return not self.numbers and self.finished is None

    def ranked(self) -> list[Trial]:
        """Trials whose model is at hand, best first."""
        trials = {number: fitted.trial for number, fitted in self._fitted.items()}
        if self._saved:
            trials.setdefault(self._saved.number, self._saved)
        return sorted(trials.values(), key=self._rank, reverse=True)

    def add(self, trial: Trial, model: Model) -> None:
        """Keep the model of a trial that is in the trial log, if it is the best of its family."""
        if trial.state is not State.COMPLETE or trial.phase == "finalist":  # finalists met other folds
            return
        family = trial.recipe.family
        rivals = [f.trial for f in self._fitted.values() if f.trial.recipe.family == family]
        if any(self._rank(rival) >= self._rank(trial) for rival in rivals):
            return
        for rival in rivals:
            if not self._preferred(rival) or self._preferred(trial):
                del self._fitted[rival.number]
        self._fitted[trial.number] = Fitted(trial, model, cast(Length, truncation(trial.recipe, model)))
        self._bound()
        self.save()

    def save(self) -> None:
        """Write the best model to disk, unless it is there, or writing costs too much of the time just now."""
        best = self.ranked()[0]
        if best == self._saved or best.number not in self._fitted:
            return
        slow = best.seconds / max(1, len(best.folds)) > SLOW_TO_FIT
        since = time.monotonic() - self._written_at
        if slow or not (self.path / files.MANIFEST).exists() or since > WRITING_SHARE * self._writing:
            self._write(self._fitted[best.number])

    def get(self, number: int) -> Fitted:
        """Return the model of a trial in ``numbers``: what lies on disk is ready to be served, and comes first."""
        if self._saved is not None and number == self._saved.number:
            opened = bundle.load(self.path)
            return Fitted(self._saved, pipeline.inside(opened.model), cast(Length, opened.manifest.get("reach", {})))
        return self._fitted[number]

    def overwritten(self) -> None:
        """Forget what was on disk: something else was written there."""
        self._saved, self.finished = None, None

    def reread(self, trials: Sequence[Trial]) -> None:
        """Look what is on disk, after an interrupt in the middle of a write."""
        self._saved = saved_trial(self.path, trials)

    def _rank(self, trial: Trial) -> tuple[bool, float]:
        return self._preferred(trial), trial.lower_score

    def _preferred(self, trial: Trial) -> bool:
        return self.few_shot is not None and same_method(trial.recipe, self.few_shot)

    def _bound(self) -> None:
        """Drop models from the worst on while they take too much memory."""
        best, *others = sorted((f.trial for f in self._fitted.values()), key=self._rank, reverse=True)
        room = MOST_MEGABYTES - (best.size_mb or 0.0)
        for trial in others:
            room -= trial.size_mb or 0.0
            if room < 0:
                del self._fitted[trial.number]

    def _write(self, fitted: Fitted) -> None:
        begun = time.monotonic()
        trial, column = fitted.trial, self.problem.task.oos_index
        family, model = pipeline.wrap(
            trial.recipe, fitted.model, () if column is None else (oos_threshold.never(column),)
        )  # fmt: skip
        facts = {**self.facts, "preliminary": True, "trial": trial.number, "recipe": str(trial.recipe)}
        bundle.write(self.path, self.problem.task, family, model, {**facts, "reach": fitted.truncation}, self.exporter)
        self._saved, self.finished = trial, None
        self._written_at = time.monotonic()
        self._writing = self._written_at - begun
        self.wrote(trial, self._writing)


def facts_of(choice: Selection, refitted: Sequence[bool]) -> dict[str, Any]:
    """Return what the manifest of a whole artifact says of its choice, so that ``finished`` finds it again."""
    pairs = zip(choice.members, refitted, strict=True)
    return {
        "recipe": str(choice),
        "validation": {"score": choice.score, "spread": choice.score_std},
        "members": [
            {"recipe": trial.recipe.to_json(), "weight": weight, "trial": trial.number, "refitted": anew}
            for (trial, weight), anew in pairs
        ],
    }


def saved_trial(path: Path, trials: Sequence[Trial]) -> Trial | None:
    """Return the trial whose model lies at ``path`` as a kill left it.

    None for a whole artifact, or one of no trial here.
    """
    try:
        manifest = bundle.load(path).manifest
    except PennaError:  # none yet, or cut short: there is nothing to go back to
        return None
    named = manifest.get("trial"), manifest.get("recipe")
    found = [t for t in trials if (t.number, str(t.recipe)) == named]
    return found[0] if found and manifest.get("preliminary") else None


def finished(path: Path, trials: Sequence[Trial]) -> Finished | None:
    """Return the whole artifact at ``path``, if it was made of these trials; else None."""
    try:
        opened = bundle.load(path)
        manifest = opened.manifest
        if manifest.get("preliminary") or not manifest.get("members"):
            return None
        known = {t.number: t for t in trials}
        stages = pipeline.stages(opened.model)
        models = [m for _, _, m in stages.model.members] if isinstance(stages.model, Ensemble) else [opened.model]
        members = []
        for member, model in zip(manifest["members"], models, strict=True):
            trial = known[member["trial"]]
            if trial.recipe.to_json() != member["recipe"]:
                return None
            inner = pipeline.inside(model)
            read = cast(Length, truncation(trial.recipe, inner))
            members.append((Fitted(trial, inner, read), float(member["weight"]), bool(member["refitted"])))
        score = manifest["validation"]
        chosen = tuple((fitted.trial, weight) for fitted, weight, _ in members)
        choice = Selection(chosen, float(score["score"]), float(score["spread"]), stages.last)
    except (PennaError, KeyError, TypeError, ValueError):  # none, damaged, or of other trials
        return None
    return Finished(choice, tuple(members))


def _clear(path: Path) -> None:
    """Put back what a kill left aside in the middle of a swap, and remove what was never whole."""
    atomic_folders.restore(path)
    for part in path.parent.glob(f".{path.name}-*"):
        shutil.rmtree(part, ignore_errors=True)
