"""From a choice to the artefact: refit on all search rows, write, then open the exam once."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna import bundle, plugins
from penna.bundle import Bundle
from penna.errors import EncoderError
from penna.models import Model, OutOfTime
from penna.models.blend import Blend
from penna.searching import FINISHING, Search
from penna.select import Choice
from penna.table import Table
from penna.trials import Trial

Array = np.ndarray[Any, Any]

#: After Ctrl-C nobody wants to wait: what takes longer to refit than this is served as it was kept.
PATIENCE = 10.0


@dataclass(frozen=True)
class Packed:
    """The artefact as written, what it was made of, and what it answered in the exam."""

    bundle: Bundle
    choice: Choice
    models: tuple[Model, ...]  # as refitted; empty where the kept model is served
    measured: dict[str, Any]
    y: Array
    outputs: Array


def pack(search: Search, rows: Table, exam: Table, ended: str) -> Packed:
    """Refit the choice on ``rows`` where time allows, else serve the kept model; then the exam, on the artefact."""
    left = search.goal.deadline.left() - FINISHING
    choice = search.choose(min(left, PATIENCE) if ended == "stopped by hand" else left)
    kept = next((t for t in search.ledger.trials if t.number == search.kept), None)
    models: list[Model] | None = None
    if choice is not None and not _kept_is_better(kept, choice):
        models = _refit(search, choice, rows)
    if models is not None and choice is not None:
        opened = _write(search, choice, models)
    elif kept is not None:
        choice = Choice(((kept, 1.0),), kept.score, kept.spread)
        opened = bundle.open(search.goal.folder)
    else:
        raise OutOfTime("no model was finished")
    outputs = opened.outputs(exam)
    y = search.work.task.encode(exam)
    return Packed(opened, choice, tuple(models or ()), search.work.task.measure(y, outputs), y, outputs)


def _kept_is_better(kept: Trial | None, choice: Choice) -> bool:
    return (
        kept is not None and kept.cautious > choice.cautious and all(t.number != kept.number for t, _ in choice.members)
    )


def _refit(search: Search, choice: Choice, rows: Table) -> list[Model] | None:
    """Every member fitted again on all rows; None where time or luck ran out."""
    fitted: list[Model] = []
    for trial, _ in choice.members:
        search.progress.event("phase", name=f"refitting {trial.recipe.family} on {len(rows):,} rows")
        family = plugins.find("models", trial.recipe.family)
        resources = search.goal.resources
        try:
            fitted.append(family.fit(trial.recipe, search.work.task, rows, None, resources, lambda *_: True))
        except (OutOfTime, EncoderError, RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
            search.progress.event("skipped", name="refit", reason=f"{type(error).__name__}: {error}")
            return None
    return fitted


def _write(search: Search, choice: Choice, models: list[Model]) -> Bundle:
    members = [(t.recipe.family, weight, m) for (t, weight), m in zip(choice.members, models, strict=True)]
    facts = {**search.goal.facts, "preliminary": False, "recipe": str(choice), "trial": choice.members[0][0].number}
    family, model = (members[0][0], models[0]) if len(members) == 1 else ("blend", Blend(members))
    for t, m in zip(choice.members, models, strict=True):
        if hasattr(m, "save_checkpoint"):
            m.save_checkpoint(search.goal.folder / "checkpoint" / str(t[0].number))
    return bundle.write(search.goal.folder / "model", search.work.task, family, model, facts)


def facts(packed: Packed, exam: Table, seconds: float, rows: int) -> dict[str, Any]:
    """What the manifest says of the finished artefact."""
    return {
        "preliminary": False,
        "metric": packed.bundle.task.metric,
        "exam": {k: v for k, v in packed.measured.items() if k != "by_class"},
        "validation": {"score": packed.choice.score, "spread": packed.choice.spread},
        "members": [{"recipe": t.recipe.to_json(), "weight": w, "trial": t.number} for t, w in packed.choice.members],
        "refitted": bool(packed.models),
        "rows": rows,
        "megabytes": round(bundle.megabytes(packed.bundle.folder), 3),
        "latency": bundle.latency(packed.bundle, exam),
        "seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def card(packed: Packed, facts: dict[str, Any], title: str) -> str:
    """The model card: what data, what score, what limits, how to use it."""
    artefact, task, exam, took = packed.bundle, packed.bundle.task, facts["exam"], facts["latency"]
    scores = "\n".join(
        f"| {name} | {v[0]:.4f} | {v[1]:.4f} to {v[2]:.4f} |" for name, v in exam.items() if isinstance(v, list)
    )
    modules = [plugins.find("models", trial.recipe.family) for trial, _ in packed.choice.members]
    packages = sorted({"pandas", "typer", *(p for m in modules for p in m.PACKAGES)})
    labels = ", ".join(map(str, task.classes[:30])) + (" ..." if len(task.classes) > 30 else "")
    return f"""# A text classifier for {title}

Made by Penna {artefact.manifest["penna"]} on {facts["finished"]}, from {facts["rows"]:,} rows.
It reads {" + ".join(artefact.text_columns)} and answers with one of {len(task.classes)} labels: {labels}.

Recipe: {artefact.manifest["recipe"]}

| metric | on {exam["rows"]:,} exam rows | 95 % interval |
|---|---|---|
{scores}

The exam rows were opened once, after every choice was made. On the machine it was made on, one text takes
{took["one_text_ms"]:.2f} ms and a batch of 64 {took["batch_of_64_ms"]:.1f} ms; it weighs {facts["megabytes"]:.2f} MB.

## Use

    pip install {" ".join(packages)} && pip install --no-deps penna

    from penna import load
    load("model").predict(["a text"])

## Limits

It knows the language, the topics and the label mix of the rows that it was fitted on. Texts unlike those get an answer
all the same; the probabilities say how sure it is, with the calibration error above. It was not examined for fairness
between groups.
"""
