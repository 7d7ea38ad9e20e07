"""``penna check``: print what is wrong with a table, or write it as JSON or as a page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.options import SOURCE, as_python, option, takes_check_options

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

    result = data_check.check(data, named(target), test=test, budget=deadline, **as_python(options))
    if html:
        write_page(result, data, html)
    if as_json:
        display.as_json(result.to_json())
        return
    console = display.screen()
    _print_result(console, result)
    if html:
        console.print(f"page: {html}", soft_wrap=True)


def write_page(result: "Checkup", data: str, path: str) -> None:
    """Write the findings as one HTML page."""
    from datetime import datetime
    from pathlib import Path

    from penna.report import render
    from penna.version import __version__

    record: Any = {
        "title": Path(data).name,
        "version": __version__,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "checks": result.to_json(),
    }
    render(record, Path(path))


def _print_result(console: "Console", result: "Checkup") -> None:
    from penna.terminal.display import named_columns

    tested = f" and {result.test_rows:,} test rows" if result.test_rows else ""
    console.print(f"{result.rows:,} rows{tested}; columns: {named_columns(result.columns)}", soft_wrap=True)
    for finding in result.findings:
        console.print()
        _print_finding(console, finding)
    console.print()
    console.print(f"looked for: {'; '.join(result.looked.values())}.", soft_wrap=True)
    for what, reason in result.skipped:
        console.print(f"skipped {what}: {reason}", style="yellow", soft_wrap=True)
    console.print(f"{_counts(result)} in {result.seconds:.1f} s", style="bold", soft_wrap=True)


def _print_finding(console: "Console", finding: "Finding") -> None:
    console.print(f"{finding.severity}: {finding.message}", style=_STYLES[finding.severity], soft_wrap=True)
    for example in finding.examples:
        console.print(f"    {example}", soft_wrap=True)
    if finding.does:
        console.print(f"  Penna {finding.does}. To change that: {finding.change}.", soft_wrap=True)


def _counts(result: "Checkup") -> str:
    """``1 error, 3 warnings, 2 notes``."""
    names: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}
    counts = {name: sum(finding.severity == kind for finding in result.findings) for kind, name in names.items()}
    return ", ".join(f"{n} {name if n == 1 else name + 's'}" for name, n in counts.items() if n) or "nothing found"
