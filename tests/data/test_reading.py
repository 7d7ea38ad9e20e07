"""Reading: every way in gives the same table; what cannot be used is named, counted and left out, or refused."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.data.readers.charset import encoding_of
from penna.data.readers.read_table import infer_roles, read, stream
from penna.errors import TableError

ROWS = [
    ("1", "What a lovely, warm film", "good"),
    ("2", 'He stated "never again" and left', "bad"),
    ("3", "Two lines\nin one cell; with a mark", "bad"),
    ("4", "今天天气很好，我们去公园 🙂", "good"),
]
FRAME = pd.DataFrame(ROWS, columns=["id", "review", "label"])
TEXTS = [row[1] for row in ROWS]
LABELS = [row[2] for row in ROWS]


def as_csv(rows, header=("id", "review", "label"), **how) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **how).writerows([header, *rows])
    return out.getvalue()


def as_lines() -> str:
    return "".join(json.dumps(dict(zip(FRAME.columns, row, strict=True))) + "\n" for row in ROWS)


def by_kind(findings):
    return {finding.kind: finding for finding in findings}


def refusal(source, **how) -> str:
    with pytest.raises(TableError) as caught:
        read(source, **how)
    message = str(caught.value)
    assert "\n" not in message
    return message


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


FORMS = {
    "a.csv": as_csv(ROWS),
    "a.tsv": as_csv(ROWS, delimiter="\t"),
    "semicolon.csv": as_csv(ROWS, delimiter=";"),
    "pipe.txt": as_csv(ROWS, delimiter="|", lineterminator="\n"),
    "a.jsonl": as_lines(),
    "a.ndjson": "\n\n" + as_lines(),
    "array.json": json.dumps(FRAME.to_dict("records"), indent=1),
    "lines.json": as_lines(),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_format_gives_the_same_table(tmp_path, name):
    table, findings = read(write(tmp_path, name, FORMS[name]))
    assert list(table.text) == ["review"]
    assert table.text["review"].tolist() == TEXTS
    assert table.target.tolist() == LABELS
    assert table.target_name == "label"
    assert dict(table.roles) == {"id": "other", "review": "text", "label": "target"}
    assert len(table.rows) == 4
    assert findings == []


def _zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", content)
    return out.getvalue()


def _zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", _zstd), (".zip", _zipped)],
)
def test_compressed_files_are_recognized_by_content(tmp_path, suffix, pack):
    packed = pack(FORMS["a.csv"].encode())
    for name in ("a.csv" + suffix, "wrong.csv"):
        table, _ = read(write(tmp_path, name, packed))
        assert table.text["review"].tolist() == TEXTS


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_compressed_file_that_was_cut_short_is_refused(tmp_path, suffix):
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd}[suffix]
    rng = np.random.default_rng(0)
    rows = [(i, " ".join(map(str, rng.integers(0, 1 << 30, 8))), "a") for i in range(500)]
    packed = pack(as_csv(rows).encode())
    message = refusal(write(tmp_path, "cut.csv" + suffix, packed[: len(packed) // 2]))
    assert "cut.csv" in message
    assert "damaged" in message or "cannot be read" in message


def test_parquet_is_read_plain_and_compressed_and_as_a_stream(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.to_parquet(path)
    packed = write(tmp_path, "a.parquet.gz", gzip.compress(path.read_bytes()))
    for source in (path, packed, io.BytesIO(path.read_bytes())):
        table, _ = read(source)
        assert table.text["review"].tolist() == TEXTS
        assert table.target.tolist() == LABELS


def test_labels_are_text_when_they_come_from_any_file(tmp_path):
    frame = pd.DataFrame({"text": TEXTS, "label": [1, 0, 1, 0]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_csv(tmp_path / "a.csv", index=False)
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        assert read(tmp_path / name)[0].target.tolist() == ["1", "0", "1", "0"]


def test_a_truncated_parquet_file_is_named_and_refused(tmp_path):
    path = tmp_path / "a.parquet"
    FRAME.to_parquet(path)
    content = path.read_bytes()
    message = refusal(write(tmp_path, "cut.parquet", content[:-40]))
    assert "cut.parquet" in message
    assert "damaged" in message
    assert "no Parquet file" in refusal(write(tmp_path, "junk.parquet", b"\x00\x01" * 50))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_encodings_are_found(tmp_path, encoding):
    rows = [(i, f"plain words number {i} 🙂 é", "good") for i in range(30)]
    table, _ = read(write(tmp_path, "a.csv", as_csv(rows).encode(encoding)))
    assert table.text["review"][3] == "plain words number 3 🙂 é"
    assert "id" in table.roles


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Le café était très agréable, “déjà vu” — à bientôt mes amis"),
        ("cp1252", "Die Straße ist schön und größer, außerdem für Fußgänger geöffnet"),
        ("cp1250", "Zażółć gęślą jaźń, proszę bardzo, dziękuję i przepraszam"),
        ("cp1251", "Привет, как дела? Всё хорошо, спасибо большое, до свидания"),
        ("gb18030", "今天天气很好我们去公园吃饭然后回家看电影真的很开心"),
    ],
)
def test_older_encodings_are_found_and_reported(tmp_path, encoding, text):
    table, findings = read(
        write(tmp_path, "a.csv", as_csv([("1", text, "good")] * 3).encode(encoding)), text=["review"]
    )
    assert table.text["review"][0] == text
    assert encoding in by_kind(findings)["encoding"].message


def test_stray_bytes_in_utf8_are_read_as_windows_1252(tmp_path):
    rows = [(i, f"a résumé of the café — number {i}", "good") for i in range(50)]
    content = as_csv(rows).encode() + b"50,na\xefve and short,bad\r\n"
    table, findings = read(write(tmp_path, "a.csv", content))
    assert table.text["review"][50] == "naïve and short"
    assert by_kind(findings)["bytes"].rows == (51,)


def test_nul_characters_become_spaces_and_are_counted(tmp_path):
    table, findings = read(write(tmp_path, "a.csv", "text,label\nwhat a\0film it is,good\nno good at all,bad\n"))
    assert table.text["text"].tolist() == ["what a film it is", "no good at all"]
    assert by_kind(findings)["nul"].count == 1


def test_two_megabytes_in_one_cell_are_no_trouble(tmp_path):
    long = "word and more \n" * 140_000
    table, findings = read(write(tmp_path, "a.csv", as_csv([("1", long, "good"), ("2", "a short one here", "bad")])))
    assert [len(text) for text in table.text["review"]] == [len(long), 16]
    assert findings == []


def test_ragged_records_are_left_out_without_a_shift(tmp_path):
    lines = ["text,label", "fine words here,good", "too, many, cells,bad", "too few", "", "the last one here,bad"]
    table, findings = read(write(tmp_path, "a.csv", "\n".join(lines)))
    assert table.text["text"].tolist() == ["fine words here", "the last one here"]
    assert table.target.tolist() == ["good", "bad"]
    assert table.rows.tolist() == [1, 4]
    ragged = by_kind(findings)["ragged"]
    assert (ragged.count, ragged.rows, ragged.severity) == (2, (3, 4), "warning")
    assert "lines 3, 4" in ragged.message


@pytest.mark.parametrize("broken", ['"never closed,bad', '"closed" too early,bad'])
def test_a_broken_quote_costs_its_own_line_only(tmp_path, broken):
    before = [f'"fine, words number {i}",good' for i in range(30)]
    after = [f'"more, words number {i}",bad' for i in range(30)]
    table, findings = read(write(tmp_path, "a.csv", "\n".join(["text,label", *before, broken, *after]) + "\n"))
    assert len(table) == 60
    assert all(text.endswith(f"number {i % 30}") for i, text in enumerate(table.text["text"]))
    assert table.target.tolist() == ["good"] * 30 + ["bad"] * 30
    assert by_kind(findings)["quotes"].rows == (32,)


def test_a_table_without_quoting_keeps_its_quotes(tmp_path):
    lines = [
        "text\tlabel",
        '"Great" is the word\tgood',
        'He stated "no\tbad',
        '"Open and never closed\tbad',
        "plain one\tgood",
    ]
    table, findings = read(write(tmp_path, "a.tsv", "\n".join(lines)))
    assert table.text["text"].tolist() == [line.split("\t")[0] for line in lines[1:]]
    assert findings == []


def test_quotes_escaped_by_backslashes_are_understood(tmp_path):
    content = 'text,label\n"he stated \\"hi, there\\" to me",good\n"and \\"no, thanks\\" to you",bad\n'
    assert read(write(tmp_path, "a.csv", content))[0].text["text"][0] == 'he stated "hi, there" to me'


@pytest.mark.parametrize(
    "blank", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029", "\u3000"]
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "one.csv"])
def test_other_blanks_than_line_ends_end_no_row_and_no_cell(tmp_path, name, blank):
    texts = [f"one{blank}two" + " words" * 9, f"{blank}three{blank}" + " more" * 12, "four, five"] * 3
    if name == "a.jsonl":
        lines = [json.dumps({"text": text, "label": "x"}, ensure_ascii=False) for text in texts]
    else:
        gap = {"a.csv": ",x", "a.tsv": "\tx"}.get(name, "")
        lines = ["text" + gap.replace("x", "label"), *(f'"{text}"{gap}' for text in texts)]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8", newline="")
    table, findings = read(tmp_path / name, text=("text",), need_target=False)
    assert (table.text["text"].tolist(), findings) == (texts, [])


def test_a_file_with_one_column_may_have_commas(tmp_path):
    path = write(tmp_path, "a.csv", "text\nwell, well, well\nplain words\nyes, of course\n")
    table, _ = read(path, need_target=False)
    assert table.text["text"].tolist() == ["well, well, well", "plain words", "yes, of course"]
    assert table.target is None


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(st.tuples(ANY, ANY), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)
def test_what_csv_wrote_is_what_is_read(cells, delimiter, end, mark):
    content = as_csv(cells, ("first", "second"), delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    stream_ = io.BytesIO(content.encode("utf-8-sig" if mark else "utf-8"))
    table, findings = read(stream_, text=["first", "second"], need_target=False)
    assert list(zip(*table.text.values(), strict=True)) == cells
    assert findings == []


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(ANY, min_size=1, max_size=8), indent=st.sampled_from([None, 2]))
def test_what_json_wrote_is_what_is_read(texts, indent):
    records = [{"words": text, "n": i} for i, text in enumerate(texts)]
    for content in (json.dumps(records, indent=indent), "\n".join(map(json.dumps, records))):
        path = io.BytesIO(content.encode())
        table, _ = read(path, text=["words"], need_target=False)
        assert table.text["words"].tolist() == texts


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes_give_a_table_or_one_sentence(content):
    with contextlib.suppress(TableError):  # anything else would be a traceback
        table, _ = read(io.BytesIO(content), need_target=False)
        assert all(isinstance(cell, str) for column in table.text.values() for cell in column)


def test_bad_json_lines_are_counted_and_named(tmp_path):
    content = as_lines() + '{"id": 5, "review": "cut of\n[1, 2]\n' + as_lines()
    table, findings = read(write(tmp_path, "a.jsonl", content))
    assert len(table) == 8
    assert (by_kind(findings)["json"].count, by_kind(findings)["json"].rows) == (2, (5, 6))


def test_a_json_array_that_was_cut_short_is_refused(tmp_path):
    assert "after element 2" in refusal(write(tmp_path, "a.json", json.dumps(FRAME.to_dict("records"))[:-190]))


def test_cells_that_are_not_text_become_text_and_are_counted(tmp_path):
    records = [
        {"text": "plain words here", "label": "a"},
        {"text": 5, "label": "b"},
        {"text": ["in", "pieces"], "label": "a"},
        {"text": None, "label": "b"},
        {"text": {"deep": [1]}, "label": None},
        {"label": "a"},
    ]
    table, findings = read(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records))), text=["text"])
    assert table.text["text"].tolist() == ["plain words here", "5", "in pieces", "", '{"deep": [1]}', ""]
    assert table.target.tolist() == ["a", "b", "a", "b", None, "a"]
    assert by_kind(findings)["cells"].rows == (2, 3, 5)


def test_missing_labels_stay_as_none():
    frame = pd.DataFrame({"text": TEXTS, "y": ["a", None, float("nan"), "b"]})
    assert read(frame, y="y")[0].target.tolist() == ["a", None, None, "b"]
    content = as_csv([(t, label) for t, label in zip(TEXTS, ["a", "", " ", "b"], strict=True)], ("text", "y"))
    assert read(io.BytesIO(content.encode()))[0].target.tolist() == ["a", None, None, "b"]


def test_cells_of_na_stay_text():
    table, _ = read(io.BytesIO(b"text,label\nnone of it was good,NA\nNA,None\nsome more words,null\n"))
    assert table.target.tolist() == ["NA", "None", "null"]
    assert table.text["text"][1] == "NA"


@pytest.mark.parametrize("labels", [[1, 0, 1, 0], [True, False, True, False], [0.5, 1.0, 0.5, 1.0], list("abab")])
@pytest.mark.parametrize("wrap", [list, tuple, np.array, pd.Series])
def test_labels_in_memory_keep_their_type(labels, wrap):
    for source in (TEXTS, np.array(TEXTS), np.array(TEXTS, dtype=object)[:, None], pd.Series(TEXTS), FRAME[["review"]]):
        table, findings = read(source, y=wrap(labels))
        assert table.full_text.tolist() == TEXTS
        assert table.target.tolist() == labels
        assert {type(label) for label in table.target} == {type(labels[0])}
        assert findings == []


def test_a_frame_gives_its_columns_by_name_whatever_its_index():
    frame = FRAME.assign(n=[1, 2, 3, 4], kind=pd.Categorical(["x", "y", "x", "y"])).set_index(pd.Index([9, 9, 3, 1]))
    table, _ = read(frame, y="kind", group="n", text=["review"])
    assert table.target.tolist() == ["x", "y", "x", "y"]
    assert table.group.tolist() == [1, 2, 3, 4]
    assert table.roles["n"] == "group"
    assert table.rows.tolist() == [1, 2, 3, 4]


def test_rows_without_a_group_are_each_a_group_of_their_own():
    table, _ = read(FRAME.assign(who=["a", None, None, "a"]), group="who")
    assert len(set(table.group)) == 3


def test_several_columns_of_text_are_used_together(tmp_path):
    rows = [(f"the first sentence number {i}", f"a second sentence after {i}", "yes") for i in range(20)]
    table, _ = read(write(tmp_path, "a.csv", as_csv(rows, ("one", "two", "label"))))
    assert list(table.text) == ["one", "two"]
    listed, _ = read([list(row[:2]) for row in rows], y=["yes"] * 20)
    assert list(listed.text) == ["text_1", "text_2"]
    assert listed.full_text[0] == "the first sentence number 0\na second sentence after 0"


def test_roles_separate_text_ids_numbers_dates_and_names():
    n = 200
    columns = {
        "uuid": [f"9f{i:08x}-77aa" for i in range(n)],
        "price": [f"{i}.50" for i in range(n)],
        "day": [f"2024-01-{i % 28 + 1:02d} 10:00" for i in range(n)],
        "department": [("General Petite", "Tops and More of it")[i % 2] for i in range(n)],
        "review": [f"I liked it {i} times over" for i in range(n)],
        "评论": [f"今天天气很好我们去公园{i}" for i in range(n)],
        "Label": ["a", "b"] * (n // 2),
    }
    roles = infer_roles(columns)
    assert {c for c, role in roles.items() if role == "text"} == {"review", "评论"}
    assert roles["Label"] == "target"


def test_the_only_column_of_strings_is_the_text():
    assert infer_roles({"n": ["1", "2"], "s": ["yes", "no"], "label": ["1", "0"]})["s"] == "text"


def test_a_wrong_column_gets_the_nearest_name_and_the_list(tmp_path):
    path = write(tmp_path, "a.csv", FORMS["a.csv"])
    message = refusal(path, target="lable")
    assert "'lable'" in message
    assert "did you mean 'label'?" in message
    assert "'id', 'review', 'label'" in message
    assert "did you mean 'review'?" in refusal(path, text=["Revew"])
    assert "'user'" in refusal(path, group="user")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"source": "no/such.csv"}, "there is no file"),
        ({"source": "https://example.org/a.csv"}, "download it"),
        ({"source": ""}, "pass a file"),
        ({"source": ["a b", "c d"]}, "have no labels"),
        ({"source": ["a b", "c d"], "y": ["x"]}, "2 rows, but 1 labels"),
        ({"source": ["a b", "c d"], "y": [["x"], {"y": "z"}]}, "holds a dict in row 2"),
        ({"source": [["a", "b"], ["c"]], "y": [1, 2]}, "row 2 does not have 2 cells"),
        ({"source": np.zeros((3, 2)), "y": [1, 2, 3]}, "float64"),
        ({"source": 5}, "a int is no table"),
        ({"source": [], "y": []}, "no rows"),
        ({"source": FRAME, "y": "label", "text": ["label"]}, "one role"),
        ({"source": FRAME.rename(columns={"label": "z"})}, "target column of"),
        ({"source": pd.DataFrame({"a": [1, 2], "label": [1, 2]})}, "looks like text"),
        ({"source": pd.DataFrame()}, "no rows"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(how, words):
    source = how.pop("source")
    how = dict(how)
    assert words in refusal(source, **how)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n", "is empty"),
        ("header.csv", b"text,label\n", "no rows"),
        ("ragged.csv", b"text,label\na,b,c\nd,e,f\n", "no rows"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not a text file"),
        ("nul.csv", b"\0" * 100, "not a text file"),
        ("a.jsonl", b"not json\nat all\n", "no rows"),
        ("a.json", b"[]", "no rows"),
        ("a.json", b"[1, 2]", "element 1"),
        ("a.csv.gz", b"\x1f\x8b\x08junk", "a.csv.gz"),
        ("a.zip", b"PK\x03\x04junk", "a.zip"),
    ],
)
def test_a_file_that_holds_no_table_is_refused_in_one_sentence(tmp_path, name, content, words):
    message = refusal(write(tmp_path, name, content))
    assert words in message
    assert name in message


def test_a_folder_and_a_near_name_are_recognised(tmp_path):
    write(tmp_path, "reviews.csv", FORMS["a.csv"])
    assert "is a folder" in refusal(tmp_path)
    assert "did you mean 'reviews.csv'?" in refusal(tmp_path / "review.csv")


def test_an_office_document_and_a_full_archive_are_refused(tmp_path):
    for name, members, words in [
        ("a.xlsx", ["[Content_Types].xml", "xl/workbook.xml"], "save the sheet as CSV"),
        ("b.zip", ["1.csv", "2.csv"], "holds 2 files"),
    ]:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, "x")
        assert words in refusal(tmp_path / name)


def test_empty_and_repeated_column_names_get_new_ones(tmp_path):
    content = ",text,text,label\n1,some words here,other words there,a\n2,more words here,and words there,b\n"
    table, findings = read(write(tmp_path, "a.csv", content))
    assert list(table.roles) == ["column_1", "text", "text_2", "label"]
    assert by_kind(findings)["columns"].count == 2


class Piped:
    """Standard input that cannot be seeked in and gives a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self.buffer = self
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 7) if size > 0 else size)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_standard_input_is_read_like_a_file(monkeypatch, name):
    monkeypatch.setattr(sys, "stdin", Piped(FORMS[name].encode()))
    assert read("-")[0].text["review"].tolist() == TEXTS


