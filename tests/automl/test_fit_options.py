"""Settings: every argument has a line in the table, and a value that cannot work is named in one sentence."""

import inspect
import math
import re
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from typer.main import get_command
from typer.testing import CliRunner

from penna import AutoText, PennaError, SettingError, TableError, check, load, pretrain
from penna.cli import app
from penna.durations import parse_seconds
from penna.errors import shown
from penna.fit_options import CHECKS, at_the_command_line, settled
from penna.pretraining.settings import Settings

TEXTS, LABELS = ["a good film", "a bad film", "so so"], ["a", "b", "a"]


def kind(value):
    """The same name in every process: some values show an address."""
    return type(value).__name__


WRONG = [
    None, True, -1, 0.3, 2, math.nan, 10**400, "", "x", "a\x1b[2Jb", object(), [], {}, (), b"", np.int64(3),
    np.float32("nan"), np.array([1.0]), np.timedelta64(1, "s"), pd.NA, pd.Series(["a"]), pd.DataFrame(), Decimal("NaN"),
    Path("x"), range(3), ["x", 1], [[]], lambda **k: 0, AutoText,
]  # fmt: skip
ARGUMENTS = list(inspect.signature(AutoText).parameters)


def refused(call, *args, **options):
    """The sentence of the error that Penna raises, "" where there is none; anything else is raised as it is."""
    said = ""
    try:
        call(*args, **options)
    except PennaError as error:
        said = str(error)
    assert not re.search(r"[\n\0\x1b]", said), repr(said)
    return said


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_constructor_argument_has_an_option(name):
    assert name in CHECKS
    assert CHECKS[name].accepts()


@pytest.mark.parametrize("name", [n for n in inspect.signature(check).parameters if n not in ("source", "y", "test")])
def test_every_option_of_check_has_a_line_in_the_table(name):
    assert name in CHECKS


@pytest.mark.slow
@pytest.mark.parametrize("name", ARGUMENTS)
def test_no_value_of_an_argument_ends_in_a_raw_error(name, tmp_path, monkeypatch):
    """Three rows are refused after the settings: no value gets so far as a search."""
    monkeypatch.chdir(tmp_path)
    for value in WRONG:
        said = refused(AutoText(**{name: value}).fit, TEXTS, LABELS)
        assert said, (name, shown(value))
        if at_once := refused(settled, {name: value}):
            assert at_once == said
            assert name in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["text", "budget", "n_jobs", "task", "encoders", "random_state"])
def test_check_names_an_option_that_cannot_work(name):
    for value in (object(), b"", 1j, [[]], 10**5000, AutoText):
        with pytest.raises(SettingError, match=name):
            check(TEXTS, LABELS, **{name: value})


@pytest.mark.parametrize("name", [*(f.name for f in fields(Settings)), "resume", "progress"])
def test_no_option_of_pretrain_ends_in_a_raw_error(name, tmp_path):
    for value in WRONG:
        assert refused(pretrain, tmp_path / "nothing.txt", tmp_path / "run", **{"budget": 5, name: value})


@pytest.mark.parametrize(
    "value", [v for v in WRONG if not isinstance(v, str | Path)], ids=lambda value: type(value).__name__
)
def test_a_path_is_a_path(value, tmp_path):
    assert "folder" in refused(load, value)
    assert "out" in refused(pretrain, "corpus.txt", value)
    (tmp_path / "c.txt").write_text("One. Two.\n")
    assert refused(pretrain, value, tmp_path / "run", budget=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", [v for v in WRONG if v is not None and not isinstance(v, range)], ids=lambda value: type(value).__name__
)
def test_data_of_a_wrong_kind_is_refused(value, tmp_path, monkeypatch):
    """Texts, labels, weights and test rows; one text alone is the name of a file or a column."""
    monkeypatch.chdir(tmp_path)
    for call in (AutoText(budget=5).fit, check):
        assert refused(call, value, LABELS)
        assert refused(call, TEXTS, value)
    assert refused(AutoText(budget=5).fit, TEXTS, LABELS, value)
    assert refused(AutoText(budget=5).fit, *rows(), test=value)


