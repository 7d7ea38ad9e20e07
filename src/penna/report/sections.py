"""The sections of the page, each a function from the record to HTML, or "" where the record has nothing to show."""

from collections.abc import Mapping
from itertools import accumulate
from operator import attrgetter
from typing import Any

from penna.report import charts, format, glossary, svg, tables
from penna.report.charts import Bar, Curve, Dot, Row
from penna.report.headline import axis_name, complete, exam_score, trials_of
from penna.report.record import Chosen, Phase, Profile, Record
from penna.search.trials import State, Trial

#: A chart of more classes than this is cut in the middle; a table by class of more is folded.
_BARS, _OPEN = 24, 15


def score(record: Record) -> str:
    """Return the test set against baselines, every metric, and the table by class."""
    test, mine = record.get("test", {}), exam_score(record)
    if not test or mine is None:
        return ""
    rows = [mine, *(Row(b["name"], b["score"], b.get("low"), b.get("high")) for b in record.get("baselines", []))]
    chart = charts.intervals("On the test rows, with 95 % intervals", rows, axis_name(record))
    by_class = test.get("by_class", [])
    opened, by = " open" if len(by_class) <= _OPEN else "", test.get("by", "class")
    return (
        f'<p class="intro">{_validated(record, mine)}</p><div class="pair">{chart}'
        f'<div class="card"><h3>Every metric</h3>{tables.measures(test)}{_signatures(test)}</div></div>'
        + (f"<details{opened}><summary>By {by}</summary>{tables.classes(by_class, by)}</details>" if by_class else "")
    )


def _signatures(test: Mapping[str, Any]) -> str:
    """How metrics were computed that others compute otherwise."""
    signatures = [f"{format.metric(name)}: {format.plain(how)}" for name, how in test.get("signatures", {}).items()]
    return f'<p class="note">{"<br>".join(signatures)}</p>' if signatures else ""


def _validated(record: Record, test: Row) -> str:
    text = "The test rows took no part in the search and were used once, at the end. " + glossary.metric(
        record.get("metric", "accuracy")
    )
    chosen = record.get("chosen", {})
    if format.finite(chosen.get("score")):
        spread = f" ± {chosen['spread']:.4f}" if format.finite(chosen.get("spread")) else ""
        text += (
            f" On the validation rows of the search the choice scored {format.score(chosen['score'])}{spread}; "
            f"the test set gives {format.score(test.value)}."
        )
    return text


def data(record: Record) -> str:
    """Rows and columns, findings, classes and lengths, a few examples."""
    table, plan = record.get("table", {}), record.get("plan", {})
    if not table:
        return ""
    parts = [f"{format.some(table.get('rows', 0), 'row')}"]
    if plan:
        parts.append(f"{plan.get('train', 0):,} for the search ({format.some(plan.get('folds', 1), 'fold')})")
        parts.append(f"{plan.get('test', 0):,} for the test set ({format.plain(plan.get('source', 'held out'), 80)})")
    drawn = f'<p class="intro">{"; ".join(parts)}.</p>'
    figures = [_class_bars(table.get("classes", {})), _value_histogram(table), _length_histogram(record)]
    drawn += f'<div class="pair">{"".join(figures)}</div>'
    cards = []
    if table.get("findings") and "checks" not in record:  # else a section of their own tells more
        items = "".join(f"<li>{format.quote(f, 400)}</li>" for f in table["findings"])
        cards.append(f'<div class="card"><h3>Findings</h3><ul class="findings">{items}</ul></div>')
    if table.get("columns"):
        cards.append(f'<div class="card"><h3>Columns</h3>{tables.pairs(table["columns"])}</div>')
    drawn += f'<div class="pair gap-top">{"".join(cards)}</div>' if cards else ""
    if table.get("examples"):
        rows = [
            [
                tables.Cell(format.quote(e["text"], 280), None, "wide"),
                tables.Cell(format.label(e["label"]), None, "label"),
            ]
            for e in table["examples"]
        ]
        target = next((format.label(n) for n, role in table.get("columns", {}).items() if role == "target"), "label")
        drawn += f"<h3>A few rows</h3>{tables.table(['text', target], rows)}"
    return drawn


def _class_bars(classes: dict[str, int]) -> str:
    if not classes:
        return ""
    total = sum(classes.values()) or 1
    rows = [Bar(name, n, f"{n:,} · {format.percent(n / total)}") for name, n in classes.items()]
    note = ""
    if len(rows) > _BARS:
        between = rows[_BARS - 8 : -8]
        note = f"{len(between):,} more classes between, with {between[0].value:,} to {between[-1].value:,} rows each."
        rows = rows[: _BARS - 8] + rows[-8:]
    return charts.bars(f"{len(classes):,} classes", rows, note)