def test_a_stream_of_the_users_stays_open():
    source = io.BytesIO(FORMS["a.csv"].encode())
    read(source)
    assert not source.closed


def test_a_stream_gives_chunks_with_all_cells_in_order(tmp_path):
    rows = [(str(i), f"text, number {i}", "a") for i in range(25)]
    findings = []
    chunks = list(stream(write(tmp_path, "a.csv", as_csv(rows)), text=["review"], chunk=10, findings=findings))
    assert [len(chunk.table) for chunk in chunks] == [10, 10, 5]
    assert chunks[0].columns == ("id", "review", "label")
    assert [cell for chunk in chunks for cell in chunk.cells["id"]] == [row[0] for row in rows]
    assert [t for chunk in chunks for t in chunk.table.text["review"]] == [row[1] for row in rows]
    assert np.concatenate([chunk.table.rows for chunk in chunks]).tolist() == list(range(1, 26))
    assert findings == []


def test_a_stream_of_one_column_may_have_any_name(tmp_path):
    path = write(tmp_path, "a.csv", "words\nsome, of them\n")
    (chunk,) = stream(path, text=["review"])
    assert chunk.table.text["review"].tolist() == ["some, of them"]
    assert chunk.columns == ("words",)
    with pytest.raises(TableError, match="did you mean 'words'"):
        list(stream(path, text=["word", "other"]))


def test_a_stream_without_rows_is_refused(tmp_path):
    with pytest.raises(TableError, match="no rows"):
        list(stream(write(tmp_path, "a.csv", "text,label\n"), text=["text"]))


def test_a_stream_counts_what_it_left_out_and_what_is_blank(tmp_path):
    findings = []
    path = write(tmp_path, "a.csv", "text,n\nsome words,1\n  ,2\none,two,three\n")
    chunks = list(stream(path, text=["text"], findings=findings))
    assert sum(len(chunk.table) for chunk in chunks) == 2
    assert {kind: finding.rows for kind, finding in by_kind(findings).items()} == {"ragged": (4,), "blank": (2,)}


def test_lists_and_frames_stream_too():
    for source in (TEXTS, FRAME, np.array(TEXTS, dtype=object)):
        chunks = list(stream(source, text=["review"], chunk=3, keep_columns=False))
        assert [t for chunk in chunks for t in chunk.table.text["review"]] == TEXTS
        assert all(len(chunk.columns) == 1 for chunk in chunks)


def test_ambiguous_encodings_are_read_as_windows_1252():
    assert encoding_of("Straße".encode("cp1252")) == "cp1252"