def test_message_names_the_value_and_what_is_accepted():
    with pytest.raises(SettingError, match=r"max_size_mb=-1 cannot work: give a number above zero"):
        settled({"max_size_mb": -1})
    with pytest.raises(
        SettingError, match=r"search_strategy='luck' cannot work: give one of auto, gp, grid, random, tpe\."
    ):
        settled({"search_strategy": "luck"})
    with pytest.raises(SettingError, match="--max-size-mb nan cannot work"):
        settled({"max_size_mb": math.nan}, at_the_command_line)
    with pytest.raises(SettingError, match="budget None is not a duration"):
        settled({"budget": None})


def test_values_of_numpy_and_pandas_become_plain_ones():
    found = settled(
        {
            "max_size_mb": np.float32(2), "cv": np.int8(3), "random_state": 4.0, "resume": np.bool_(False),
            "test_size": Decimal("0.2"),
            "text": np.array(["a", "b"]), "numeric_columns": pd.Index(["n"]), "group_column": np.str_("g"),
            "ignore_columns": 0, "date_columns": None,
            "out": Path("run"), "families": {"linear": 1}.keys(), "encoders": [Path("e")], "oos_label": np.int64(-1),
        }
    )  # fmt: skip
    assert found == {
        "max_size_mb": 2.0, "cv": 3, "random_state": 4, "resume": False, "test_size": 0.2, "text": ("a", "b"),
        "numeric_columns": ("n",),
        "group_column": "g", "ignore_columns": ("0",), "date_columns": None, "out": Path("run"),
        "families": ("linear",), "encoders": ("e",),
        "oos_label": -1,
    }  # fmt: skip
    assert [type(found[name]) for name in ("cv", "random_state", "test_size", "resume", "group_column")] == [
        int,
        int,
        float,
        bool,
        str,
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cv": 1}, "from 2 to 20"),
        ({"cv": 99}, "from 2 to 20"),
        ({"test_size": 0.0}, "above 0 and up to 0.5"),
        ({"test_size": 0.9}, "above 0 and up to 0.5"),
        ({"rare_classes": "keep"}, "one of error, drop"),
        ({"families": ()}, "no family"),
        ({"families": ["forest"]}, "no family 'forest'"),
        ({"text_cleaning": "polish"}, "polish"),
        ({"encoders": "a,b"}, r"encoders=\['a', 'b'\]"),
        ({"metric": "beauty"}, "accuracy"),
        ({"metric": "acuracy"}, r"did you mean 'accuracy'\? Give one of accuracy,"),
    ],
)
def test_a_value_outside_its_range_is_refused(options, words):
    with pytest.raises(SettingError, match=words):
        settled(options)


def test_constructor_stores_arguments_for_clone():
    odd = {"budget": timedelta(seconds=6), "text": ["a"], "n_jobs": np.int64(1), "test_size": "nonsense"}
    auto = AutoText(**odd)
    assert all(auto.get_params()[name] is value for name, value in odd.items())
    assert clone(auto).get_params()["budget"] == timedelta(seconds=6)
    assert auto.set_params(test_size=0.2).test_size == 0.2


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30), ("10m", 600), ("1.5h", 5400), ("90", 90), (" 90 s ", 90), ("10 minutes", 600), ("1h30m", 5400),
        ("1 h 30 min", 5400), ("1 hour, 5 minutes", 3900), ("1 hour and 5 minutes", 3900), ("2 hrs.", 7200),
        ("1:30:00", 5400), ("1e3", 1000), ("2d", 172_800), ("10 MIN", 600), (30, 30), (30.5, 30.5), (np.int16(30), 30),
        (np.array(30.0), 30), (Decimal(30), 30), (timedelta(minutes=2), 120), (np.timedelta64(2, "m"), 120),
        (pd.Timedelta("2min"), 120),
    ],
)  # fmt: skip
def test_a_budget_is_read_as_people_write_it(written, seconds):
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        "soon", "", "5 apples", "1h5", "30m1h", "5m 3m", "10:00", "1,5h", "and 1h", "-5m", "inf", "nan", "1s", "5m\0",
        None, True, -1, math.inf, math.nan, 10**400, b"30", np.timedelta64("NaT"), np.timedelta64(5, "M"), pd.NaT,
    ],
)  # fmt: skip
def test_what_is_no_budget_is_refused(wrong):
    with pytest.raises(SettingError, match="budget"):
        parse_seconds(wrong)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.sampled_from(["", " ", ", ", " and "]))
