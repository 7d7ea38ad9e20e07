"""Tables of the page: values in, HTML out. Each cell knows its sort value, so that the script needs no parsing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penna.report import format
from penna.report.record import Answers, Chosen, Mistake
from penna.search.trials import State, Trial


@dataclass(frozen=True)
class Cell:
    """HTML, what to sort by, and a class ("n" is a number)."""

    html: str
    value: float | str | None = None
    css: str = ""
    name: str = ""


def number(html: str, value: Any) -> Cell:
    """Return a cell with a number, which sorts by its value."""
    return Cell(html, value if format.finite(value) else None, "n")


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], css: str = "", marks: Sequence[str] = ()) -> str:
    """Return a table that sorts where cells have values; ``marks`` are the classes of its rows."""
    kinds = [rows[0][i].css if rows else "" for i in range(len(heads))]
    sorts = [any(row[i].value is not None for row in rows) for i in range(len(heads))]
    titles = "".join(
        f'<th class="{"n" if kind == "n" else ""}"{" data-sort" if sort else ""} scope="col">{name}</th>'
        for name, kind, sort in zip(heads, kinds, sorts, strict=True)
    )
    body = "".join(
        f'<tr class="{marks[i] if marks else ""}">{"".join(_cell(cell) for cell in row)}</tr>'
        for i, row in enumerate(rows)
    )
    head = f"<thead><tr>{titles}</tr></thead>" if any(heads) else ""
    return f'<div class="scroll"><table class="{css}">{head}<tbody>{body}</tbody></table></div>'


def _cell(cell: Cell) -> str:
    value = "" if cell.value is None else format.plain(cell.value, 80)
    name = f' data-name="{cell.name}"' if cell.name else ""
    return f'<td class="{cell.css}" data-value="{value}"{name}>{cell.html}</td>'


def leaderboard(trials: Sequence[Trial], chosen: Chosen) -> str:
    """Return the table of trials, best first; those without a score follow."""
    weights = {
        member["number"]: member.get("weight", 1.0) for member in chosen.get("members", []) if "number" in member
    }
    ranked = sorted(trials, key=lambda t: (t.state != State.COMPLETE, -t.score, t.number))
    heads = ["#", "score", "recipe", "folds", "seconds (predicted)", "size", "one text", "state"]
    rows = [_trial(trial, weights.get(trial.number)) for trial in ranked]
    marks = ["chosen" if t.number in weights else "" if t.state == State.COMPLETE else "dim" for t in ranked]
    return table(heads, rows, "board", marks)


def _trial(trial: Trial, weight: float | None) -> list[Cell]:
    score = format.score(trial.score) + (f" ± {trial.score_std:.4f}" if trial.scores else "")
    star = ""
    if weight is not None:
        star = (
            '<span class="tag star">chosen</span> ' if weight == 1 else f'<span class="tag star">{weight:.2f}</span> '
        )
    state = "" if trial.state == State.COMPLETE else f'<span class="tag {trial.state}">{trial.state}</span> '
    reason = format.quote(trial.reason, 300) if trial.reason else ""
    return [
        number(str(trial.number), trial.number),
        number(score, trial.score),
        Cell(f"{star}{recipe(trial)}", f"{trial.recipe.family} {trial.number:06d}", "recipe"),
        number(str(len(trial.scores)), len(trial.scores)),
        number(_seconds(trial), trial.seconds),
        number(format.megabytes(trial.size_mb), trial.size_mb),
        number(format.milliseconds(trial.latency_ms), trial.latency_ms),
        Cell(f"{state}{reason or format.plain(trial.phase)}", f"{trial.state} {trial.phase}", "wide"),
    ]


def _seconds(trial: Trial) -> str:
    predicted = trial.predicted_seconds
    return f"{trial.seconds:,.1f}" + (
        f" ({predicted:,.1f})" if predicted is not None and format.finite(predicted) else ""
    )


def recipe(trial: Trial) -> str:
    """Family in words, hyperparameters in small type."""
    family, _, hyperparameters = str(trial.recipe).partition("[")
    hyperparameters, _, rest = hyperparameters.rpartition("]")
    fidelity = f" {format.plain(rest.strip(), 40)}" if rest.strip() else ""
    values = f"{format.plain(hyperparameters, 300)}{fidelity}"
    return f'<b>{format.plain(family, 40)}</b> <span class="hyperparameters">{values}</span>'


def measures(test: Mapping[str, Any]) -> str:
    """Return the table of test metrics with intervals."""
    rows = []
    for name, found in test.items():
        if isinstance(found, Sequence) and len(found) == 3 and all(map(format.finite, found)):
            value, low, high = found
            interval = f"{format.score(low)} to {format.score(high)}"
            rows.append([Cell(format.metric(name)), number(format.score(value), value), number(interval, low)])
    return table(["metric", "value", "95\u202f% interval"], rows)


def classes(by_class: Sequence[Mapping[str, Any]], by: str = "class") -> str:
    """Return what is counted of each class, or what else rows are distinguished ``by``, and its measures.

    Precision, recall and F1, or what the task has.
    """
    first = by_class[0] if by_class else {}
    counted = "entities" if "entities" in first else "rows"
    usual = ("precision", "recall", "f1")
    names = usual if "f1" in first else [name for name in first if name not in ("label", counted)]
    rows = [
        [
            Cell(format.label(row["label"]), str(row["label"]), "label"),
            number(format.count(row[counted]), row[counted]),
            *(number(f"{row[name]:.3f}", row[name]) for name in names),
        ]
        for row in by_class
    ]
    return table([by, counted, *("F1" if name == "f1" else format.metric(name) for name in names)], rows)


def confused(answers: Answers, most: int = 15) -> str:
    """Return the pairs of classes that are taken for one another most often."""
    names = answers["classes"]
    totals = dict(enumerate(answers.get("support", [])))
    for true, _, count in answers["confusion"] if not totals else []:
        totals[true] = totals.get(true, 0) + count
    wrong = sorted((cell for cell in answers["confusion"] if cell[0] != cell[1]), key=lambda cell: -cell[2])[:most]
    rows = [
        [
            Cell(format.label(names[true]), names[true], "label"),
            Cell(format.label(names[answer]), names[answer], "label"),
            number(format.count(count), count),
            number(format.percent(count / totals[true], 0), count / totals[true]),
        ]
        for true, answer, count in wrong
    ]
    return table(["truth", "answer", "rows", "of truth"], rows)


def mistakes(found: Sequence[Mistake]) -> str:
    """Wrong answers that the model was most sure of, or numbers that are furthest off."""
    numbers = any("error" in each for each in found)
    rows = [
        [
            Cell(format.quote(each["text"], 280), None, "text"),
            Cell(format.label(each["predicted"]), None, "label", "answer"),
            Cell(format.label(each["true"]), None, "label", "truth"),
            _worth(each),
            Cell(format.count(each["row"]), each["row"], "n", "row"),
        ]
        for each in found
    ]
    return table(["text", "answer", "truth", "off by" if numbers else "sure", "row"], rows, "mistakes")


def parts(found: Sequence[Mapping[str, Any]]) -> str:
    """Rows of which parts were missed, or taken for what they are not; or the prediction and the truth."""
    kinds = [kind for kind in found[0] if kind not in ("text", "row")] if found else []
    rows = [
        [
            Cell(format.quote(each["text"], 280), None, "text"),
            *(Cell(format.quote(_said(each[kind]), 280), None, "wide", kind) for kind in kinds),
            Cell(format.count(each["row"]), each["row"], "n", "row"),
        ]
        for each in found
    ]
    return table(["text", *kinds, "row"], rows, "mistakes")


def _said(cell: Any) -> str:
    """Several parts, or one text."""
    return cell if isinstance(cell, str) else "; ".join(cell)


def _worth(mistake: Mistake) -> Cell:
    """How sure a wrong answer was, or how far off a number is."""
    if "error" in mistake:
        return Cell(format.figure(mistake["error"]), abs(mistake["error"]), "n", "off by")
    return Cell(format.percent(mistake["probability"]), mistake["probability"], "n", "sure")


def pairs(values: Mapping[str, Any]) -> str:
    """Names and values: settings, columns, files."""
    rows = [
        [Cell(format.plain(k, 80), None, "key"), Cell(format.quote(_shown(v), 300), None, "wide")]
        for k, v in values.items()
    ]
    return table(["", ""], rows, "pairs")


def _shown(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else value
