"""``penna explain``: rows in, what moved the answer to each of them out. Never imports torch."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.options import MAX_EXPANDED, option

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from penna.explain.base import Explanation, Part

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run folder that `penna fit` wrote, or its model/ folder.")]
#: Towards what is explained, and away from it: blue and orange, which hardly anyone confuses.
_TOWARDS, _AWAY = (86, 180, 233), (230, 159, 0)
#: Characters of a text that a terminal shows.
_SHOWN = 4_000


def explain(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="File with rows, or - for standard input.")],
    label: Annotated[
        str | None, typer.Option(metavar="LABEL", help="What moved towards this label; if not given, the answered one.")
    ] = None,
    rows: Annotated[int, typer.Option(metavar="N", min=1, help="Only the first N rows.")] = 5,
    encoding: Annotated[str | None, option("encoding")] = None,
    header: Annotated[bool | None, option("header")] = None,
    max_expanded: Annotated[str, option("max_expanded")] = MAX_EXPANDED,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Words, n-grams and columns listed for a row.")] = 8,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write one HTML page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with everything.")] = False,
) -> None:
    """Say what moved the answer to each row.

    Words and columns, with what each moved the probability of the answered label (or the number): linear models are
    taken apart exactly, any other is run again without each word and each column.
    """
    from pathlib import Path

    from penna.artifact import bundle
    from penna.data.readers.format_options import Form
    from penna.inference.preview import first
    from penna.report import explanations
    from penna.terminal import display

    model = bundle.load(run)
    table, more, findings = first(model, data, rows, Form.of(encoding, header, max_expanded))
    found = model.explain(table, label)
    notes = [finding.message for finding in findings]
    notes += [f"only the first {rows} rows: --rows says how many."] if more else []
    for note in notes:
        display.screen(stderr=True).print(f"note: {note}", style="yellow", soft_wrap=True)
    if html:
        title = data if data != "-" else "standard input"
        explanations.render(Path(title).name, [each.to_json() for each in found], Path(html))
    if as_json:
        display.as_json([each.to_json() for each in found])
        return
    console = display.screen()
    for each in found:
        _say(console, each, top)
    if html:
        console.print(f"page: {html}", soft_wrap=True)


def _say(console: "Console", found: "Explanation", top: int) -> None:
    console.print(_heading(found), style="bold", soft_wrap=True)
    if console.is_terminal:
        for name, text in found.texts.items():
            console.print(_coloured(found, name, text))
    if found.grams:
        whole = [gram for gram in found.grams if not gram.piece]  # pieces of words say the same again and again
        _list(console, found, "n-grams", ((gram.text, gram.moved) for gram in whole or found.grams), top)
    _list(console, found, "words", _summed(found), top)
    _list(console, found, "columns", ((_cell(part), part.moved) for part in found.columns), top)
    if abs(found.rest) > 0.01 * abs(found.output - found.base):
        console.print(f"  what parts do together: {_signed(found, found.rest)}", soft_wrap=True)
    console.print()


def _cell(part: "Part") -> str:
    """Return a column with the row's value, where it has one of its own."""
    return part.column if part.text or part.value == "…" else f"{part.column} = {part.value or 'missing'}"


def _heading(found: "Explanation") -> str:
    """``row 3: complaint, of probability 93.1 %; 40.2 % without any word``."""
    if found.label is None:
        return f"row {found.row}: {found.answer:g}; {found.base:.4g} without any word ({found.how})"
    prefix = "" if str(found.answer) == str(found.label) else f"answered {_label(found.answer)}; "
    percent = f"{100 * found.output:.1f} %; {100 * found.base:.1f} % without any word"
    return f"row {found.row}: {prefix}{found.label} {percent} ({found.how})"


def _label(answer: Any) -> str:
    return (", ".join(map(str, answer)) or "no label") if isinstance(answer, tuple) else str(answer)


def _summed(found: "Explanation") -> Iterable[tuple[str, float]]:
    """Return each word once, with the sum over its places."""
    total: dict[str, float] = {}
    for word in found.words:
        name = " ".join(word.text.split())
        total[name] = total.get(name, 0.0) + word.moved
    return total.items()


def _list(console: "Console", found: "Explanation", title: str, moves: Iterable[tuple[str, float]], top: int) -> None:
    """Return the strongest, those that moved nothing left out."""
    ranked = sorted(moves, key=lambda move: -abs(move[1]))[:top]
    parts = [f"{name[:60]} {_signed(found, moved)}" for name, moved in ranked if abs(moved) >= _least(found)]
    if parts:
        console.print(f"  {title}: {' · '.join(parts)}", soft_wrap=True)


def _least(found: "Explanation") -> float:
    return 5e-4 if found.label is not None else 1e-6 * abs(found.output - found.base)


def _signed(found: "Explanation", moved: float) -> str:
    """Points of a hundred for a probability, the user's own units for a number.

    >>> from types import SimpleNamespace
    >>> _signed(SimpleNamespace(label="a"), -0.123), _signed(SimpleNamespace(label=None), 2.5)
    ('-12.3', '+2.5')
    """
    return f"{moved:+.3g}" if found.label is None else f"{100 * moved:+.1f}"


def _coloured(found: "Explanation", column: str, text: str) -> "Text":
    """Return the text, each word on a ground that says how far it moved the answer, and where to."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    from penna.escaping import pictured

    written = Text(pictured(text[:_SHOWN]))
    most = max((abs(word.moved) for word in found.words), default=0.0) or 1.0
    for word in found.words:
        share = abs(word.moved) / most
        if word.column == column and share > 0.05:
            red, green, blue = (round(255 - share * (255 - c)) for c in (_TOWARDS if word.moved > 0 else _AWAY))
            ground = Style(color="black", bgcolor=Color.from_rgb(red, green, blue))
            written.stylize(ground, word.start, min(word.end, _SHOWN))
    return written
