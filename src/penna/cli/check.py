"""``penna check``: a table in, what is wrong with it out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.file_options import Encoding, Header, MaxExpanded, TagNames

if TYPE_CHECKING:
    from rich.console import Console

    from penna.automl.data_check import Checkup
    from penna.data.table import Finding

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def check(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="CSV, TSV, JSON lines or Parquet, also compressed; or NAME of NAME.en and NAME.de."
        ),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="The labels; repeat for columns of 0 and 1, a label each."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", "--source", metavar="COLUMN", help="A text column; repeat for more. Found if not given."
        ),
    ] = None,
    text_pair: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The second text of a pair. Found by its usual names if no text is named."),
    ] = None,
    numeric: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Numbers; repeat for more.")] = None,
    categorical: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Names; repeat for more.")] = None,
    date: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Dates; repeat for more.")] = None,
    lists: Annotated[
        list[str] | None, typer.Option("--multi-value", metavar="COLUMN", help="Lists of names; repeat for more.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Not to be used; repeat for more; * for all but text.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Rows of one group stay on one side of every split.")
    ] = None,
    weight: Annotated[str | None, typer.Option(metavar="COLUMN", help="What each row counts for in training.")] = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE", help="Test rows: looks for what both files share.")
    ] = None,
    task: Annotated[
        str, typer.Option(metavar="NAME", help="classify, multilabel, regress, tag, answer, translate, or auto.")
    ] = "auto",
    separator: Annotated[
        str | None, typer.Option(metavar="SIGN", help="Between the labels of a cell. Found if not given.")
    ] = None,
    tag_names: TagNames = None,
    encoding: Encoding = None,
    header: Header = None,
    max_expanded: MaxExpanded = "20GB",
    encoder: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Encoder: a folder or a hub name. What came with Penna if not given."),
    ] = None,
    budget: Annotated[str, typer.Option(metavar="TIME", help="For everything: 30s, 10m.")] = "60s",
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same findings.")] = 0,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if not given.")] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write one HTML page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with all row numbers.")] = False,
) -> None:
    """Say what is wrong with a table, before any training.

    Each finding comes with its count and some rows, with what Penna does about it and how to have it otherwise.
    """
    from penna.budget import Deadline
    from penna.cli import start_time
    from penna.durations import parse_seconds

    deadline = Deadline(parse_seconds(budget), start_time.at)  # loading what follows takes time, too
    from penna import fit_options
    from penna.automl import data_check
    from penna.cli.fit import named
    from penna.terminal import display

    options: dict[str, Any] = {
        "text": tuple(text) if text else None, "text_pair": text_pair, "group": group, "weight": weight, "task": task,
        "separator": separator, "tag_names": tag_names,
        "numeric": tuple(numeric or ()), "categorical": tuple(categorical or ()), "date": tuple(date or ()),
        "multi_value": tuple(lists or ()), "ignore": tuple(ignore or ()),
        "encoding": encoding, "header": header, "max_expanded": max_expanded,
        "encoders": tuple(encoder or ()), "threads": threads, "seed": seed,
    }  # fmt: skip
    fit_options.settled(options, fit_options.at_the_command_line)
    found = data_check.check(data, named(target), test=test, budget=deadline, **options)
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
    """The findings as one HTML page."""
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
    """``1 error, 3 warnings, 2 notes``"""
    names: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}
    counts = {name: sum(finding.severity == kind for finding in found.findings) for kind, name in names.items()}
    return ", ".join(f"{n} {name if n == 1 else name + 's'}" for name, n in counts.items() if n) or "nothing found"
