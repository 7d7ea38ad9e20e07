"""The model card: what data, what score, what limits, how to use it. Says what was measured; measures nothing."""

import json
from collections.abc import Mapping
from typing import Any

from penna.artifact.bundle import Bundle
from penna.artifact.files import BLANK
from penna.automl.package import FitResult
from penna.escaping import markdown, visible
from penna.models.base import get_family
from penna.preprocessing.cleaning.base import NONE, Cleaning


def card(fit: FitResult, facts: dict[str, Any], title: str) -> str:
    """Return the model card: what data, what score, what limits, how to use it."""
    artifact, task, scored, took = fit.bundle, fit.bundle.task, facts["test"], facts["latency"]
    scores = "\n".join(
        f"| {name} | {v[0]:.4f} | {v[1]:.4f} to {v[2]:.4f} |" for name, v in scored.items() if isinstance(v, list)
    )
    families = [get_family(m.trial.recipe.family) for m in fit.members]
    cleaned = [p for m in fit.members for p in Cleaning.of(m.trial.recipe.get("clean", NONE)).packages]
    packages = sorted({"pandas", "typer", *cleaned, *(p for f in families for p in f.PACKAGES)})
    phrases = task.describe()
    changed = "".join(
        f"\nOf its rows: {markdown(finding.message)}\n" for finding in (*fit.noise_findings, *fit.cleaning_findings)
    )
    reads = " + ".join(map(markdown, (*artifact.text_columns, *artifact.fields)))
    return f"""# A {phrases["model"]} for {markdown(title)}

Made by Penna {artifact.manifest["penna"]} on {facts["finished"]}, from {facts["rows"]:,} rows.
It reads {reads} and answers with {markdown(phrases["answer"])}.

Recipe: {markdown(artifact.manifest["recipe"])}

Digest (SHA-256): {BLANK}
It stands for every byte of this folder: `penna verify model --sha256 ...` compares it.
{changed}
| metric | on {scored["rows"]:,} test rows | 95 % interval |
|---|---|---|
{scores}

The test rows were used once, after every choice was made. On the machine it was made on, one text takes
{took["one_text_ms"]:.2f} ms and a batch of 64 {took["batch_of_64_ms"]:.1f} ms; it weighs {facts["megabytes"]:.2f} MB.

## Use

    pip install {" ".join(packages)} && pip install --no-deps penna

    from penna import load
    load("model").predict([{_example(artifact)}])

## Limits

It knows the language, the topics and the label mix of the rows that it was fitted on. Texts unlike those get an answer
all the same; {markdown(phrases["confidence"])}.
It was not examined for fairness between groups.{_reading(facts)}
"""


def _example(artifact: Bundle) -> str:
    if not artifact.pair:
        return '"a text"'
    named = (json.dumps(f"{name} ...", ensure_ascii=False) for name in artifact.text_columns[:2])
    return f"({', '.join(map(visible, named))})"  # a block of code, which has no markup


def _reading(facts: Mapping[str, Any]) -> str:
    return "".join(f"\nIts encoder reads {markdown(sentence)}." for sentence in facts.get("reading", ()))
