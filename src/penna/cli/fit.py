"""``penna fit``: options in, a run folder out."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.graceful_stop import Stopping, seconds
from penna.cli.options import SOURCE, option
from penna.errors import SettingError

if TYPE_CHECKING:
    from penna.budget import Deadline
    from penna.search.trials import Trial


def fit(
    data: Annotated[str, typer.Argument(metavar="DATA", help=SOURCE)],
    target: Annotated[list[str] | None, option("target")] = None,
    text: Annotated[list[str] | None, option("text")] = None,
    text_pair: Annotated[str | None, option("text_pair")] = None,
    numeric_columns: Annotated[list[str] | None, option("numeric_columns")] = None,
    categorical_columns: Annotated[list[str] | None, option("categorical_columns")] = None,
    date_columns: Annotated[list[str] | None, option("date_columns")] = None,
    multi_value_columns: Annotated[list[str] | None, option("multi_value_columns")] = None,
    ignore_columns: Annotated[list[str] | None, option("ignore_columns")] = None,
    group_column: Annotated[str | None, option("group_column")] = None,
    weight_column: Annotated[str | None, option("weight_column")] = None,
    test: Annotated[str | None, option("test")] = None,
    task: Annotated[str, option("task")] = "auto",
    separator: Annotated[str | None, option("separator")] = None,
    tag_names: Annotated[str | None, option("tag_names")] = None,
    encoding: Annotated[str | None, option("encoding")] = None,
    header: Annotated[bool | None, option("header")] = None,
    max_expanded: Annotated[str, option("max_expanded")] = "20GB",
    rare_classes: Annotated[str, option("rare_classes")] = "error",
    text_cleaning: Annotated[str, option("text_cleaning")] = "auto",
    label_noise: Annotated[str, option("label_noise")] = "auto",
    oos_label: Annotated[str | None, option("oos_label")] = None,
    budget: Annotated[str, option("budget")] = "10m",
    max_size_mb: Annotated[float | None, option("max_size_mb")] = None,
    max_latency_ms: Annotated[float | None, option("max_latency_ms")] = None,
    n_jobs: Annotated[int | None, option("n_jobs")] = None,
    grace: Annotated[str, option("grace")] = "8s",
    families: Annotated[str, option("families")] = "linear,trees,frozen,contrastive,finetune",
    encoder: Annotated[list[str] | None, option("encoder")] = None,
    search_strategy: Annotated[str, option("search_strategy")] = "auto",
    runner: Annotated[str, option("runner")] = "local",
    metric: Annotated[str | None, option("metric")] = None,
    cv: Annotated[int | None, option("cv")] = None,
    test_size: Annotated[float | None, option("test_size")] = None,
    postprocess: Annotated[str, option("postprocess")] = "auto",
    random_state: Annotated[int, option("random_state")] = 0,
    out: Annotated[str | None, option("out")] = None,
    resume: Annotated[bool, option("resume")] = False,
    quiet: Annotated[bool, option("quiet")] = False,
) -> None:
    """Search, test and package the best model of a table within the budget."""
    from penna.budget import Deadline
    from penna.cli import start_time
    from penna.durations import parse_seconds
    from penna.terminal.progress import Console

    deadline = Deadline(parse_seconds(budget), start_time.at)
    folder = Path(out) if out else Path("runs") / _stem(data)
    options: dict[str, Any] = {
        "max_size_mb": max_size_mb, "max_latency_ms": max_latency_ms, "families": _listed(families),
        "encoders": tuple(encoder or ()), "task": task, "separator": separator, "tag_names": tag_names,
        "encoding": encoding, "header": header, "max_expanded": max_expanded, "metric": metric, "cv": cv,
        "test_size": test_size, "search_strategy": search_strategy, "runner": runner,
        "rare_classes": rare_classes,
        "random_state": random_state, "text_cleaning": text_cleaning, "label_noise": label_noise,
        "oos_label": oos_label, "postprocess": postprocess, "numeric_columns": tuple(numeric_columns or ()),
        "categorical_columns": tuple(categorical_columns or ()), "date_columns": tuple(date_columns or ()),
        "multi_value_columns": tuple(multi_value_columns or ()), "ignore_columns": tuple(ignore_columns or ()),
        "text": tuple(text) if text else None, "text_pair": text_pair, "group_column": group_column,
        "weight_column": weight_column, "out": folder, "resume": resume,
    }  # fmt: skip
    if n_jobs is not None:
        options["n_jobs"] = n_jobs
    with Stopping(seconds(grace)) as stopping:
        with Console(deadline) if not quiet else nullcontext() as stopping.progress:
            from penna import fit_options
            from penna.automl.estimator import AutoText

            fit_options.settled(options, fit_options.at_the_command_line)
            auto = AutoText(deadline, progress=stopping, **options).fit(data, y=named(target), test=test)
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
        "artefact": (folder / "model").as_posix(),
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


def _listed(families: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in families.split(",") if name.strip())
    if not names:
        raise SettingError("--families names none: give at least one of linear, trees, frozen, contrastive, finetune.")
    return names


def _stem(data: str) -> str:
    """``reviews`` from ``data/reviews.csv.gz``."""
    name = Path(data).name
    return name.split(".", 1)[0] or name