def _value_histogram(table: Profile) -> str:
    found = table.get("values")
    if not found:
        return ""
    marks = {"median": float(found["quantiles"]["50"])}
    note = '<p class="note">The outermost bars hold all that lies beyond them.</p></figure>'
    drawn = charts.histogram("The target", found["edges"], found["counts"], marks, "value", log=False)
    return drawn.replace("</figure>", note)


def _length_histogram(record: Record) -> str:
    found = record.get("table", {}).get("lengths")
    if not found:
        return ""
    quantiles = {str(name): value for name, value in found["quantiles"].items()}
    marks = {"median": quantiles["50"], "95th percentile": quantiles["95"]} if "95" in quantiles else {}
    drawn = charts.histogram("Length of the texts", found["edges"], found["counts"], marks, "characters")
    cut = [f"{format.quote(e['encoder'], 60)} reads {format.reach(e)}." for e in record.get("encoders", [])]
    longest = f"Longest text: {quantiles['100']:,} characters. " if "100" in quantiles else ""
    return drawn.replace("</figure>", f'<p class="note">{longest}{" ".join(cut)}</p></figure>')


def leaderboard(record: Record) -> str:
    """Return the table of trials."""
    trials = trials_of(record)
    if not trials:
        return ""
    states = ", ".join(f"{n} {s}" for s in State if (n := sum(t.state == s for t in trials)))
    members = [m["number"] for m in record.get("chosen", {}).get("members", []) if "number" in m]
    blend = " The figure next to a chosen trial is its weight in the blend." if len(members) > 1 else ""
    return (
        f'<p class="intro">{states}. Scores are {axis_name(record)} on validation rows, mean ± standard deviation '
        f"over folds (with one fold: its standard error).{blend}{_passed(trials, set(members))} A click on a heading "
        f"sorts.</p>{tables.leaderboard(trials, record.get('chosen', {}))}"
        f'<details><summary>What the words mean</summary><ul class="findings">{glossary.trials()}</ul></details>'
    )


def _passed(trials: list[Trial], chosen: set[int]) -> str:
    """Why the best score may not be what was chosen, where it is not."""
    # Finalists met other folds: their scores do not compare.
    ranked = (t for t in trials if t.scores and t.state == State.COMPLETE and t.phase != "finalist")
    best = max(ranked, key=lambda t: t.score, default=None)
    if best is None or not chosen or best.number in chosen:
        return ""
    return (
        f" The choice goes by mean less half a standard deviation, among recipes that met most folds, stay under the "
        f"ceilings and could be fitted again on all rows in the time that was left: so it is not #{best.number}."
    )


def legend(trials: list[Trial]) -> str:
    """Return the legend of families."""
    families = list(dict.fromkeys(t.recipe.family for t in trials))
    items = ""
    for family in families:
        marker = glossary.marker(family)
        shape = svg.mark(7, 7, svg.css_of(marker), shape=marker)
        items += f'<li><svg viewBox="0 0 14 14" aria-hidden="true">{shape}</svg>{format.plain(family, 40)}</li>'
    return f'<ul class="legend">{items}</ul>'


def trade_offs(record: Record) -> str:
    """Score against size, and against latency."""
    trials, settings = complete(record), record.get("settings", {})
    chosen = {m.get("number") for m in record.get("chosen", {}).get("members", [])}
    drawn = ""
    for caption, cost, measure in (
        ("Score against size", "megabytes", attrgetter("size_mb")),
        ("Score against latency of one text", "milliseconds", attrgetter("latency_ms")),
    ):
        dots = [
            Dot(measure(t), t.score, glossary.marker(t.recipe.family), _tip(t), t.number in chosen)
            for t in trials
            if format.finite(measure(t))
        ]
        if dots:
            limit = settings.get(f"budget_{cost}")
            drawn += charts.scatter(caption, dots, cost, axis_name(record), lambda v: f"{v:,g}", limit)
    if not drawn:
        return ""
    intro = "Up is better, left is cheaper. The dotted line is the Pareto front; a ring marks what was chosen."
    return f'<p class="intro">{intro}</p>{legend(trials)}<div class="pair">{drawn}</div>'


def _tip(trial: Trial) -> str:
    costs = f"{format.megabytes(trial.size_mb)}, {format.milliseconds(trial.latency_ms)}"
    score = f"{format.score(trial.score)} ± {trial.score_std:.4f}"
    return f"#{trial.number} {format.plain(trial.recipe, 160)}: {score}, {costs}"


def search(record: Record) -> str:
    """Return the best score so far, and the learning curves of trials that have some."""
    trials = trials_of(record)
    drawn = _progress(record, trials)
    curved = [t for t in trials if len(t.curve) > 1]
    if curved:
        chosen = {m.get("number") for m in record.get("chosen", {}).get("members", [])}
        strong = chosen & {t.number for t in curved} or {max(curved, key=lambda t: max(y for _, y in t.curve)).number}
        curves = [Curve(t.curve, glossary.marker(t.recipe.family), _tip(t), t.number in strong) for t in curved]
        note = f"Validation score on the first fold, for {format.some(len(curved), 'trial')}; the bold one " + (
            "was chosen." if strong & chosen else "went highest."
        )
        drawn += charts.lines("Learning curves", curves, "step", axis_name(record), note)
    return f'{legend(trials)}<div class="pair">{drawn}</div>' if drawn else ""


