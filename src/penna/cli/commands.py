"""The commands of ``penna`` by name. A command is imported when it is called: ``penna --help`` imports none."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup


class About(NamedTuple):
    """The module of a command, and its line in ``penna --help``."""

    module: str
    help: str


COMMANDS: Mapping[str, About] = {
    "check": About("check", "Check a table for problems before any training."),
    "fit": About("fit", "Search, test and package the best model within a budget."),
    "evaluate": About("predict", "Measure a run on a file with labels."),
    "predict": About("predict", "Write a label and probabilities, or a number, for each row."),
    "verify": About("predict", "Check that a model is whole, byte by byte."),
    "explain": About("explain", "Explain the prediction for each row."),
    "leaderboard": About("inspect", "List every trial, best first."),
    "report": About("inspect", "Write one HTML page about a run, without outside links."),
    "pretrain": About("pretrain", "Pretrain an ALBERT or a BERT on plain text."),
    "demo": About("demo", "Fit, evaluate and predict on real rows."),
    "doctor": About("inspect", "Show what this machine and install can do."),
}


class Commands(TyperGroup):
    """The group ``penna``, which imports a command when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Imported()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one line for each command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about.help) for name, about in COMMANDS.items()])


class _Imported(MutableMapping[str, Any]):
    """Name -> command; a command is imported when it is looked up."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = _command(name)
        return self._known[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(name: str) -> Any:
    from penna.cli.errors import guarded
    from penna.cli.help_panels import Panels

    function = getattr(import_module(f"penna.cli.{COMMANDS[name].module}"), name)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=Panels)(guarded(function))
    return typer.main.get_command(alone)
