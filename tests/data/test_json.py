"""JSON files: every row is read, however objects and arrays hold them, or named with its place, or refused."""

import contextlib
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penna.data.readers import json_rows
from penna.data.readers.json_values import Scanner
from penna.data.readers.read_notes import Notes
from penna.data.readers.read_table import read, stream
from penna.errors import TableError

ROWS = [{"text": f"some words here, number {i}", "label": "ab"[i % 2]} for i in range(6)]
KEYS = list(ROWS[0])
d = json.dumps

WHOLE = {
    "one array": d(ROWS),
    "an array a line": "\n".join(d(ROWS[i : i + 2]) for i in (0, 2, 4)),
    "arrays without a line end": d(ROWS[:3]) + d(ROWS[3:]),
    "arrays over several lines": d(ROWS[:3], indent=2) + "\n\n" + d(ROWS[3:], indent=2),
    "an array and objects": d(ROWS[:4]) + "\n" + "\n".join(map(d, ROWS[4:])),
    "objects and an array": "\n".join(map(d, ROWS[:4])) + "\n" + d(ROWS[4:]),
    "arrays in an array": d([ROWS[:3], ROWS[3:]]),
    "objects without a line end": "".join(map(d, ROWS)),
    "objects over several lines": "\n".join(d(row, indent=1) for row in ROWS),
    "objects and commas": ",\n".join(map(d, ROWS)),
    "a list under a key": d({"version": "1.0", "data": ROWS, "info": {"by": "us"}}),
    "a list under any key": d({"whatever": ROWS}, indent=2),
    "a list further down": d({"a": {"b": {"c": ROWS}}}),
    "a page a line": "\n".join(d({"page": i, "results": ROWS[i : i + 2]}) for i in (0, 2, 4)),
    "columns": d({key: [row[key] for row in ROWS] for key in KEYS}),
    "columns of pandas": d({key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in KEYS}),
    "rows by number": d({str(i): row for i, row in enumerate(ROWS)}),
    "split": d({"columns": KEYS, "index": list(range(6)), "data": [list(row.values()) for row in ROWS]}),
}


def pieces(content: str, suffix=".json", size=4):
    notes = Notes()
    found = list(json_rows.pieces(io.StringIO(content), suffix, "a.json", size, notes))
    columns = {key: [cell for piece in found for cell in piece.columns[key]] for key in found[0].columns}
    numbers = [number for piece in found for number in piece.rows.tolist()]
    return columns, numbers, {finding.kind: finding for finding in notes.findings()}


@pytest.mark.parametrize("form", WHOLE)
def test_every_layout_of_json_gives_all_rows(form):
    columns, numbers, _ = pieces(WHOLE[form])
    assert columns == {key: [row[key] for row in ROWS] for key in KEYS}
    assert numbers == sorted(set(numbers))
    if "several lines" not in form:
        assert numbers == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_small_reads_give_the_same_rows(monkeypatch, form, size):
    monkeypatch.setattr("penna.data.readers.json_values.STEP", size)
    assert pieces(WHOLE[form])[0] == pieces(WHOLE["one array"])[0]


def test_a_long_object_is_read_as_it_goes(monkeypatch):
    monkeypatch.setattr("penna.data.readers.json_rows.WHOLE", 50)
    monkeypatch.setattr("penna.data.readers.json_values.STEP", 16)
    for form in ("one array", "a list under a key", "a list further down", "columns", "rows by number"):
        assert pieces(WHOLE[form])[0] == pieces(WHOLE["one array"])[0], form
    with pytest.raises(TableError, match=r"several lists of rows \('train', 'test'\)"):
        pieces(d({"train": ROWS, "test": ROWS}))
    with pytest.raises(TableError, match="truncated after element 5"):
        pieces(d({"version": 1, "data": ROWS})[:-20])