def test_hours_minutes_and_seconds_add_up(hours, minutes, seconds, between):
    total = hours * 3600 + minutes * 60 + seconds
    if total >= 5:
        assert parse_seconds(between.join([f"{hours}h", f"{minutes} min", f"{seconds}seconds"])) == total
        assert parse_seconds(f"{hours}:{minutes:02}:{seconds:02}") == total


@given(st.text() | st.floats() | st.integers() | st.binary() | st.lists(st.none()) | st.timedeltas())
def test_any_budget_is_seconds_or_one_sentence(budget):
    if not refused(parse_seconds, budget):
        assert 5 <= parse_seconds(budget) < 1e7


class Diary:
    def __init__(self):
        self.kinds = []

    def event(self, kind, **data):
        self.kinds.append(kind)


def rows(n=24):
    return [f"{('good', 'bad')[i % 2]} film number {i}" for i in range(n)], ["pos", "neg"] * (n // 2)


def stopped(progress):
    """A fit that ends after its first event: its test table has no labels."""
    with pytest.raises(TableError, match=r"no labels|no column"):
        AutoText(families=["linear"], progress=progress).fit(*rows(), test=pd.DataFrame({"text": ["a b c"]}))


def test_progress_is_an_object_or_a_function():
    diary, keywords, places = Diary(), [], []
    for progress in (
        diary, diary.event, None, False,
        lambda kind, **data: keywords.append(kind),
        lambda kind, data: places.append(kind),
    ):  # fmt: skip
        stopped(progress)
    assert (diary.kinds, keywords, places) == (["table", "table"], ["table"], ["table"])


def test_progress_true_shows_what_the_command_line_shows(capsys):
    stopped(True)
    assert "24 rows; columns: text (text)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [Diary, int, lambda: 0, "yes", 1, {"event": print}], ids=lambda value: type(value).__name__
)
def test_what_cannot_hear_is_no_progress(wrong):
    with pytest.raises(SettingError, match="progress="):
        AutoText(progress=wrong).fit(*rows())


OPTIONS = [
    (command, option.opts[0])
    for command in ("fit", "check", "pretrain", "explain", "leaderboard")
    for option in get_command(app).commands[command].params
    if option.param_type_name == "option" and not option.is_flag and not option.required
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda value: value.strip("-"))
def test_no_value_of_an_option_is_a_fault_of_penna(command, option, tmp_path, monkeypatch):
    """Three rows, an absent corpus and an absent run are refused, with exit code 2, after the options."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("text,label\na good film,a\na bad film,b\nso so,a\n")
    data = {"fit": ["rows.csv"], "check": ["rows.csv"], "pretrain": ["none.txt", "--out", "new", "--budget", "5s"]}
    given = data.get(command, ["norun", "rows.csv"] if command == "explain" else ["norun"])
    for value in ("", "x", "-1", "nan", "1e999", "9" * 400, "\x1b[2J", "0"):
        ran = CliRunner().invoke(app, [command, *given, f"{option}={value}"])
        allowed = (0, 2) if command == "check" else (2,)
        assert ran.exit_code in allowed, (option, value, ran.output)
        assert "fault inside" not in ran.output
