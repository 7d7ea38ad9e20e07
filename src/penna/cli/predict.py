"""``penna evaluate``, ``predict`` and ``verify``: a run folder at work on other rows. Never imports torch."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from penna.cli.options import MAX_EXPANDED, option

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run folder that `penna fit` wrote, or its model/ folder.")]


def evaluate(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="File with texts and labels.")],
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The labels, if called otherwise here.")] = None,
    encoding: Annotated[str | None, option("encoding")] = None,
    header: Annotated[bool | None, option("header")] = None,
    max_expanded: Annotated[str, option("max_expanded")] = MAX_EXPANDED,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure a run on a file with labels.

    Every metric comes with its 95 % bootstrap interval; a table by class follows.
    """
    import warnings

    from penna.artifact import bundle
    from penna.data.readers.format_options import Form
    from penna.terminal import display

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        opened = bundle.load(run)
        measures = opened.evaluate(data, target=target, form=Form.of(encoding, header, max_expanded))
    for warning in caught:
        display.screen(stderr=True).print(f"note: {warning.message}", style="yellow", soft_wrap=True)
    if as_json:
        display.as_json({**measures, "digest": opened.digest})
    else:
        show_measures(measures)
        display.screen().print(f"digest of the model: {opened.digest}", style="dim", soft_wrap=True)


def show_measures(measures: Mapping[str, Any]) -> None:
    """Tables for people: metrics with intervals, then classes."""
    from penna.terminal.display import number, screen, table

    console = screen()
    intervals = [(name, *map(number, value)) for name, value in measures.items() if _interval(value)]
    columns = ("metric", "value", "low", "high")
    table(console, f"{measures['rows']:,} rows, 95 % bootstrap intervals", columns, intervals, columns[1:])
    for name, value in measures.get("signatures", {}).items():
        console.print(f"{name}: {value}", style="dim", soft_wrap=True)
    classes = measures.get("by_class")
    if classes:
        names = tuple(classes[0])
        rows = [[number(v, 3) if isinstance(v, float) else str(v) for v in c.values()] for c in classes]
        console.print()
        table(console, f"by {measures.get('by', 'class')}", names, rows, names[1:])


def _interval(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(v, float | int) for v in value)


def predict(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="File with texts, or - for standard input.")],
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Standard output if not given.")] = None,
    encoding: Annotated[str | None, option("encoding")] = None,
    header: Annotated[bool | None, option("header")] = None,
    max_expanded: Annotated[str, option("max_expanded")] = MAX_EXPANDED,
    safe_csv: Annotated[
        bool, typer.Option("--safe-csv", help="For spreadsheets: an apostrophe before cells that they would run.")
    ] = False,
) -> None:
    """Write a label and probabilities, or a number, for each row.

    Rows stream through: memory stays the same for any number of them.
    """
    import sys

    from penna.artifact import bundle
    from penna.data.readers.format_options import Form
    from penna.inference.batch_predict import predict_file
    from penna.terminal.display import screen

    form, to = Form.of(encoding, header, max_expanded), sys.stdout.buffer if out in (None, "-") else out
    rows, findings = predict_file(bundle.load(run), data, to, form=form, safe_csv=safe_csv)
    console = screen(stderr=True)
    for finding in findings:
        console.print(f"note: {finding.message}", style="yellow", soft_wrap=True)
    if out not in (None, "-"):
        console.print(f"{rows:,} rows written to {out}", soft_wrap=True)


def verify(
    run: Run,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="The digest that was noted down: `penna fit` prints it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check that a model is whole, byte by byte, and say what it is.

    One digest stands for all of it. Ends with exit code 2 where anything was changed, or the digest is another.
    """
    from penna.artifact import verification
    from penna.terminal import display

    found = verification.verify(run, sha256)
    if as_json:
        display.as_json(found.to_json())
        return
    labels = f", {found.labels:,} labels" if found.labels else ""
    facts = {
        "digest": found.digest,
        "made": f"{found.created} by Penna {found.penna}" + (", preliminary" if found.preliminary else ""),
        "task": found.task + labels,
        "reads": ", ".join(found.reads),
        "recipe": found.recipe or found.family,
        "files": f"{found.files:,}, {display.amount(found.megabytes, 'MB')}",
    }
    title = "Whole, and of that digest" if sha256 else "Whole: every file is what was written"
    display.facts(display.screen(), title, facts)
