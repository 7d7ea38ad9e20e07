"""Parquet: damage becomes one sentence, sizes are bounded, and odd moments are still read."""

import random

import pytest

from penna.data.readers.read_table import Form, read
from penna.errors import TableError


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path_factory.mktemp("p") / "a.parquet"
    texts = [f"caf\u00e9 number {i} is good" for i in range(60)]
    table = pyarrow.table({"text": texts, "label": ["a", "b"] * 30, "n": list(range(60))})
    pyarrow.parquet.write_table(table, path, compression="none", use_dictionary=False)
    return path.read_bytes()


def test_text_that_is_no_utf8_is_refused(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content.replace("caf\u00e9 number 7".encode(), b"caf\xe9\xe9 number 7"))
    with pytest.raises(TableError, match="column 'text' holds text that is not UTF-8"):
        read(tmp_path / "a.parquet")


def test_flipped_bits_and_cuts_give_a_table_or_one_sentence(tmp_path, content):
    draw, path = random.Random(0), tmp_path / "a.parquet"
    for turn in range(150):
        damaged = bytearray(content)
        if turn % 10 == 0:
            del damaged[draw.randrange(4, len(damaged)) :]
        else:
            damaged[draw.randrange(len(damaged) - 1200, len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            assert len(read(path, need_target=False, others=None)[0]) == 60
        except TableError:
            continue


def test_declared_size_of_a_file_is_checked_first(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"expands to more than 1 kB.*--max-expanded"):
        read(tmp_path / "a.parquet", form=Form(max_expanded=1000))


def test_moments_beyond_those_of_python_are_read_as_text(tmp_path):
    import pyarrow
    import pyarrow.parquet

    moments = pyarrow.array([10**12, 10**17], pyarrow.timestamp("ms"))
    pyarrow.parquet.write_table(
        pyarrow.table({"text": ["one text here", "two texts"], "when": moments}), tmp_path / "a.pq"
    )
    table, _ = read(tmp_path / "a.pq", text=("text",), need_target=False, others=None)
    assert str(table.columns["when"][0]).startswith("2001-09-09")
