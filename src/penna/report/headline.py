"""The top of the page: the one sentence that matters, and its figures as tiles; with what all sections read alike."""

from collections.abc import Callable

from penna.metrics import describe
from penna.report import format, glossary
from penna.report.charts import Row
from penna.report.record import Record
from penna.search.trials import State, Trial


def trials_of(record: Record) -> list[Trial]:
    """Return the trials of a record."""
    return [t if isinstance(t, Trial) else Trial.from_json(t) for t in record.get("trials", [])]


def complete(record: Record) -> list[Trial]:
    """Return the complete trials of a record."""
    return [t for t in trials_of(record) if t.state == State.COMPLETE and format.finite(t.score)]


def exam_score(record: Record) -> Row | None:
    """Return the test set's score in the sense of the search (higher is better), with its interval."""
    name = record.get("metric", "accuracy")
    found = record.get("test", {}).get(name)
    if not found:
        return None
    value, low, high = found if describe(name).higher_is_better else (-found[0], -found[2], -found[1])
    return Row("chosen model", value, low, high, strong=True)


def axis_name(record: Record) -> str:
    """Return the name of the score axis."""
    name = record.get("metric", "accuracy")
    return format.metric(name) if describe(name).higher_is_better else f"−{format.metric(name)}"


def sentence(record: Record) -> str:
    """Return the one sentence that matters."""
    test, chosen = record.get("test", {}), record.get("chosen", {})
    name, rows = record.get("metric", "accuracy"), test.get("rows", 0)
    if name not in test:
        return f"{format.some(len(trials_of(record)), 'trial')} so far; the test set has not been used."
    value, low, high = test[name]
    who = format.quote(glossary.model(chosen["name"]) if "name" in chosen else "The chosen model", 60)
    if name == "accuracy":
        what = f"answers <strong>{format.percent(value)}</strong> of unseen texts correctly"
        interval = f"{format.percent(low)} to {format.percent(high)}"
    else:
        what = f"reaches <strong>{format.metric(name)} {_told(value)}</strong> on unseen texts"
        interval = f"{_told(low)} to {_told(high)}"
    aside = f'<span class="aside">(95\u202f% interval {interval}, {format.some(rows, "test row")})</span>'
    return f"{who} {what} {aside}{_costs(record)}."


def _told(value: float) -> str:
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1e3 else format.figure(value)


def _costs(record: Record) -> str:
    made = record.get("artifact", {})
    parts = []
    if "megabytes" in made:
        parts.append(f"weighs <strong>{format.megabytes(made['megabytes'])}</strong>")
    if "milliseconds" in made:
        parts.append(f"takes <strong>{format.milliseconds(made['milliseconds'])}</strong> for a text")
    if "seconds" in record:
        parts.append(f"was found in <strong>{format.duration(record['seconds'])}</strong>")
    return "".join(f", {'and ' if part is parts[-1] else ''}{part}" for part in parts)


def tiles(record: Record) -> str:
    """Return the key figures: size, latency, trials and time."""
    made, settings, trials = record.get("artifact", {}), record.get("settings", {}), trials_of(record)
    test, drawn = exam_score(record), []
    if test:
        sub = f"{format.score(test.low)} to {format.score(test.high)}"
        drawn.append(_tile(axis_name(record), format.score(test.value), sub))
    if "megabytes" in made:
        limit = _limit(made["megabytes"], settings.get("budget_megabytes"), format.megabytes)
        drawn.append(_tile("size", format.megabytes(made["megabytes"]), limit))
    if "milliseconds" in made:
        limit = _limit(made["milliseconds"], settings.get("budget_milliseconds"), format.milliseconds)
        drawn.append(_tile("one text", format.milliseconds(made["milliseconds"]), limit))
    if "seconds" in record:
        limit = _limit(record["seconds"], settings.get("budget_seconds"), format.duration)
        drawn.append(_tile("time", format.duration(record["seconds"]), limit))
    if trials:
        drawn.append(_tile("trials", format.count(len(trials)), f"{len(complete(record))} complete"))
    return f'<div class="tiles">{"".join(drawn)}</div>' if drawn else ""


def _tile(what: str, big: str, sub: str) -> str:
    lines = (("what", what), ("big", big), ("sub", sub))
    return f'<div class="tile">{"".join(f"<div class={css!r}>{text}</div>" for css, text in lines)}</div>'


def _limit(value: float, limit: float | None, form: Callable[[float], str]) -> str:
    if not format.finite(limit) or limit is None:
        return "no ceiling"
    return f"within {form(limit)}" if value <= limit else f'<span class="over">over the {form(limit)} allowed</span>'
