"""``penna leaderboard``, ``report`` and ``doctor``: looking at a run, and at this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from penna.trials import Trial

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run folder that `penna fit` wrote.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def leaderboard(run: Run, as_json: Json = False) -> None:
    """List every trial, best first.

    Score ± spread on validation rows, seconds, size, latency, state, and the reason where one was skipped or failed.
    """
    from penna.cli import show
    from penna.errors import RunError
    from penna.trials import read

    path = Path(run) / "ledger.jsonl"
    if not path.is_file():
        raise RunError(f"{run} is not a run folder (it has no ledger.jsonl): give the --out of a `penna fit`.")
    header, trials, _ = read(path)
    ranked = sorted(trials, key=rank)
    if as_json:
        show.as_json([{"score": _finite(t.score), "spread": t.spread, **t.to_json()} for t in ranked])
        return
    columns = ("#", "score", "spread", "family", "recipe", "seconds", "MB", "ms", "state", "reason")
    title = f"{len(trials)} trials; scores are {header.get('metric', 'scores')} on validation rows"
    show.table(show.screen(), title, columns, map(_row, ranked), ("#", "score", "spread", "seconds", "MB", "ms"))


def rank(trial: "Trial") -> tuple[bool, float, int]:
    """Sorts finished trials first, then by score; of equal scores the one on more folds."""
    return (trial.state != "complete", -trial.score, -len(trial.folds))


def _row(trial: "Trial") -> list[str]:
    from penna.cli.show import amount, number

    scored = bool(trial.scores)
    inside = str(trial.recipe).removeprefix(trial.recipe.family)
    return [
        str(trial.number),
        number(trial.score) if scored else "",
        number(trial.spread) if scored else "",
        trial.recipe.family,
        inside,
        amount(trial.seconds),
        amount(trial.megabytes),
        amount(trial.milliseconds),
        str(trial.state),
        trial.reason,
    ]


def _finite(score: float) -> float | None:
    return score if score > float("-inf") else None


def report(
    run: Run,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="RUN/report.html if not given.")] = None,
) -> None:
    """Write one HTML page about a run, without outside links."""
    from penna.auto import report as write

    typer.echo(write(run, Path(out) if out else None))


def doctor(as_json: Json = False) -> None:
    """Say what this machine and install can do.

    Cores, instruction sets, measured speed, GPU, encoders and extras; what is missing, and how to get it.
    """
    from penna import doctor as examination
    from penna.cli import show

    found = examination.examine()
    if as_json:
        show.as_json(found)
        return
    console = show.screen()
    for title, facts in found.items():
        show.facts(console, title, {name: _plainly(value) for name, value in facts.items()})
        console.print()


def _plainly(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
