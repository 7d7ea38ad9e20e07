"""The checks of the data as a section of the page, and as its headline where there is nothing else to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from penna.data.table import Finding
from penna.report import format, tables
from penna.report.record import Checks, Record
from penna.report.tables import Cell

#: A record need not hold every row number; ``penna check --json`` gives them all.
_ROWS = 20
_RANK = {"error": 0, "warning": 1, "info": 2}
_NAMES = {"error": "error", "warning": "warning", "info": "note"}


def checks(findings: Sequence[Finding], **more: Any) -> Checks:
    """Return the part of a record that this section is drawn from; ``more`` are its other fields."""
    kept: Checks = {"findings": [asdict(replace(finding, rows=finding.rows[:_ROWS])) for finding in findings]}
    return {**kept, **more}  # type: ignore[typeddict-item]


def section(record: Record) -> str:
    """Return the section of findings: examples, what Penna does, how to change it, and what was checked."""
    held = record.get("checks", {})
    found = sorted(held.get("findings", []), key=lambda finding: _RANK.get(finding["severity"], 3))
    drawn = f'<p class="intro">{_intro(held)}</p>' if held else ""
    if found:
        drawn += tables.table(
            ["", "found", "Penna", "to change that"], [_row(finding) for finding in found], "mistakes"
        )
    skipped = held.get("skipped", [])
    if skipped:
        items = "".join(f"<li>{format.quote(s['what'], 200)}: {format.quote(s['reason'], 400)}</li>" for s in skipped)
        drawn += f'<h3>Not looked for</h3><ul class="findings">{items}</ul>'
    return drawn


def sentence(record: Record) -> str:
    """Return the headline of a page about checks alone."""
    held = record.get("checks", {})
    rows = f" in <strong>{format.some(held['rows'], 'row')}</strong>" if "rows" in held else ""
    return f"<strong>{_counted(held.get('findings', []))}</strong>{rows}, before any training."


def _intro(held: Checks) -> str:
    looked = "; ".join(format.plain(looks, 120) for looks in held.get("looked", {}).values())
    if looked:
        return f"Looked for: {looked}."
    return f"{_counted(held.get('findings', []))} before the search. <code>penna check</code> looks for more."


def _counted(found: Sequence[Mapping[str, Any]]) -> str:
    counts = {name: sum(finding["severity"] == kind for finding in found) for kind, name in _NAMES.items()}
    return ", ".join(format.some(n, name) for name, n in counts.items() if n) or "Nothing was found"


def _row(finding: Mapping[str, Any]) -> list[Cell]:
    severity = str(finding["severity"])
    css = "tag" if severity == "info" else "tag failed"
    tag = f'<span class="{css}">{format.plain(_NAMES.get(severity, severity))}</span>'
    examples = "".join(f"<li>{format.quote(example, 300)}</li>" for example in finding.get("examples", ()))
    listed = f'<ul class="findings hyperparameters">{examples}</ul>' if examples else ""
    return [
        Cell(tag, str(_RANK.get(severity, 3))),
        Cell(format.quote(finding["message"], 400) + listed, None, "text"),
        Cell(format.quote(finding.get("does", ""), 300), None, "wide", "Penna"),
        Cell(format.quote(finding.get("change", ""), 300), None, "wide", "to change that"),
    ]
