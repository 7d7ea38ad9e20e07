"""The record that a report is drawn from. Values only.

Everything is optional: what is missing is left out of the page. Everything is JSON-able, so that a record kept next to
the trial log can be drawn again without the data.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from penna import metrics
from penna.data.arrays import Array
from penna.data.table import Table
from penna.search.trials import Trial

#: Cells of user text are cut to this length before they are stored.
CELL = 600


class Profile(TypedDict, total=False):
    """The data. ``profile(table)`` makes it; add ``findings``."""

    rows: int
    columns: dict[str, str]  # name -> role
    findings: list[str]  # sentences of the data checks
    classes: dict[str, int]  # label -> rows, most frequent first
    values: dict[str, Any]  # of a target of numbers: "edges" (b + 1), "counts" (b), "quantiles"
    lengths: dict[str, Any]  # "edges" (b + 1), "counts" (b), "quantiles" {"5": ..., "50": ..., "95": ..., "100": ...}
    examples: list[dict[str, str]]  # "label", "text"


class Plan(TypedDict, total=False):
    """How rows were divided."""

    train: int  # rows that the search may use
    test: int  # rows opened once, at the end
    folds: int
    valid: int  # validation rows of one fold
    grouped: bool
    source: str  # where the test rows come from: "held out", or the name of a test file


class Baseline(TypedDict, total=False):
    """A simple model on the same test rows, in terms of the task's score (higher is better)."""

    name: str
    score: float
    low: float
    high: float


class Member(TypedDict, total=False):
    """One trial inside what was chosen; a single trial is one member of weight 1."""

    number: int
    recipe: str
    weight: float


class Chosen(TypedDict, total=False):
    """The choice, with its validation score."""

    name: str  # short, for the headline: "linear", "finetune", "blend of 3"
    members: list[Member]
    score: float  # on validation rows, to compare with the test set
    spread: float


class Artifact(TypedDict, total=False):
    """Measured on the written folder."""

    megabytes: float
    files: dict[str, float]  # name -> megabytes
    milliseconds: float  # one text
    batch: int
    batch_milliseconds: float
    parity: float | None  # largest difference between the exported graph and the network that was trained
    digest: str  # the SHA-256 that stands for the whole artifact
    same: float | None  # share of sample texts to which an exported translator says what the network says


class Phase(TypedDict, total=False):
    """Seconds of one phase of a fit."""

    phase: str
    predicted: float | None
    spent: float


class Length(TypedDict, total=False):
    """How an encoder reads long texts."""

    encoder: str
    length: int  # most tokens of a text that it reads
    long: float  # share of rows that are longer
    windows: int  # at most so many of them are read of a long text; 1 is its beginning alone, 0 all of it
    truncated: float  # share of rows of which a part is not read


class Skipped(TypedDict, total=False):
    """A skipped step, and the reason."""

    what: str
    reason: str


class Mistake(TypedDict, total=False):
    """One wrong prediction."""

    row: int
    text: str
    true: str
    predicted: str
    probability: float
    error: float  # of a number: how far off


class Answers(TypedDict, total=False):
    """How the test rows were answered.

    ``examine`` makes it for classes, ``examine_sets`` for several labels in a row, ``examine_numbers`` for numbers.
    """

    classes: list[str]
    confusion: list[tuple[int, int, int]]  # (true class, answer, rows), only where rows > 0
    support: list[int]  # of several labels in a row: rows of each; then confusion is what was given in whose place
    reliability: list[tuple[float, float, int]]  # (mean confidence, accuracy, rows) by bin
    pairs: list[tuple[float, float]]  # numbers: (true, predicted) of some rows
    errors: dict[str, Any]  # numbers: predicted less true, "edges" (b + 1), "counts" (b)
    mistakes: list[Mistake]  # most confident first, or largest first
    parts: list[dict[str, Any]]  # of texts whose parts are answered: "row", "text", "missed" and "invented"


class Importances(TypedDict, total=False):
    """Importances of columns and n-grams."""

    columns: list[dict[str, Any]]  # "column", "lost" (score, when it is shuffled), "spread", the most important first
    grams: list[dict[str, Any]]  # of a linear model: "label" ("" of a number), "grams": [(n-gram, share), ...]
    member: str  # whose n-grams they are: the recipe


class Checks(TypedDict, total=False):
    """Findings about the data, from ``report.data_check.checks`` or ``Checkup.to_json``."""

    findings: list[dict[str, Any]]  # the fields of each ``table.Finding``
    rows: int
    looked: dict[str, str]  # check -> what it looks for
    skipped: list[dict[str, str]]  # "what", "reason"


