"""``penna fit``: options in, a run folder out."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penna.cli.file_options import Encoding, Header, MaxExpanded, TagNames
from penna.cli.graceful_stop import Stopping, seconds
from penna.errors import SettingError

if TYPE_CHECKING:
    from penna.budget import Deadline
    from penna.search.trials import Trial


def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="CSV, TSV, JSON lines or Parquet, also compressed; or NAME of NAME.en and NAME.de."
        ),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="The labels, or numbers; repeat for columns of 0 and 1, a label each."),
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
    numeric: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Numbers; repeat for more. Found if not given.")
    ] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Names; repeat for more. Found if not given.")
    ] = None,
    date: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Dates; repeat for more. Found if not given.")
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--multi-value", metavar="COLUMN", help="Lists of names; repeat for more. Found if not given."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Not to be used; repeat for more; * for all but text.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Rows of one group stay on one side of every split.")
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="What each row counts for in training; rows of weight 0 are left out."),
    ] = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="For the exam, in place of rows of DATA.")] = None,
    budget: Annotated[str, typer.Option(metavar="TIME", help="For everything: 30s, 10m, 1.5h.")] = "10m",
    max_mb: Annotated[float | None, typer.Option(metavar="MB", help="Most that the result may weigh.")] = None,
    max_ms: Annotated[float | None, typer.Option(metavar="MS", help="Most that one text may take.")] = None,
    families: Annotated[
        str, typer.Option(metavar="NAMES", help="What to search.")
    ] = "linear,trees,frozen,contrastive,finetune",
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Encoder: a folder or a hub name; repeat for more. What came with Penna if not given."
        ),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="classify, multilabel, regress, tag, answer, translate, or auto: what the target looks like.",
        ),
    ] = "auto",
    separator: Annotated[
        str | None,
        typer.Option(metavar="SIGN", help="Between the labels of a cell, where rows have several. Found if not given."),
    ] = None,
    tag_names: TagNames = None,
    encoding: Encoding = None,
    header: Header = None,
    max_expanded: MaxExpanded = "20GB",
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Such as accuracy, macro_f1; r2, mae, pearson; chrf, bleu. Chosen if not given."
        ),
    ] = None,
    folds: Annotated[int | None, typer.Option(metavar="K", help="Chosen by the number of rows if not given.")] = None,
    exam: Annotated[float | None, typer.Option(metavar="SHARE", help="Part of the rows to keep for the exam.")] = None,
    search: Annotated[str, typer.Option(metavar="NAME", help="auto, random, grid, tpe or gp.")] = "auto",
    rare: Annotated[str, typer.Option(metavar="error|drop", help="What to do with classes of one row.")] = "error",
    clean: Annotated[
        str,
        typer.Option(metavar="STEPS", help="auto, none, or some of unicode+markup+links+numbers+case+missing+spaces."),
    ] = "auto",
    out_of_scope: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Answered where no class is likely; rows may have it. oos is found."),
    ] = None,
    label_noise: Annotated[
        str,
        typer.Option(
            metavar="auto|keep|weight|drop", help="Rows whose label models doubt, pairs that are no translation."
        ),
    ] = "auto",
    adjust: Annotated[
        str, typer.Option(metavar="auto|none", help="Thresholds and calibration on the answers, where they help.")
    ] = "auto",
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same folds and recipes.")] = 0,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if not given.")] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The new run; runs/<name of DATA> if not given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out: no trial is repeated.")
    ] = False,
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="After Ctrl-C or SIGTERM, to finish with the best so far.")
    ] = "8s",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
) -> None:
    """Find, prove and pack the best classifier, regressor, tagger, reader or translator within the budget."""
    from penna.budget import Deadline
    from penna.cli import start_time
    from penna.durations import parse_seconds
    from penna.terminal.progress import Console

    deadline = Deadline(parse_seconds(budget), start_time.at)
    folder = Path(out) if out else Path("runs") / _stem(data)
    options: dict[str, Any] = {
        "max_mb": max_mb, "max_ms": max_ms, "families": _listed(families), "encoders": tuple(encoder or ()),
        "task": task, "separator": separator, "tag_names": tag_names,
        "encoding": encoding, "header": header, "max_expanded": max_expanded,
        "metric": metric, "folds": folds, "exam": exam, "search": search, "rare": rare, "seed": seed,
        "clean": clean, "label_noise": label_noise, "out_of_scope": out_of_scope, "adjust": adjust,
        "numeric": tuple(numeric or ()), "categorical": tuple(categorical or ()), "date": tuple(date or ()),
        "multi_value": tuple(lists or ()), "ignore": tuple(ignore or ()),
        "text": tuple(text) if text else None, "text_pair": text_pair, "group": group, "weight": weight,
        "out": folder, "resume": resume,
    }  # fmt: skip
    if threads is not None:
        options["threads"] = threads
    with Stopping(seconds(grace)) as stopping:
        with Console(deadline) if not quiet else nullcontext() as stopping.progress:
            from penna import fit_options
            from penna.automl.estimator import AutoText

            fit_options.settled(options, fit_options.at_the_command_line)
            auto = AutoText(deadline, progress=stopping, **options).fit(data, y=named(target), test=test)
        show_result(folder, auto.bundle_.manifest, deadline, auto.trials_)
        stopping.leave()


def named(target: list[str] | None) -> Any:
    """The target's column, or the columns that are it together."""
    return target[0] if target and len(target) == 1 else target or None


def show_result(folder: Path, manifest: Mapping[str, Any], deadline: "Deadline", trials: Sequence["Trial"]) -> None:
    """What was chosen, how it did in the exam, what it weighs, and where it lies."""
    from penna.terminal.display import amount, facts, number, screen

    exam, latency = manifest["exam"], manifest["latency"]
    scores = {name: "{} ({} to {})".format(*map(number, v)) for name, v in exam.items() if isinstance(v, list)}
    title = f"On {exam['rows']:,} exam rows, opened once (95 % intervals)"
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
    """The trial of the best score, where it is no part of what was chosen."""
    from penna.terminal.display import number

    # Finalists met other folds: their scores do not compare.
    ranked = (t for t in trials if t.scores and not t.reason and t.origin != "finalist")
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
