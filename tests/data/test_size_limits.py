"""Files that would take all memory or time: each is refused early, in one sentence that says what to do."""

import gzip
import tarfile
import zipfile

import pytest

from penna.data.readers.format_options import parse_bytes
from penna.data.readers.read_table import Form, read, stream
from penna.errors import SettingError, TableError

ROWS = b"text,label\n" + b"some good words,a\nsome bad ones,b\n" * 50


def packed(path, *parts: tuple[bytes, int]):
    with gzip.open(path, "wb", 1) as file:
        for unit, times in parts:
            file.write(unit * times)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parts", "words"),
    [
        ("a.csv.gz", [(ROWS, 1), (b"x" * 1024, 40_000)], "line 102 of .* is too long: a cell may have 16 million"),
        ("a.csv.gz", [(ROWS, 1), (b"x" * 1024, 17_000), (b",a\n", 1)], "line 102 of .* is too long"),
        ("a.csv.gz", [(ROWS, 1), (b'"', 1), (b"words\n", 120_000)], "quotes of .* are broken from line 102 on"),
        ("a.csv.gz", [(ROWS, 1), (b"\n", 700_000)], "over 100,000 empty lines in a row"),
        ("a.csv", [(b"a", 1), (b",a", 30_000), (b"\nx", 1), (b",1", 30_000)], "more than 20,000 columns"),
        (
            "a.jsonl.gz",
            [(b'{"text": "good words"}\n', 9), (b'{"text": "', 1), (b"x" * 1024, 70_000)],
            "line 10 of .* is too",
        ),
        (
            "a.jsonl",
            [(b"{", 1), *((f'"c{i}": 1, '.encode(), 1) for i in range(20_001)), (b'"text": "a b"}\n', 1)],
            "20,000 c",
        ),
        ("a.json.gz", [(b'[{"text": "', 1), (b"x" * 1024, 70_000)], "line 1 of .* is too long"),
        ("a.jsonl.gz", [(b'{"text": "good words"}\n', 9), (b"\n", 18_000_000)], "over 100,000 empty lines"),
        ("a.conll.gz", [(b"Ann B-PER\n", 101_000)], "sentence 1 of .* has more than 100,000 words"),
        ("a.conll.gz", [(b"Ann B-PER\n\n", 9), (b"x" * 1024, 40_000)], "line 19 of .* is too long"),
    ],
)
def test_what_would_not_end_is_refused(tmp_path, name, parts, words):
    path = packed(tmp_path / name, *parts)
    with pytest.raises(TableError, match=words):
        read(path, need_target=False)
    with pytest.raises(TableError, match=words):
        list(stream(path, text=("text",)))


def test_a_file_in_columns_of_lines_is_bounded_too(tmp_path):
    packed(tmp_path / "a.en.gz", (b"some words\n", 3), (b"x" * 1024, 40_000))
    packed(tmp_path / "a.de.gz", (b"ein paar Worte\n", 4))
    with pytest.raises(TableError, match=r"line 4 of .* is too long"):
        read(tmp_path / "a", text=("en",), target="de")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip"])
def test_a_compressed_file_may_expand_only_so_far(tmp_path, name):
    path = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", ROWS)
    else:
        packed(path, (ROWS, 1))
    assert len(read(path, form=Form(max_expanded=len(ROWS)))[0]) == 100
    with pytest.raises(TableError, match=r"expands to more than 1 kB: unpack part of it, or raise --max-expanded"):
        read(path, form=Form(max_expanded=1000))


def test_a_plain_file_may_be_of_any_size(tmp_path):
    (tmp_path / "a.csv").write_bytes(ROWS)
    assert len(read(tmp_path / "a.csv", form=Form(max_expanded=10))[0]) == 100


def test_a_long_line_that_is_allowed_is_read_whole(tmp_path):
    (tmp_path / "a.csv").write_bytes(ROWS + b"word " * 2_000_000 + b",a\n")
    assert len(read(tmp_path / "a.csv")[0].text["text"][-1]) == 10_000_000


@pytest.mark.parametrize("size", ["much", "-1GB", "", 0, True, None, float("nan")])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(SettingError, match="max_expanded"):
        parse_bytes(size)


def test_an_encoding_or_header_that_is_none_is_refused():
    for wrong in ("latin-99", "hex", "undefined", 5):
        with pytest.raises(SettingError, match="is unknown: pass a name"):
            Form.of(encoding=wrong)
    with pytest.raises(SettingError, match="header='no'"):
        Form.of(header="no")


def test_archive_of_unknown_compression_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", ROWS)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = 97  # the way it is packed, as the list at the end has it
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(TableError, match=r"a.zip cannot be unpacked"):
        read(tmp_path / "a.zip")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_archive_is_refused_by_name(tmp_path, mode):
    (tmp_path / "a.csv").write_bytes(ROWS)
    with tarfile.open(tmp_path / "a.tar", mode) as archive:
        archive.add(tmp_path / "a.csv", "a.csv")
    with pytest.raises(TableError, match="is a tar archive: unpack it"):
        read(tmp_path / "a.tar")
