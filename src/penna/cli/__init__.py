"""The command line: one file per group of commands, imported when one of them is called."""

import os
import sys
import time
import warnings
from typing import Annotated

import typer

from penna import __version__, environment, hardware
from penna.cli import standard_streams, start_time
from penna.cli.commands import Commands

# Plain help: rich help would cost every `penna --help` the import of rich.
app = typer.Typer(
    name="penna",
    help="Penna: AutoML for text under a budget. Finds, proves and packs the best model of your texts that fits.",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penna {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Penna: AutoML for text under a budget. Finds, proves and packs the best model of your texts that fits."""


def main() -> None:
    """Run the command line: the entry point ``penna``."""
    with standard_streams.settled():
        _settle_libraries()
        start_time.at = time.monotonic() - hardware.process_age()
        app()


def _settle_libraries() -> None:
    """Set what the libraries below read from the environment: this process is Penna's own."""
    for name in environment.unset():
        del os.environ[name]
    # Libraries speak to programmers; what matters to the user stands in findings, reasons and errors.
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "TRANSFORMERS_NO_ADVISORY_WARNINGS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # torch makes a folder for compiled code when it is imported; else among temporary files, under the user's name.
    if (cache := environment.cache_folder()) != environment.NOWHERE:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache / "torch"))
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
