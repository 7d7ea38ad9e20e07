"""FitConfig has every option once: AutoText, penna.check, the commands and the docs have the same ones."""

import dataclasses
import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from penna import AutoText, SettingError, check
from penna.cli import app
from penna.fit_config import CHECK_BUDGET, OPTIONS, FitConfig

ROOT = Path(__file__).parents[2]
IN_CHECK = {name for name, option in OPTIONS.items() if option.in_check}
#: Options of a command that are none of a fit.
OTHERS = {"fit": {"target", "test", "grace", "quiet"}, "check": {"target", "test", "html", "as_json"}}


def documented(function: object) -> dict[str, str]:
    """Parameter -> its type, of the section Parameters of a docstring."""
    section = re.search(r"Parameters\n-+\n(.*?)\n\n", inspect.getdoc(function) or "", re.DOTALL)
    assert section is not None
    lines = re.findall(r"^(\w[\w, ]*) : (.*)$", section[1], re.MULTILINE)
    return {name: kind for names, kind in lines for name in names.split(", ")}


def test_autotext_has_the_options_of_fit_config() -> None:
    parameters = inspect.signature(AutoText).parameters
    assert list(parameters) == [field.name for field in dataclasses.fields(FitConfig)]
    assert {name: p.default for name, p in parameters.items()} == {name: o.default for name, o in OPTIONS.items()}
    assert [p.kind for p in parameters.values()][1:] == [inspect.Parameter.KEYWORD_ONLY] * (len(OPTIONS) - 1)


def test_the_docstring_of_autotext_describes_every_option() -> None:
    types = documented(AutoText)
    assert list(types) == list(OPTIONS)
    for name, kind in types.items():
        if kind.startswith("{"):
            assert f'"{OPTIONS[name].default}"' in kind, name


def test_check_has_the_options_that_are_for_checks() -> None:
    parameters = {n: p for n, p in inspect.signature(check).parameters.items() if n not in ("source", "y", "test")}
    assert set(parameters) == IN_CHECK
    defaults = {name: CHECK_BUDGET if name == "budget" else OPTIONS[name].default for name in parameters}
    assert {name: p.default for name, p in parameters.items()} == defaults
    assert set(documented(check)) == IN_CHECK | {"source", "y", "test"}


@pytest.mark.parametrize("command", ["fit", "check"])
def test_a_command_has_the_options_of_fit_config(command: str) -> None:
    names = {name for name, option in OPTIONS.items() if option.panel and (command == "fit" or option.in_check)}
    options = {p.name: p for p in get_command(app).commands[command].params if p.param_type_name == "option"}
    assert set(options) == names | OTHERS[command]
    for name in names:
        flags = {flag for written in OPTIONS[name].flags for flag in written.split("/")}
        assert {*options[name].opts, *options[name].secondary_opts} == flags
        assert (options[name].help, options[name].rich_help_panel) == (OPTIONS[name].help, OPTIONS[name].panel)


@pytest.mark.parametrize("command", ["fit", "check"])
def test_help_has_one_line_for_each_option(command: str) -> None:
    lines = CliRunner().invoke(app, [command, "--help"]).output.splitlines()
    panels = lines[lines.index("Data:") :]
    assert [line for line in panels if line.strip() and not re.match(r"\S+:$|  -", line)] == []
    assert [line for line in panels if line.endswith(":")] == ["Data:", "Budget:", "Search:", "Output:", "Options:"]


def test_values_are_plain_and_a_config_cannot_change() -> None:
    config = FitConfig(budget="1m", text="review", random_state=np.int8(3), out="run", numeric_columns=None)
    assert (config.budget, config.text, config.out, config.numeric_columns) == (60.0, ("review",), Path("run"), ())
    assert type(config.random_state) is int
    assert FitConfig(**vars(config)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.cv = 3  # type: ignore[misc]


def test_a_wrong_value_is_named_by_its_option() -> None:
    with pytest.raises(SettingError, match="cv=1 cannot work: give a whole number from 2 to 20"):
        FitConfig(cv=1)


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("option_table", ROOT / "tools" / "option_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_docs_have_the_options_of_fit_config(table: ModuleType) -> None:
    page = table.PAGE.read_text("utf-8")
    assert table.written(page) == page, "run python tools/option_table.py"
    with pytest.raises(ValueError, match="Written by"):
        table.written("# Commands\n")
