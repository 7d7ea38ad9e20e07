"""``penna leaderboard``, ``report`` and ``doctor``: looking at a run, and at this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.escaping import visible

if TYPE_CHECKING:
    from penna.search.trials import Trial

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run folder that `penna fit` wrote.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def leaderboard(
    run: Run,
    top: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the N best.")] = None,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="Print the full recipe of one trial as JSON, and nothing else.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every trial, best first.

    Columns: score ± spread on validation rows, seconds, size, latency, and the recipe, as it differs from the first of
    its family. Skipped trials are one line with a count.
    """
    from penna.automl import run_record
    from penna.search import trials
    from penna.terminal import display, trial_lines

    header, tried, _ = trials.read(_inside(run, "trials.jsonl"))
    if trial is not None:
        display.as_json(_numbered(tried, trial).to_json())
        return
    rows = run_record.leaderboard(tried)[:top]
    if as_json:
        display.as_json(rows)
        return
    names = dict(zip((t.number for t in tried), trial_lines.names_of(tried), strict=True))
    skips = trial_lines.Skips()
    for row in rows:
        if row["state"] == "skipped":
            skips.add(names[row["trial"]], row["reason"])
    rows = [row for row in rows if row["state"] != "skipped"]
    title = f"{len(rows)} of {len(tried)} trials; scores are {header.get('metric', 'taken')} on validation rows"
    numbers = ("#", "score", "spread", "folds", "seconds", "MB", "ms")
    columns = ("#", "score", "spread", "folds", "seconds", "MB", "ms", "recipe", "state", "reason")
    console = display.screen()
    display.table(console, title, columns, [_cells(row, names[row["trial"]]) for row in rows], numbers)
    for line in skips.lines():
        console.print(visible(line), soft_wrap=True, markup=False, highlight=False)


def _numbered(tried: "Sequence[Trial]", number: int) -> "Trial":
    from penna.errors import SettingError

    found = next((t for t in tried if t.number == number), None)
    if found is None:
        raise SettingError(f"--trial {number}: this run has the trials 0 to {len(tried) - 1}.")
    return found


def _cells(row: Mapping[str, Any], recipe: str) -> list[str]:
    from penna.terminal.display import amount, number

    scores = [number(row["score"]), number(row["spread"])]
    costs = [amount(row[name]) for name in ("seconds", "megabytes", "milliseconds")]
    return [str(row["trial"]), *scores, str(row["folds"]), *costs, recipe, row["state"], row["reason"]]


def report(
    run: Run,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="RUN/report.html if not given.")] = None,
) -> None:
    """Write one HTML page about a run, without outside links."""
    import json

    from penna import safe_load
    from penna.errors import RunError
    from penna.report.page import render_page, write

    path = _inside(run, "run.json")
    page = Path(out) if out else Path(run) / "report.html"
    try:
        drawn = render_page(json.loads(path.read_text(encoding="utf-8")))
    except safe_load.DAMAGE as error:  # of another form than Penna writes, anything can fail
        raise RunError(f"{path} is damaged ({safe_load.brief(error)}): fit again into a new folder.") from error
    write(drawn, page)
    typer.echo(visible(page.as_posix()))


def _inside(run: str, name: str) -> Path:
    """Return a file of a run folder. Raises RunError where it is not there."""
    from penna.errors import RunError

    path = Path(run) / name
    if path.is_file():
        return path
    if (Path(run) / "trials.jsonl").is_file():
        raise RunError(f"{run} was not finished (it has no {name}): go on with penna fit --resume.")
    raise RunError(f"{run} is not a run folder: give the --out of a `penna fit`.")


def doctor(as_json: Json = False) -> None:
    """Say what this machine and install can do.

    Cores, instruction sets, measured speed, GPU, encoders and extras; what is missing, and how to get it.
    """
    from penna import doctor as examination
    from penna.terminal import display

    found = examination.examine()
    if as_json:
        display.as_json(found)
        return
    console = display.screen()
    for title, facts in found.items():
        display.facts(console, title, {name: _plainly(value) for name, value in facts.items()})
        console.print()


def _plainly(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
