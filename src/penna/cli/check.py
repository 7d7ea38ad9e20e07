"""``penna check``: a table in, what is wrong with it out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.options import SOURCE, given, option, takes_check_options

if TYPE_CHECKING:
    from rich.console import Console

    from penna.automl.data_check import Checkup
    from penna.data.table import Finding

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@takes_check_options
def check(
    data: Annotated[str, typer.Argument(metavar="DATA", help=SOURCE)],
    target: Annotated[list[str] | None, option("target")] = None,
    test: Annotated[str | None, option("test")] = None,
    *,
    html: Annotated[str | None, option("html")] = None,
    as_json: Annotated[bool, option("as_json")] = False,
    **options: Any,
) -> None:
    """Check a table for problems before any training.

    Each finding has a count, some rows, what Penna does about it, and how to change that.
    """
    from penna.budget import Deadline
    from penna.cli import start_time
    from penna.durations import parse_seconds

    # The time to load the modules below counts, too.
    deadline = Deadline(parse_seconds(options.pop("budget")), start_time.at)
    from penna.automl import data_check
    from penna.cli.fit import named
    from penna.terminal import display

    found = data_check.check(data, named(target), test=test, budget=deadline, **given(options))
    if html:
        write_page(found, data, html)
    if as_json:
        display.as_json(found.to_json())
        return
    console = display.screen()
    _say(console, found)
    if html:
        console.print(f"page: {html}", soft_wrap=True)


def write_page(found: "Checkup", data: str, path: str) -> None:
    """Write the findings as one HTML page."""
    from datetime import datetime
    from pathlib import Path

    from penna.report import render
    from penna.version import __version__

    record: Any = {
        "title": Path(data).name,
        "version": __version__,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "checks": found.to_json(),
    }
    render(record, Path(path))


def _say(console: "Console", found: "Checkup") -> None:
    from penna.terminal.display import named_columns

    tested = f" and {found.test_rows:,} test rows" if found.test_rows else ""
    console.print(f"{found.rows:,} rows{tested}; columns: {named_columns(found.columns)}", soft_wrap=True)
    for finding in found.findings:
        console.print()
        _say_one(console, finding)
    console.print()
    clean = [looks for name, looks in found.looked.items()]
    console.print(f"looked for: {'; '.join(clean)}.", soft_wrap=True)
    for what, reason in found.skipped:
        console.print(f"skipped {what}: {reason}", style="yellow", soft_wrap=True)
    console.print(f"{_counted(found)} in {found.seconds:.1f} s", style="bold", soft_wrap=True)


def _say_one(console: "Console", finding: "Finding") -> None:
    console.print(f"{finding.severity}: {finding.message}", style=_STYLES[finding.severity], soft_wrap=True)
    for example in finding.examples:
        console.print(f"    {example}", soft_wrap=True)
    if finding.does:
        console.print(f"  Penna {finding.does}. To change that: {finding.change}.", soft_wrap=True)


def _counted(found: "Checkup") -> str:
    """``1 error, 3 warnings, 2 notes``."""
    names: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}
    counts = {name: sum(finding.severity == kind for finding in found.findings) for kind, name in names.items()}
    return ", ".join(f"{n} {name if n == 1 else name + 's'}" for name, n in counts.items() if n) or "nothing found"
