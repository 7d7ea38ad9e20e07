"""The options of ``penna fit`` and ``penna check``, generated from ``FitConfig``; the few others are described here.

Loads no library but typer: ``--help`` reads this file.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from penna.fit_config import BUDGET, CHECK_BUDGET, DATA, OPTIONS, OUTPUT, Option


class Help(NamedTuple):
    """Help of an option of a command that is no option of a fit."""

    panel: str
    metavar: str | None
    help: str
    flags: tuple[str, ...]


#: Option of a command -> its help.
HELP: Mapping[str, Help] = {
    "target": Help(DATA, "COLUMN", "Target column. Repeat for one 0/1 column per label.", ("--target",)),
    "test": Help(DATA, "FILE", "File with the test set. Default: rows held out from DATA.", ("--test",)),
    "grace": Help(BUDGET, "TIME", "Time to finish with the best model so far after Ctrl-C or SIGTERM.", ("--grace",)),
    "html": Help(OUTPUT, "FILE", "Also write one HTML page.", ("--html",)),
    "as_json": Help(OUTPUT, None, "Print one JSON document with all row numbers.", ("--json",)),
    "quiet": Help(OUTPUT, None, "Print only the result, no progress.", ("--quiet", "-q")),
}

#: Default of --max-expanded, for the other commands that read files.
MAX_EXPANDED: str = OPTIONS["max_expanded"].default
SOURCE = "CSV, TSV, JSON or Parquet file, may be compressed; or NAME of NAME.en and NAME.de."

Command = Callable[..., None]


def option(name: str) -> Any:
    """Return the typer option of this name."""
    about = HELP.get(name) or OPTIONS[name]
    return typer.Option(*about.flags, metavar=about.metavar, help=about.help, rich_help_panel=about.panel)


def takes_fit_options(command: Command) -> Command:
    """Return ``penna fit`` with every option of a fit in place of its ``**options``."""
    return _with_options(command, {option.name: option.default for option in OPTIONS.values() if option.panel})


def takes_check_options(command: Command) -> Command:
    """Return ``penna check`` with the options of a fit that are for checks, too, in place of its ``**options``."""
    defaults = {option.name: option.default for option in OPTIONS.values() if option.in_check}
    return _with_options(command, {**defaults, "budget": CHECK_BUDGET})


def _with_options(command: Command, defaults: Mapping[str, Any]) -> Command:
    """Return the command with a signature for typer: its own arguments, these options, its keyword-only arguments."""
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    first, last = ([p for p in own if (p.kind is p.KEYWORD_ONLY) is keyword] for keyword in (False, True))
    generated = _parameters(defaults)
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in (*first, *generated, *last)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _parameters(defaults: Mapping[str, Any]) -> Iterator[inspect.Parameter]:
    for name, default in defaults.items():
        kind = _type(OPTIONS[name])
        if kind == list[str] | None:
            default = None
        typed = ",".join(default) if isinstance(default, tuple) else default
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=typed, annotation=Annotated[kind, option(name)]
        )


def _type(option: Option) -> Any:
    """Return the type of an option at the command line: columns and encoders are repeated, families take commas."""
    if option.written_as:
        return option.written_as if option.default is not None else option.written_as | None
    return list[str] | None if option.type in (tuple[str, ...], tuple[str, ...] | None) else option.type


def as_python(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of the command line as ``AutoText`` takes them; those that were not given are left out.

    Raises SettingError, naming the option as it is written at the command line.
    """
    from penna import fit_options

    typed = {name: _value(OPTIONS[name], value) for name, value in options.items() if value is not None}
    fit_options.settled(typed, fit_options.at_the_command_line)
    return typed


def _value(option: Option, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if option.commas:
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value
