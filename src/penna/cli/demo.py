"""``penna demo``: the other commands, one after the other, on real rows that come with the package."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from penna import signals
from penna.escaping import visible

_SENTENCES = (
    "My card still has not come, and it has been two weeks!",
    "the machine ate my pin three times and now it is locked",
    "Why was I charged when I took money out abroad?",
)


def demo(
    out: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where to work; runs/demo-2 and so on where it exists already.")
    ] = "runs/demo",
    budget: Annotated[str, typer.Option(metavar="TIME", help="For the fit.")] = "30s",
) -> None:
    """Fit, evaluate and predict on real rows.

    They are 3,920 questions to an online bank, a part of Banking77 (PolyAI, CC BY 4.0).
    """
    folder = unused(Path(out))
    data = unpack(folder.with_name(folder.name + "-data"))
    run = folder.as_posix()
    train, test = (data / f"{name}.csv" for name in ("train", "test"))
    _penna("fit", train.as_posix(), "--target", "label", "--budget", budget, "--out", run)
    _penna("leaderboard", run, "--top", "10")
    _penna("evaluate", run, test.as_posix())
    typer.echo("\nSome sentences that nobody has labelled:")
    _penna("predict", run, "-", typed="text\n" + "".join(f'"{s}"\n' for s in _SENTENCES))
    _penna("report", run)
    typer.echo("\nThe page above opens in any browser. Now try it on a table of your own: penna fit --help")


def unused(folder: Path) -> Path:
    """Return the folder, or the first of ``folder-2``, ``folder-3`` ... that is not there: nothing is written over."""
    number, free = 1, folder
    while free.exists() or free.with_name(free.name + "-data").exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def unpack(folder: Path) -> Path:
    """Write the demo's rows as plain files that can be looked at, with their licence."""
    import gzip
    from importlib.resources import files

    folder.mkdir(parents=True)
    for source in files("penna").joinpath("assets", "demo").iterdir():
        if source.name.endswith(".csv.gz"):
            (folder / source.name.removesuffix(".gz")).write_bytes(gzip.decompress(source.read_bytes()))
        elif source.is_file():
            (folder / source.name).write_bytes(source.read_bytes())
    return folder


def _penna(*arguments: str, typed: str | None = None) -> None:
    """Show a command, run it, and stop the demo where it fails."""
    import shlex

    typer.echo()
    typer.echo(visible(f"$ {_as_typed(typed)}penna {shlex.join(arguments)}"), color=None)
    sys.stdout.flush()
    with (
        subprocess.Popen(
            [sys.executable, "-m", "penna", *arguments],
            stdin=subprocess.PIPE if typed else None,
            text=True,
            encoding="utf-8",
        ) as process,
        _passing_on(process) as came,
    ):
        if typed and process.stdin:
            process.stdin.write(typed)
            process.stdin.close()
        code = process.wait()
    code = (128 - code if code < 0 else code) or next((128 + number for number in came), 0)
    if code:
        raise typer.Exit(code)


@contextmanager
def _passing_on(process: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Signals are passed on to the child and noted; but for Ctrl-C, which it gets itself and finishes the fit with."""
    came: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        if number != signal.SIGINT:
            came.append(number)
            process.send_signal(number)

    with signals.handled(pass_on):
        yield came


def _as_typed(typed: str | None) -> str:
    import shlex

    return "" if typed is None else f"printf {shlex.quote(typed.replace(chr(10), chr(92) + 'n'))} | "
