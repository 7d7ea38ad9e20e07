"""The artifact of a run: writing it, and what the manifest and the report state about it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.atomic_folders import level
from penna.automl import best_model, label_noise
from penna.automl.evaluate import WHOLE, SearchProblem
from penna.automl.search_loop import SearchResult
from penna.automl.selection import Selection
from penna.data.arrays import Array
from penna.data.table import Finding
from penna.export import Quantization
from penna.models import pipeline
from penna.models.base import HasCheckpoint, Model
from penna.models.ensemble import Ensemble
from penna.preprocessing import cleaning_report
from penna.preprocessing import label_noise as treatments
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import HYPERPARAMETER
from penna.report import format
from penna.report.record import Length
from penna.search.recipe import Recipe
from penna.search.trials import Trial


@dataclass(frozen=True)
class EnsembleMember:
    """One model of the artifact, which reads cleaned texts."""

    trial: Trial
    weight: float
    model: Model
    refitted: bool
    truncation: Length  # what the model reads of long texts


@dataclass(frozen=True)
class FitResult:
    """The artifact as written, its members, and its predictions for the test set.

    Parameters
    ----------
    bundle : Bundle
    choice : Selection
    members : tuple of EnsembleMember
    test_scores : dict
        Metrics on the test set with 95 % intervals.
    y, outputs : ndarray of shape (n,) or (n, k)
        Encoded targets and outputs of the test set.
    latency : dict of str to float
        Milliseconds, measured on the written artifact.
    precision : mapping
        The precision of encoders, and what int8 costs; empty if there is no encoder.
    noise_findings, cleaning_findings : tuple of Finding
        How suspicious labels were treated, and what cleaning changed.
    """

    bundle: Bundle
    choice: Selection
    members: tuple[EnsembleMember, ...]
    test_scores: dict[str, Any]
    y: Array
    outputs: Array
    latency: dict[str, float]
    precision: Mapping[str, Any] = field(default_factory=dict)
    noise_findings: tuple[Finding, ...] = ()
    cleaning_findings: tuple[Finding, ...] = ()


def write(
    result: SearchResult,
    choice: Selection,
    members: Sequence[EnsembleMember],
    name: str = "model",
    quantization: Quantization | None = None,
) -> Bundle:
    """Write the artifact into the run's folder ``name``, in int8 if requested; return it as opened again."""
    facts = {**result.limits.facts, "preliminary": False, "trial": members[0].trial.number}
    facts |= best_model.facts_of(choice, [m.refitted for m in members])
    parts = [pipeline.wrap(m.trial.recipe, m.model) for m in members]
    if len(members) == 1:  # one stage holds both its cleaning and its post-processing steps
        family, model = pipeline.wrap(members[0].trial.recipe, members[0].model, choice.last)
    else:
        blend = Ensemble([(name, m.weight, part) for m, (name, part) in zip(members, parts, strict=True)])
        family, model = pipeline.around("ensemble", blend, last=choice.last)
    folder, task, exporter = result.limits.folder / name, result.problem.task, result.limits.exporter
    return bundle.write(folder, task, family, model, facts, exporter, quantization)


def write_checkpoints(result: SearchResult, members: Sequence[EnsembleMember]) -> None:
    """Write the weights of every member that has a checkpoint."""
    for m in members:
        if isinstance(m.model, HasCheckpoint):
            weights = result.limits.folder / "checkpoint" / str(m.trial.number)
            m.model.save_checkpoint(weights)
            level(weights)


def noise_findings(
    problem: SearchProblem, compared: Sequence[str], members: Sequence[EnsembleMember]
) -> tuple[Finding, ...]:
    """Return how the heaviest member treats rows with a suspicious label; nothing if noise was not estimated."""
    if WHOLE not in problem.noise_by_fold:
        return ()
    treatment = _heaviest(members).trial.recipe.get(treatments.HYPERPARAMETER, treatments.KEEP)
    rows = problem.table.take(problem.searched)
    why = label_noise.reason(problem, compared, treatment)
    task, noise = problem.task, problem.noise_by_fold[WHOLE]
    return tuple(treatments.finding(rows, noise, treatment, task.classes, task.encode(rows), why))


def cleaning_findings(problem: SearchProblem, members: Sequence[EnsembleMember]) -> tuple[Finding, ...]:
    """Return what the cleaning of the heaviest member changes in the texts."""
    clean = _heaviest(members).trial.recipe.get(HYPERPARAMETER, NONE)
    before, after = (problem.table_for(Recipe.of("linear", clean=c)).take(problem.searched) for c in (NONE, clean))
    return tuple(cleaning_report.finding(before, after, clean))


def truncations(members: Sequence[EnsembleMember]) -> list[Length]:
    """Return what each encoder of the artifact reads of long texts."""
    return [m.truncation for m in members if m.truncation]


def facts(fit: FitResult, seconds: float, rows: int) -> dict[str, Any]:
    """Return the manifest's entries about the finished artifact."""
    long_texts = [format.reach(t) for t in truncations(fit.members) if t.get("long") or t.get("truncated")]
    return {
        "preliminary": False,
        "metric": fit.bundle.task.metric,
        "test": {k: v for k, v in fit.test_scores.items() if k != "by_class"},
        **({"doubted": fit.noise_findings[0].message} if fit.noise_findings else {}),
        **({"cleaned": fit.cleaning_findings[0].message} if fit.cleaning_findings else {}),
        **({"reading": long_texts} if long_texts else {}),
        **({"precision": dict(fit.precision)} if fit.precision else {}),
        "last": [step.name for step in fit.choice.last],
        "rows": rows,
        "megabytes": round(bundle.megabytes(fit.bundle.folder), 3),
        "latency": fit.latency,
        "seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _heaviest(members: Sequence[EnsembleMember]) -> EnsembleMember:
    return max(members, key=lambda m: m.weight)