class Record(TypedDict, total=False):
    """Everything that the page shows."""

    title: str  # what was fitted: the name of the file
    version: str
    created: str  # ISO date and time
    command: str
    seconds: float  # wall clock of everything
    settings: dict[str, Any]  # shown as given; budget_seconds, budget_megabytes, budget_milliseconds draw ceilings
    task: str
    metric: str
    table: Profile
    checks: Checks
    plan: Plan
    test: dict[str, Any]  # what the task's ``measure`` gave
    answers: Answers
    baselines: list[Baseline]
    importances: Importances
    trials: Sequence[Trial | Mapping[str, Any]]
    chosen: Chosen
    artifact: Artifact
    encoders: list[Length]
    skipped: list[Skipped]  # in addition to the trials that were skipped: encoders, families, blends, finalists
    phases: list[Phase]


def profile(
    table: Table,
    findings: Sequence[str] = (),
    examples: int = 5,
    numbers: bool = False,
    counts: Mapping[str, int] | None = None,
) -> Profile:
    """Return the profile of a table: classes by size, or a histogram of the target where it holds ``numbers``.

    A histogram of lengths in characters; a few evenly spaced rows. ``counts``: what to show of classes, where rows have
    parts.
    """
    made: Profile = {"rows": len(table), "columns": dict(table.roles), "findings": list(findings)}
    if not len(table):
        return made
    made["lengths"] = _lengths(np.fromiter(map(len, table.full_text), np.int64, len(table)))
    shown = np.unique(np.linspace(0, len(table) - 1, min(examples, len(table))).astype(np.int64))
    labels = ["" for _ in shown] if table.target is None else [", ".join(_names(table.target[i])) for i in shown]
    made["examples"] = [
        {"label": label, "text": str(table.full_text[i])[:CELL]} for i, label in zip(shown, labels, strict=True)
    ]
    if counts is not None:
        made["classes"] = dict(counts)
    elif table.target is not None and numbers:
        made["values"] = _values(table.target.astype(np.float64))
    elif table.target is not None:
        made["classes"] = dict(Counter(name for cell in table.target for name in _names(cell)).most_common())
    return made


def _names(cell: Any) -> list[str]:
    """Return the labels of a cell: one, or each of several."""
    return [str(label) for label in cell] if isinstance(cell, tuple) else [str(cell)]


def _lengths(lengths: Array, bins: int = 24) -> dict[str, Any]:
    """Logarithmic bins: the lengths of texts span orders of magnitude."""
    low, high = max(1, int(lengths.min())), max(2, int(lengths.max()) + 1)
    edges = np.unique(np.geomspace(low, high, bins + 1).round().astype(np.int64))
    if len(edges) < 2:
        edges = np.array([low, low + 1])
    counts, _ = np.histogram(np.clip(lengths, edges[0], edges[-1]), bins=edges)
    quantiles = {str(q): int(np.quantile(lengths, q / 100)) for q in (5, 25, 50, 75, 95, 100)}
    return {"edges": edges.tolist(), "counts": counts.tolist(), "quantiles": quantiles}


def _values(values: Array, bins: int = 24) -> dict[str, Any]:
    """Equal bins between the first and the last hundredth of the values; what lies beyond is in the outermost bins."""
    low, high = np.quantile(values, (0.01, 0.99))
    if high - low < 1e-9 * max(abs(high), 1e-9):
        low, high = values.min(), values.max() + 1e-9
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(float(low), float(high)))
    quantiles = {str(q): float(np.quantile(values, q / 100)) for q in (5, 25, 50, 75, 95, 100)}
    return {"edges": edges.tolist(), "counts": counts.tolist(), "quantiles": quantiles}


def examine(test: Table, classes: Sequence[Any], y: Array, outputs: Array, most: int = 20) -> Answers:
    """Confusion, reliability and the most confident mistakes on the test rows; y (n,), outputs (n, k)."""
    matrix = metrics.confusion(y, outputs)
    names = [str(label) for label in classes]
    answers, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
    wrong = np.flatnonzero(answers != y)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return {
        "classes": names,
        "confusion": [(int(t), int(a), int(matrix[t, a])) for t, a in zip(*matrix.nonzero(), strict=True)],
        "reliability": metrics.reliability(y, outputs),
        "mistakes": [
            {
                "row": int(test.row_numbers[i]),
                "text": str(test.full_text[i])[:CELL],
                "true": names[y[i]],
                "predicted": names[answers[i]],
                "probability": float(confidence[i]),
            }
            for i in worst
        ],
    }


def examine_numbers(test: Table, truth: Array, answers: Array, most: int = 20, dots: int = 600) -> Answers:
    """Predicted against true, the spread of the errors, and the largest ones; truth and answers (n,) numbers."""
    errors = answers - truth
    worst = np.argsort(-np.abs(errors), kind="stable")[:most]
    shown = np.unique(np.linspace(0, len(truth) - 1, min(dots, len(truth))).astype(np.int64))
    return {
        "classes": [],
        "pairs": [(float(truth[i]), float(answers[i])) for i in shown],
        "errors": _values(errors),
        "mistakes": [
            {
                "row": int(test.row_numbers[i]),
                "text": str(test.full_text[i])[:CELL],
                "true": f"{truth[i]:.6g}",
                "predicted": f"{answers[i]:.6g}",
                "error": float(errors[i]),
            }
            for i in worst
        ],
    }