@pytest.mark.parametrize(
    ("content", "rows", "lines"),
    [
        (d(ROWS) + "\nrubbish here", 6, (2,)),
        (d(ROWS) + " rubbish\n" + d(ROWS), 12, (1,)),
        ("\n".join(map(d, ROWS[:3])) + "\n{bad\nworse\n" + "\n".join(map(d, ROWS[3:])), 6, (4, 5)),
        ("\n".join(map(d, ROWS)) + "\nnull\n7\n", 6, (7, 8)),
        ("\n".join(map(d, ROWS))[:-4], 5, (6,)),
        ("\n".join(d(row, indent=1)[: -5 if row is ROWS[2] else None] for row in ROWS), 5, (9,)),
        ('{"text": "a", \n' + "\n".join(" " + d(row) for row in ROWS), 6, (1,)),
    ],
)
def test_what_is_no_row_is_named_by_its_line(content, rows, lines):
    columns, _, findings = pieces(content)
    assert len(columns["text"]) == rows
    assert findings["json"].rows == lines


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (d({"train": ROWS, "test": ROWS}), "several lists of rows ('train', 'test')"),
        (d({"text": ["a", "b"], "label": ["x"]}), "differ in length ('text' 2, 'label' 1)"),
        ("\n".join(d(list(row.values())) for row in ROWS), "line 1 of a.json holds a list of plain values"),
        (d([*ROWS, 5]), "element 7 of a.json is no object"),
        (d([["a", "b"], ["c"]]), "element 2 of a.json does not have 2 cells"),
        ("\n".join(d(ROWS[i : i + 2]) for i in (0, 2, 4))[:-9], "after element 5 (line 3)"),
    ],
)
def test_what_cannot_be_read_as_rows_is_refused(content, words):
    with pytest.raises(TableError) as caught:
        pieces(content)
    assert words in str(caught.value)


def test_cells_that_would_be_lost_are_named():
    twice = d(ROWS[0]) + '\n{"text": "first", "text": "second", "label": "a"}'
    columns, _, findings = pieces(twice)
    assert columns["text"][1] == "second"
    assert findings["twice"].rows == (2,)
    _, _, findings = pieces("\n".join(map(d, [*ROWS, {**ROWS[0], "more": 1}])))
    assert "'more', first in row 7" in findings["late"].message
    _, _, findings = pieces(WHOLE["a list under a key"])
    assert "'version', 'info'" in findings["list of rows"].message


@pytest.mark.parametrize(
    "row",
    [
        {"tokens": ["Ann", "left"], "tags": ["B-PER", "O"]},
        {"text": "Ann left", "entities": [{"start": 0, "end": 3, "label": "PER"}]},
        {"id": 5, "note": {"a": {"b": 1}}, "text": "Ann left"},
    ],
)
def test_one_row_alone_stays_a_row(row):
    for suffix in (".json", ".jsonl"):
        assert pieces(d(row), suffix)[0] == {key: [cell] for key, cell in row.items()}


def test_several_arrays_pass_through_every_way_of_reading(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(WHOLE["an array a line"], encoding="utf-8")
    assert read(path)[0].target.tolist() == [row["label"] for row in ROWS]
    assert sum(len(chunk.table) for chunk in stream(path, text=["text"], chunk=4)) == 6
    assert len(read(io.BytesIO(WHOLE["an array a line"].encode()))[0]) == 6  # by what it looks like


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "data", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(JSON, max_size=5), between=st.sampled_from(["\n", " ", ",\n"]), indent=st.sampled_from([None, 1])
)
def test_a_scanner_gives_what_was_written(values, between, indent):
    scan = Scanner(io.StringIO(between.join(d(value, indent=indent) for value in values)))
    found = []
    while scan.peek(commas=True):
        found.append(scan.value())
    assert found == values


@settings(max_examples=150, deadline=None)
@given(content=st.lists(JSON.map(d) | st.sampled_from(["{", "]", '"', "x", "\n", "[{"]), max_size=8).map("".join))
@example(content='{"text": [], "data": []}')
@example(content='{"columns": ["a"], "data": []}')
def test_any_json_gives_rows_or_one_sentence(content):
    with contextlib.suppress(TableError):
        columns, numbers, _ = pieces(content)
        assert all(len(cells) == len(numbers) for cells in columns.values())
