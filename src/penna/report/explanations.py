"""The page of explanations: what moved each answer, words on coloured ground.

One file, like the report; knows plain values, no model.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from penna.report import format, page, tables
from penna.report.svg import WIDTH, Scale, box, figure, label, line
from penna.report.tables import Cell
from penna.version import __version__

#: What an ``Explanation``'s ``to_json`` gives.
Found: TypeAlias = Mapping[str, Any]

_HEADS = ("column", "value", "moved")
#: The value of what is no cell of the row, but what a model makes of it.
_MADE = "…"
#: Bars of a chart, and characters of a name next to one.
_BARS, _NAME = 12, 20
#: Characters of a text that are shown.
_LONGEST = 20_000
#: Below this share of the strongest word's move, a word has no ground.
_FAINT = 0.03
_HOW = {
    "exact": "The model is linear, and was taken apart exactly.",
    "occlusion": "The model was run again without each word and each column.",
}


def render(title: str, found: Sequence[Found], path: Path) -> None:
    """Write the page to ``path``. Raises RunError where it cannot be written."""
    page.write(render_page(title, found), path)


def render_page(title: str, found: Sequence[Found]) -> str:
    """Return the whole page as a string."""
    when = datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")[:16]
    lead = f"What moved <strong>{format.some(len(found), 'answer')}</strong>, word by word and column by column."
    rows = "".join(f'<section id="row{i}">{_row(each)}</section>' for i, each in enumerate(found))
    links = "".join(f'<a href="#row{i}">row {each["row"]:,}</a>' for i, each in enumerate(found))
    body = f"{page.top_of(title, when, lead)}<nav>{links}</nav><main>{_legend()}{rows}</main>"
    return page.document(title, body, __version__)


def _legend() -> str:
    grounds = "".join(
        f'<li><mark class="{css}" style="--s:60%">{meaning}</mark></li>' for css, meaning in _GROUNDS.items()
    )
    return f'<ul class="legend gap-top">{grounds}<li>the stronger, the more</li></ul>'


_GROUNDS = {"towards": "moved the answer up, or towards its label", "away": "moved it down, or away"}


def _row(found: Found) -> str:
    texts = "".join(_text(found, name, text) for name, text in found["texts"].items())
    return f"<h2>{_heading(found)}</h2>{_intro(found)}{texts}<div class='pair gap-top'>{_charts(found)}</div>"


def _heading(found: Found) -> str:
    row = f"Row {found['row']:,}: "
    if found["label"] is None:
        return row + format.figure(found["answer"])
    return f"{row}{format.label(found['label'])}, {format.percent(found['output'])}"


def _intro(found: Found) -> str:
    """Return the introduction: the base value, and the method."""
    sentences = []
    if found["label"] is None:
        sentences.append(f"Without any word, the answer is {format.figure(found['base'])}.")
    else:
        answer = found["answer"]
        several = list(answer) if isinstance(answer, list | tuple) else [answer]
        if [str(one) for one in several] != [str(found["label"])]:
            named = ", ".join(format.label(one) for one in several) or "no label"
            sentences.append(f"The model's answer is {named}; this is about {format.label(found['label'])}.")
        sentences.append(f"Without any word, its probability is {format.percent(found['base'])}.")
    sentences.append(_HOW[found["how"]])
    if abs(found["rest"]) > 0.01 * abs(found["output"] - found["base"]):
        sentences.append(f"What parts do together is in none of them: {_signed(found, found['rest'])}.")
    return f'<p class="intro">{" ".join(sentences)}</p>'


def _text(found: Found, column: str, text: str) -> str:
    """Return a text of the user's, each word on a ground that says how far it moved the answer."""
    most = max((abs(word["moved"]) for word in found["words"]), default=0.0) or 1.0
    drawn, at = [], 0
    for word in found["words"]:
        share = abs(word["moved"]) / most
        if word["column"] != column or word["end"] > _LONGEST or share < _FAINT:
            continue
        css, tip = "towards" if word["moved"] > 0 else "away", _signed(found, word["moved"])
        inside = format.plain(text[word["start"] : word["end"]], _LONGEST)
        drawn.append(format.plain(text[at : word["start"]], _LONGEST))
        drawn.append(f'<mark class="{css}" style="--s:{100 * share:.0f}%" title="{tip}">{inside}</mark>')
        at = word["end"]
    drawn.append(format.plain(text[at : max(at, _LONGEST)], _LONGEST))
    more = "…" if len(text) > _LONGEST else ""
    name = f"<h3>{format.quote(column, 60)}</h3>" if len(found["texts"]) > 1 else ""
    body = "".join(drawn) or "(empty)"
    return f'<div class="card words gap-top">{name}<bdi dir="auto">{body}{more}</bdi></div>'


def _charts(found: Found) -> str:
    total: dict[str, float] = {}
    for word in found["words"]:
        name = " ".join(word["text"].split())
        total[name] = total.get(name, 0.0) + word["moved"]
    grams = [(f"…{g['text']}…" if g["piece"] else g["text"], g["moved"]) for g in found["grams"]]
    drawn = _bars(found, "Words", list(total.items())) + _bars(found, "N-grams of the linear model", grams)
    cells = [p for p in found["columns"] if not p["text"] and p["value"] != _MADE]
    drawn += _bars(found, "Columns", [(p["column"], p["moved"]) for p in found["columns"]])
    if cells:
        drawn += f'<div class="card"><h3>The row</h3>{tables.table(_HEADS, [_cells(found, p) for p in cells])}</div>'
    return drawn


def _cells(found: Found, part: Mapping[str, Any]) -> list[Cell]:
    name, value = format.quote(part["column"], 60), format.quote(part["value"] or "missing", 80)
    return [
        Cell(name, None, "key"),
        Cell(value, None, "wide"),
        tables.number(_signed(found, part["moved"]), part["moved"]),
    ]


def _bars(found: Found, caption: str, moves: Sequence[tuple[str, float]]) -> str:
    """Return the strongest moves as bars to both sides of nothing."""
    ranked = sorted(moves, key=lambda move: -abs(move[1]))[:_BARS]
    ranked = [(name, moved) for name, moved in ranked if abs(moved) > 0.01 * abs(ranked[0][1])]
    if not ranked:
        return ""
    step, ends = 24.0, [moved for _, moved in ranked]
    x = Scale(min(0.0, *ends), max(0.0, *ends), 160, WIDTH - 66)
    drawn = [line(x(0), 4, x(0), 8 + step * len(ranked), "axis")]
    for i, (name, moved) in enumerate(ranked):
        y, begin, end = 8 + step * i, min(x(0), x(moved)), max(x(0), x(moved))
        tip = f"{format.plain(name, 120)}: {_signed(found, moved)}"
        drawn.append(label(146, y + 14, format.plain(name, _NAME), anchor="end", css="name"))
        drawn.append(box(begin, y + 3, max(end - begin, 1.5), step - 9, "towards" if moved > 0 else "away", tip))
        drawn.append(label(WIDTH - 2, y + 14, _signed(found, moved), anchor="end", css="value"))
    return figure(caption, "".join(drawn), 14 + step * len(ranked))


def _signed(found: Found, moved: float) -> str:
    """Points of a hundred for a probability, the user's own units for a number."""
    amount = f"{moved:.3g}" if found["label"] is None else f"{100 * moved:.1f}"
    return "0" if float(amount) == 0 else amount.replace("-", "−") if moved < 0 else f"+{amount}"
