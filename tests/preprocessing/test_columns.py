"""Columns other than the text: what each is taken for, how its cells are read, and what they become as numbers."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import plugins
from penna.data import readers
from penna.data.table import Field, Table
from penna.errors import BundleError, TableError
from penna.features import columns as features
from penna.features.columns.base import Way
from penna.preprocessing import serialize
from penna.preprocessing.columns import schema, types
from penna.preprocessing.data_findings import of_rows

N = 40


def frame(**more):
    texts = [f"a long enough review of thing number {i}" for i in range(N)]
    return pd.DataFrame({"text": texts, "label": ["yes", "no"] * (N // 2), **more})


def settled(more, **named):
    wanted = schema.requested_roles(**named)
    table, _ = readers.read(frame(**more), target="label", apart=tuple(wanted), others=None)
    return schema.typed(table, wanted)


def raw(*cells):
    return np.fromiter(cells, dtype=object, count=len(cells))


def test_column_types_are_inferred():
    table, _ = settled(
        {
            "age": [str(20 + i % 31) for i in range(N)],
            "price": [f"{i},5" for i in range(N)],
            "class": ["red", "green", "blue", ""] * 10,
            "day": ["2021-03-04", "5 May 2020", "March 3, 2019", "04/05/2021 10:30"] * 10,
            "tags": ["a|b", "b", "", "c|a"] * 10,
            "new": [True, False] * (N // 2),
        }
    )
    roles = {name: field.role for name, field in table.fields.items()}
    assert roles == {
        "age": "numeric", "price": "numeric", "class": "categorical", "day": "date", "tags": "multi_value",
        "new": "categorical",
    }  # fmt: skip
    assert table.columns["price"][:2].tolist() == [0.5, 1.5]
    assert table.columns["tags"][:3].tolist() == [("a", "b"), ("b",), ()]
    assert {name: table.roles[name] for name in roles} == roles


def test_cells_that_are_no_number_count_as_missing_and_are_named():
    table, said = settled({"age": [*map(str, range(1, 2 * N - 3, 2)), "old", "inf"]})
    assert np.flatnonzero(np.isnan(table.columns["age"])).tolist() == [N - 2, N - 1]
    (finding,) = [f for f in said if f.kind == "unread cells"]
    assert finding.rows == (N - 1, N)
    assert "'age'" in finding.message


def test_column_of_mixed_types_is_categorical():
    half = [str(i % 15) for i in range(N // 2)] + ["young", "old", "older", "new", "dead", "w", "x", "y"] * 3
    table, said = settled({"age": half[:N]})
    assert table.fields["age"] == Field("categorical")
    assert any(f.kind == "mixed column" for f in said)


def test_names_made_of_digits_are_no_numbers():
    table, _ = settled({"room": ["1_20", "12_0", "3_7", "40_1"] * 10, "code": ["007", "012", "7", "12"] * 10})
    assert {field.role for field in table.fields.values()} == {"categorical"}


def test_ids_constants_and_unique_names_are_left_out():
    table, said = settled({"id": range(N), "unit": ["cm"] * N, "none": [""] * N, "who": [f"Ann {i}" for i in range(N)]})
    assert table.columns == {}
    assert {name for finding in said for name in finding.columns} == {"id", "unit", "none", "who"}


def test_a_named_role_overrides_what_would_be_inferred():
    table, _ = settled(
        {"id": range(N), "code": ["7", "8"] * (N // 2)}, numeric="id", categorical=["code"], ignore="text"
    )
    assert {name: field.role for name, field in table.fields.items()} == {"id": "numeric", "code": "categorical"}
    assert table.text == {}


def test_a_column_named_for_two_roles_or_not_there_is_refused():
    with pytest.raises(TableError, match="one role"):
        schema.requested_roles(numeric=("age",), date=("age",))
    with pytest.raises(TableError, match="did you mean 'age'"):
        settled({"age": range(N)}, numeric="aeg")
    with pytest.raises(TableError, match="one role"):
        settled({}, numeric="label")


def test_leaking_columns_are_left_out_unless_named():
    table, _ = settled({"answer": ["J", "N"] * (N // 2), "age": [i % 7 for i in range(N)]})
    strata = np.arange(N) % 2
    kept, said = schema.without_leaks(table, strata, {})
    assert list(kept.fields) == ["age"]
    assert kept.roles["answer"] == "other"
    assert said[0].columns == ("answer",)
    assert list(schema.without_leaks(table, strata, {"answer": "categorical"})[0].fields) == ["age", "answer"][::-1]


def test_later_rows_follow_the_schema_and_absences_are_named():
    fields = {"day": Field("date", "day"), "age": Field("numeric")}
    table, said = schema.replay(Table({}, rows=np.array([1]), columns={"day": raw("03/02/1970")}), fields)
    assert table.columns["day"].tolist() == [33 * 86400.0]
    assert np.isnan(table.columns["age"]).all()
    assert said[0].columns == ("age",)


def test_unread_cells_of_many_columns_are_one_finding():
    table, said = settled({f"n{i}": [*(str(j * 1.5 + i) for j in range(N - 1)), "odd"] for i in range(50)})
    (finding,) = [f for f in said if f.kind == "unread cells"]
    assert (finding.count, finding.rows) == (50, (N,))
    assert finding.examples[0] == "n0: 1, such as 'odd'"
    assert len(table.fields) == 50


def test_findings_of_chunks_are_merged():
    what = "cells of column 'a: b' that are no number"
    (one,) = schema.merged([*of_rows("unread", what, np.array([1, 2])), *of_rows("unread", what, np.array([9]))])
    assert one.rows == (1, 2, 9)
    assert one.message.startswith(f"{what}: 3")


@pytest.mark.slow
def test_five_thousand_columns_and_two_of_one_name_are_read():
    wide = pd.DataFrame(np.arange(30 * 5000).reshape(30, 5000) % 7 * 1.5, columns=[f"c{i % 4999}" for i in range(5000)])
    table, _ = readers.read(wide.assign(label=["a", "b"] * 15), target="label", others=None)
    table, _ = schema.typed(table, {})
    assert len(table.fields) == 5000
    assert table.text == {}


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2020-02-29", "2020-02-29"), ("2020/2/29", "2020-02-29"), ("29.02.2020", "2020-02-29"),
        ("29/02/20", "2020-02-29"), ("29 Feb 2020", "2020-02-29"), ("Sat, 29-Feb-2020", "2020-02-29"),
        ("February 29th, 2020", "2020-02-29"), ("2020-02-28T23:30:00-01:00", "2020-02-29"),
        ("2/28/2020 11:59 PM", "2020-02-28"), ("30/02/2020", None), ("2020-13-01", None), ("5", None), ("", None),
        (datetime.date(2020, 2, 29), "2020-02-29"), (pd.Timestamp("2020-02-29"), "2020-02-29"), (pd.NaT, None),
    ],
)  # fmt: skip
def test_dates_are_read_in_the_common_ways(cell, day):
    seconds = types.find("date").read(raw(cell), "day")[0][0]
    assert (None if np.isnan(seconds) else str(np.datetime64(int(seconds), "s"))[:10]) == day


CELLS = st.one_of(
    st.none(), st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.dates(), st.datetimes(),
    st.lists(st.text(max_size=3), max_size=3), st.sampled_from(["1,5", "2020-01-01", "a|b", "[1]", "NA", "07"]),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=30), unseen=st.lists(CELLS, max_size=8))
@pytest.mark.parametrize("role", types.names())
def test_any_cells_give_finite_features(role, cells, unseen):
    kind = types.find(role)
    form = kind.form(raw(*cells)) or ""
    values, lost = kind.read(raw(*cells), form)
    assert len(values) == len(lost) == len(kind.written(values)) == len(cells)
    fields = {"c": Field(role, form)}
    table = Table({}, columns={"c": values}, fields=fields)
    y = np.arange(len(cells), dtype=np.float32)[:, None] % 2
    for way in (Way(), Way("quantile", "target"), Way("raw", "target")):
        fitted, matrix = features.fit(table, y, way)
        again = features.restore(fitted.to_json())
        fresh = Table({}, columns={"c": kind.read(raw(*unseen), form)[0]}, fields=fields)
        for found in (matrix, fitted.matrix(table), again.matrix(fresh)):
            assert found.shape[1] == fitted.width == again.width
            assert np.isfinite(found[:, ~np.isnan(found).all(axis=0)]).all() or way.numeric == "raw"


@pytest.mark.parametrize("role", types.names())
def test_every_kind_has_features_and_blanks(role):
    assert role in plugins.names(features.ROOM)
    blank = types.find(role).blank(3)
    assert types.find(role).written(blank) == ["", "", ""]
    fitted, matrix = features.fit(Table({}, columns={"c": blank}, fields={"c": Field(role)}), np.zeros((3, 1)), Way())
    assert np.isfinite(matrix).all()
    assert matrix.shape == (3, fitted.width)


def test_unseen_and_rare_names_are_one_name():
    values = raw(*["a"] * 5, *["b"] * 5, "c")
    fitted, _ = plugins.find(features.ROOM, "categorical").fit(values, np.zeros((11, 1)), Way(), 0)
    assert fitted.matrix(raw("c", "never seen", "b")).tolist() == [[0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_target_encoding_leaves_out_the_own_row():
    rng = np.random.default_rng(0)
    values, y = raw(*(f"n{i // 3}" for i in range(300))), rng.normal(size=(300, 1)).astype(np.float32)
    fitted, own = plugins.find(features.ROOM, "categorical").fit(values, y, Way(categorical="target"), 0)
    seen = np.corrcoef(fitted.matrix(values)[:, 0], y[:, 0])[0, 1]
    assert seen > 0.4
    assert abs(np.corrcoef(own[:, 0], y[:, 0])[0, 1]) < 0.2


def test_missing_numbers_get_the_median_and_an_indicator():
    fitted, matrix = plugins.find(features.ROOM, "numeric").fit(np.array([1.0, np.nan, 3.0, 5.0]), None, Way(), 0)
    assert matrix[1].tolist() == [0.0, 1.0]
    assert fitted.matrix(np.array([1e300]))[0, 0] == 8.0


@pytest.mark.parametrize("damage", [{"role": "magic"}, {"fitted": {}}, {"fitted": {"kind": "standard", "middle": 0.0,
                                    "points": [0.0, 0.0], "gaps": False}}, {"name": None, "fitted": None}])  # fmt: skip
def test_damaged_columns_are_refused(damage):
    fitted, _ = features.fit(
        Table({}, columns={"c": np.arange(3.0)}, fields={"c": Field("numeric")}), np.zeros((3, 1)), Way()
    )
    with pytest.raises(BundleError):
        features.restore([fitted.to_json()[0] | damage])


def test_row_is_written_before_its_text_without_gaps():
    fields = {"Age": Field("numeric"), "Class": Field("categorical"), "day": Field("date", "day")}
    cells = {"Age": np.array([34.0, np.nan]), "Class": raw("Knits", ""), "day": np.array([0.0, np.nan])}
    table = Table({"a": raw("Lovely", "Bad")}, columns=cells, fields=fields, rows=np.array([1, 2]))
    assert serialize.written(table).full_text.tolist() == ["Age: 34. Class: Knits. day: 1970-01-01.\nLovely", "Bad"]


def test_only_rows_without_text_are_written_on_request():
    cells = {"Age": np.array([34.0, 35.0])}
    table = Table({"a": raw("Lovely", " ")}, columns=cells, fields={"Age": Field("numeric")}, rows=np.array([1, 2]))
    assert serialize.written(table, serialize.BLANK).full_text.tolist() == ["Lovely", "Age: 35.\n "]
    assert serialize.hyperparameters(1, "text", blank=0.5)[0].values == (True, False, serialize.BLANK)
    assert serialize.hyperparameters(1, "text")[0].values == (True, False)


def test_rows_without_text_are_copies_if_columns_are_equal():
    table = Table({"a": raw("", "", "", "x", "X.")}, columns={"n": np.array([1.0, 2.0, 1.0, 3.0, 4.0])})
    first, second, third, fourth, fifth = table.dedup_keys.tolist()
    assert first == third != second
    assert fourth == fifth


def test_date_with_dots_has_its_day_first():
    cells = np.array(["12/31/2020", "05.03.2021", "5 Mar 2021", "2021-03-05", "03/05/2021"], dtype=object)
    kind = types.find("date")
    values, lost = kind.read(cells, kind.form(cells))
    assert not lost.any()
    assert len(set(values[1:].tolist())) == 1


def test_a_role_that_no_cell_has_is_refused_by_name():
    cells = {"text": np.array(["a b", "c d"], dtype=object)}
    table = Table(cells, columns={"note": np.array(["some words", "others"], dtype=object)}, rows=np.arange(2))
    with pytest.raises(TableError, match="'note' is named as numeric, but each of its cells is no finite number"):
        schema.typed(table, {"note": "numeric"})


def test_dates_in_both_orders_are_reported():
    when = np.array(["12/31/2020", "31/12/2020", "03/04/2021", "2021-05-06", "05/05/2021"] * 4, dtype=object)
    table = Table({"text": np.array(["a b"] * 20, dtype=object)}, columns={"when": when}, rows=np.arange(1, 21))
    typed, said = schema.typed(table, {})
    assert typed.fields["when"].role == "date"
    (told,) = [finding for finding in said if finding.kind == "doubtful date"]
    assert told.rows == (3, 8, 13, 18)
    assert told.does in ("reads the day first", "reads the month first")
