"""Consoles and tables; plain columns of any width if the output is not a terminal."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from penna.escaping import HIDDEN, visible

#: Of a table with more columns than this, not all are named.
MOST_COLUMNS = 20


def named_columns(columns: Mapping[str, str]) -> str:
    """Columns with their roles; of very many the first alone, and how many others there are of each role.

    >>> named_columns({"a": "text", "b": "target"})
    'a (text), b (target)'
    """
    most = MOST_COLUMNS if len(columns) > MOST_COLUMNS + 5 else len(columns)
    # Text and target are shown, wherever they stand.
    columns = {name: "left out" if role == "other" else role for name, role in columns.items()}
    shown = sorted(columns, key=lambda name: columns[name] not in ("text", "target", "group"))[:most]
    listed = [f"{name} ({columns[name]})" for name in columns if name in set(shown)]
    others = Counter(role for name, role in columns.items() if name not in set(shown))
    return ", ".join([*listed, *(f"{count:,} more ({role})" for role, count in others.items())])


class Screen(Console):
    """A console that shows what it is given: hidden characters as escapes, brackets in recipes and labels as brackets.

    A reader that goes away is an error of standard output; of standard error, it is no reason to end.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Render text with control characters made visible."""
        return super().render_str(visible(text), **options)

    def on_broken_pipe(self) -> None:
        """Raise, so that the exit code is that of a closed pipe."""
        if not self.stderr:
            raise BrokenPipeError
        self.quiet = True


def screen(stderr: bool = False) -> Console:
    """Return a console that shows text as it is; where the output is no terminal, of any width."""
    console = Screen(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no width: nothing is cut
    return console


def table(
    console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = ()
) -> None:
    """Print rows under a title; columns named in ``numbers`` are set to the right, empty ones are left out."""
    right, cells = set(numbers), [tuple(row) for row in rows]
    shown = [i for i in range(len(columns)) if not cells or any(row[i] for row in cells)]
    lines = box.SIMPLE_HEAD if console.is_terminal else None
    _title(console, title)
    grid = Table(box=lines, padding=(0, 1, 0, 0))
    for i in shown:
        if columns[i] in right:
            grid.add_column(columns[i], justify="right", no_wrap=True)
        else:
            grid.add_column(columns[i], overflow="fold", min_width=8)
    for row in cells:
        grid.add_row(*(row[i] for i in shown))
    _print(console, grid)


def facts(console: Console, title: str, pairs: Mapping[str, str]) -> None:
    """Print a title and aligned ``name  value`` lines."""
    _title(console, title)
    grid = Table(box=None, show_header=False)
    grid.add_column(style="dim" if console.is_terminal else "")
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(name, value)
    _print(console, grid)


def _title(console: Console, title: str) -> None:
    console.print(title, style="bold", soft_wrap=True)  # a table's own title is broken at the table's width


def _print(console: Console, grid: Table) -> None:
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as held:
        console.print(grid)
    for line in held.get().splitlines():
        console.print(line.rstrip(), soft_wrap=True)  # rich fills every cell up with blanks


def as_json(value: Any) -> None:
    """Print one JSON document, and nothing else, on stdout; characters that a terminal would obey as JSON's escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    # Outside of strings, JSON has no hidden characters but line ends, and inside of them it has no line ends.
    print("\n".join(HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n")))


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with ``digits`` decimals; a dash for None."""
    if value is None:
        return ""
    # An error in the units of a target may be of any size.
    return f"{value:.3g}" if 0 < abs(value) < 10**-digits else f"{value:.{digits}f}"


def amount(value: float | None, unit: str = "") -> str:
    """Three significant figures, never in scientific notation.

    >>> amount(0.01234, "s"), amount(1234.5), amount(None)
    ('0.0123 s', '1234', '')
    """
    if value is None:
        return ""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def clock(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``; never negative.

    >>> clock(61.2), clock(3700), clock(-3)
    ('1:01', '1:01:40', '0:00')
    """
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