def _progress(record: Record, trials: list[Trial]) -> str:
    ordered = sorted(trials, key=lambda t: t.number)
    ends = accumulate(t.seconds for t in ordered)
    done = [(end, t) for end, t in zip(ends, ordered, strict=True) if t.state == State.COMPLETE and t.scores]
    if not done:
        return ""
    best = list(accumulate((t.score for _, t in done), max))
    points = [(end, high) for (end, _), high in zip(done, best, strict=True)]
    dots = [Dot(end, t.score, glossary.marker(t.recipe.family), _tip(t)) for end, t in done]
    curve = Curve(points, "other", "best so far", strong=True)
    note = "Seconds are those spent inside trials; the line is the best score so far."
    name = axis_name(record)
    return charts.lines("Score over time", [curve], "seconds", name, note, dots, steps=True)


def budget(record: Record) -> str:
    """Return the time by phase."""
    phases, limit = record.get("phases", []), record.get("settings", {}).get("budget_seconds")
    if not phases:
        return ""
    rows = [Bar(p["phase"], p["spent"], _phase_text(p), p.get("predicted") or 0) for p in phases]
    total = record.get("seconds", sum(p["spent"] for p in phases))
    allowed = f" of the {format.duration(limit)} allowed" if format.finite(limit) else ""
    chart = charts.bars("Predicted (pale) and spent", rows)
    return f'<p class="intro">{format.duration(total)}{allowed} were spent.</p><div class="pair">{chart}</div>'


def _phase_text(phase: Phase) -> str:
    spent, predicted = format.duration(phase["spent"]), phase.get("predicted")
    return f"{spent} ({format.duration(predicted)} predicted)" if format.finite(predicted) else spent


def skipped(record: Record) -> str:
    """Return what was skipped or failed, and why: nothing is left out silently."""
    left = [(s["what"], s["reason"]) for s in record.get("skipped", [])]
    left += [
        (f"#{t.number} {t.recipe}", t.reason) for t in trials_of(record) if t.state in (State.SKIPPED, State.FAILED)
    ]
    if not left:
        return '<p class="intro">Nothing was skipped, and nothing failed.</p>' if record.get("trials") else ""
    rows = [
        [tables.Cell(format.quote(what, 200), None, "wide"), tables.Cell(format.quote(why, 400), None, "wide")]
        for what, why in left
    ]
    return tables.table(["what", "why"], rows)


def artifact(record: Record) -> str:
    """Return what is in the folder, and how to use it."""
    made = record.get("artifact", {})
    if not made:
        return ""
    facts = {"size": format.megabytes(made.get("megabytes")), "one text": format.milliseconds(made.get("milliseconds"))}
    if "batch_milliseconds" in made:
        facts[f"batch of {made.get('batch', 64)}"] = format.milliseconds(made["batch_milliseconds"])
    if format.finite(made.get("parity")):
        facts["parity"] = f"the graph differs by {made['parity']:.1e} at most from the network that was trained"
    if format.finite(made.get("same")):
        facts["the same as trained"] = f"the output for {made['same']:.1%} of sample texts"
    if made.get("digest"):
        facts["digest (SHA-256)"] = str(made["digest"])
    drawn = f'<div class="card"><h3>Measured on the folder</h3>{tables.pairs(facts)}</div>'
    if made.get("files"):
        files = {name: format.megabytes(size) for name, size in made["files"].items()}
        drawn += f'<div class="card"><h3>Files</h3>{tables.pairs(files)}</div>'
    steps = glossary.steps(record.get("chosen", {}).get("name", ""))
    members = _members(record.get("chosen", {})) + (f'<p class="intro">{steps}</p>' if steps else "")
    return f'{members}<div class="pair">{drawn}</div>'


def _members(chosen: Chosen) -> str:
    members = chosen.get("members", [])
    if len(members) == 1:
        return f'<p class="intro mono">{format.plain(members[0].get("recipe", ""), 400)}</p>'
    rows = [
        [
            tables.number(f"{member.get('weight', 1):.2f}", member.get("weight", 1)),
            tables.Cell(f'<span class="mono">{format.plain(member.get("recipe", ""), 400)}</span>', None, "wide"),
        ]
        for member in members
    ]
    return f'{tables.table(["weight", "recipe"], rows)}<div class="gap-top"></div>' if rows else ""


def settings(record: Record) -> str:
    """Return every hyperparameter, defaults included."""
    values = dict(record.get("settings", {}))
    command = f"<pre>{format.plain(record['command'], 2000)}</pre>" if record.get("command") else ""
    listed = f"<details><summary>Every setting</summary>{tables.pairs(values)}</details>" if values else ""
    return command + listed
