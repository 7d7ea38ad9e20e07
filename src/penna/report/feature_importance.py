"""The section of importances: columns that answers rest on, and n-grams of a linear model. From a record to HTML."""

from penna.report import charts, format, tables
from penna.report.charts import Bar
from penna.report.headline import axis_name
from penna.report.record import Importances, Record
from penna.report.tables import Cell

#: Columns that are drawn; a table of more labels is folded.
_BARS, _OPEN = 24, 12


def section(record: Record) -> str:
    """Columns as bars, n-grams as a table."""
    made = record.get("importances", {})
    return _columns(record, made) + _grams(made)


def _columns(record: Record, made: Importances) -> str:
    losses = made.get("columns", [])
    if not losses:
        return ""
    rows = [
        Bar(loss["column"], max(loss["lost"], 0.0), f"{format.score(loss['lost'])} ± {format.score(loss['spread'])}")
        for loss in losses[:_BARS]
    ]
    more = f"{len(losses) - _BARS:,} columns with less are left out." if len(losses) > _BARS else ""
    chart = charts.bars(f"{axis_name(record)} lost where a column is shuffled", rows, more)
    return (
        '<p class="intro">Each column of the test rows was shuffled while the others stayed as they are: what the '
        "score loses, the answers owe to that column. Of two columns that say the same, neither looks important."
        f'</p><div class="pair">{chart}</div>'
    )


def _grams(made: Importances) -> str:
    found = [each for each in made.get("grams", []) if each["grams"]]
    if not found:
        return ""
    rows = [[Cell(name, None, "label"), Cell(text, None, "wide")] for each in found for name, text in _told(each)]
    opened, who = " open" if len(found) <= _OPEN else "", format.plain(made.get("member", ""), 200)
    intro = (
        "Words and phrases that speak for an answer in the linear model, those first that make most of the differences "
        f'between rows (<span class="mono">{who}</span>). <code>penna explain</code> says what moved a single row.'
    )
    section = f'<p class="intro">{intro}</p>{tables.table(["answer", "words"], rows)}'
    return f"<details{opened}><summary>Words that speak for each answer</summary>{section}</details>"


def _told(each: dict[str, object]) -> list[tuple[str, str]]:
    """Lines of a label, or of what moves a number up and down."""
    grams: list[tuple[str, float]] = each["grams"]  # type: ignore[assignment]
    if each["label"]:
        return [(format.label(each["label"]), _listed([gram for gram, _ in grams]))]
    ways = {"higher": [gram for gram, by in grams if by > 0], "lower": [gram for gram, by in grams if by < 0]}
    return [(way, _listed(several)) for way, several in ways.items() if several]


def _listed(grams: list[str]) -> str:
    return " · ".join(format.quote(gram, 60) for gram in grams)
