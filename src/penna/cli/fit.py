"""``penna fit``: search a model of a table, write the run folder and print the result."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.graceful_stop import Stopping, seconds
from penna.cli.options import SOURCE, as_python, option, takes_fit_options

if TYPE_CHECKING:
    from penna.budget import Deadline
    from penna.search.trials import Trial


@takes_fit_options
def fit(
    data: Annotated[str, typer.Argument(metavar="DATA", help=SOURCE)],
    target: Annotated[list[str] | None, option("target")] = None,
    test: Annotated[str | None, option("test")] = None,
    *,
    grace: Annotated[str, option("grace")] = "8s",
    quiet: Annotated[bool, option("quiet")] = False,
    **options: Any,
) -> None:
    """Search, test and package the best model of a table within the budget."""
    from penna.budget import Deadline
    from penna.cli import start_time
    from penna.durations import parse_seconds
    from penna.terminal.progress import Console

    deadline = Deadline(parse_seconds(options.pop("budget")), start_time.at)
    folder = Path(options["out"]) if options["out"] else Path("runs") / _stem(data)
    with Stopping(seconds(grace)) as stopping:
        with Console(deadline) if not quiet else nullcontext() as stopping.progress:
            from penna.automl.estimator import AutoText

            auto = AutoText(deadline, progress=stopping, **as_python({**options, "out": folder}))
            auto.fit(data, y=named(target), test=test)
        show_result(folder, auto.bundle_.manifest, deadline, auto.trials_)
        stopping.leave()


def named(target: list[str] | None) -> Any:
    """Return the target's column, or the columns that are it together."""
    return target[0] if target and len(target) == 1 else target or None


def show_result(folder: Path, manifest: Mapping[str, Any], deadline: "Deadline", trials: Sequence["Trial"]) -> None:
    """Print what was chosen, its test scores, its size, and where it is."""
    from penna.terminal.display import amount, facts, number, screen

    test_scores, latency = manifest["test"], manifest["latency"]
    scores = {name: "{} ({} to {})".format(*map(number, v)) for name, v in test_scores.items() if isinstance(v, list)}
    title = f"On {test_scores['rows']:,} test rows, used once (95 % intervals)"
    console = screen()
    facts(console, title, scores)
    pairs = {
        "recipe": str(manifest["recipe"]),
        **_passed_over(manifest, trials),
        **({"labels": str(manifest["doubted"])} if "doubted" in manifest else {}),
        **({"texts": str(manifest["cleaned"])} if "cleaned" in manifest else {}),
        **({"long texts": "; ".join(manifest["reading"])} if "reading" in manifest else {}),
        "size": amount(manifest["megabytes"], "MB"),
        "one text": amount(latency["one_text_ms"], "ms"),
        "batch of 64": amount(latency["batch_of_64_ms"], "ms"),
        "time": f"{deadline.spent():.1f} s of {deadline.seconds:g} s",
        "artifact": (folder / "model").as_posix(),
        "digest": str(manifest["digest"]),
        "report": (folder / "report.html").as_posix(),
    }
    console.print()
    facts(console, "Chosen", pairs)


def _passed_over(manifest: Mapping[str, Any], trials: Sequence["Trial"]) -> dict[str, str]:
    """Return the trial of the best score, where it is no part of what was chosen."""
    from penna.terminal.display import number

    # Finalists met other folds: their scores do not compare.
    ranked = (t for t in trials if t.scores and not t.reason and t.phase != "finalist")
    best = max(ranked, key=lambda t: t.score, default=None)
    if best is None or best.number in {member["trial"] for member in manifest["members"]}:
        return {}
    return {
        "not chosen": f"#{best.number} {best.recipe.family}, of the best score ({number(best.score)}): see the report"
    }


def _stem(data: str) -> str:
    """``reviews`` from ``data/reviews.csv.gz``."""
    name = Path(data).name
    return name.split(".", 1)[0] or name
