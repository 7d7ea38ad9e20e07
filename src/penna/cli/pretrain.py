"""``penna pretrain``: a corpus in, an encoder in Hugging Face form out.

Its options are those of ``pretraining.settings.Settings``, which has the type, default and help of each.
"""

import inspect
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from penna import environment
from penna.errors import PennaError
from penna.pretraining.settings import DATA, RUN, Settings
from penna.pretraining.settings import option as flag

_CORPUS = typer.Argument(metavar="CORPUS...", help="Text, JSON lines or folders of them, also compressed.")
_OUT = typer.Option(metavar="FOLDER", help="Folder of the run; holds encoder/ at the end.", rich_help_panel=DATA)
_RESUME = typer.Option(
    "--resume", help="Continue the run in --out with a longer budget or other settings.", rich_help_panel=RUN
)
_QUIET = typer.Option("--quiet", "-q", help="Print only the result, no progress.", rich_help_panel=RUN)
#: Options whose value is text at the command line: ``pretrain`` reads "25m" itself.
_TEXT = {"budget": str | None}


def pretrain(corpus: list[str], out: str, resume: bool, quiet: bool, **options: Any) -> None:
    """Pretrain an ALBERT or a BERT on plain text, from random weights or from a checkpoint.

    The same command continues a run that was interrupted. Under torchrun, several processes train together.
    """
    _run([*map(Path, corpus)], Path(out), options, resume, quiet)


def _parameters() -> Iterator[inspect.Parameter]:
    """Yield the parameters of the command: the corpus, the folder, every setting, and those of a run."""
    yield _parameter("corpus", Annotated[list[str], _CORPUS])
    yield _parameter("out", Annotated[str, _OUT])
    for setting in sorted(fields(Settings), key=lambda setting: setting.metadata["panel"] != DATA):
        yield _parameter(
            setting.name, Annotated[_TEXT.get(setting.name, setting.type), _option(setting)], setting.default
        )
    yield _parameter("resume", Annotated[bool, _RESUME], False)
    yield _parameter("quiet", Annotated[bool, _QUIET], False)


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _option(setting: "Field[Any]") -> Any:
    """Return the typer option of a setting."""
    about = setting.metadata
    flags = about["flag"] or flag(setting.name)
    return typer.Option(flags, metavar=about["metavar"], help=about["help"], rich_help_panel=about["panel"])


pretrain.__signature__ = inspect.Signature([*_parameters()])  # type: ignore[attr-defined]


def _run(corpus: list[Path], out: Path, options: dict[str, Any], resume: bool, quiet: bool) -> None:
    from penna.pretraining.api import pretrain as start

    first = environment.number("RANK", 0) == 0
    try:
        outcome = start(corpus, out, resume=resume, progress=not quiet, **options)
    except PennaError:
        if first:
            raise
        raise typer.Exit(2) from None  # one process says what all of them found
    if not first:
        return
    if outcome.why == "interrupted":
        from penna.cli.errors import say

        say(f"interrupted at step {outcome.steps:,}; the encoder as it stands is in {outcome.encoder.as_posix()}, and "
            "the same command goes on.")  # fmt: skip
        raise typer.Exit(128 + outcome.signal)
    _show(outcome)


def _show(outcome: Any) -> None:
    from penna.terminal import display

    console = display.screen()
    display.facts(console, "Measures", {name: display.number(value) for name, value in outcome.measures.items()})
    console.print()
    pairs = {
        "steps": f"{outcome.steps:,}",
        "tokens": f"{outcome.tokens:,}",
        "time": display.clock(outcome.seconds),
        "encoder": outcome.encoder.as_posix(),
    }
    display.facts(console, "Pretrained", pairs)
