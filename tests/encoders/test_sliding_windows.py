"""Frames: special tokens around texts and pairs, cuts, windows; the same in training and in the artifact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows, tokens
from penna.encoders.sliding_windows import Frame, Framing
from penna.encoders.tokens import Ragged
from penna.export.onnx import encoder_export
from penna.runtime.onnx_encoder import Graph

BERT = Frame((2,), (3,), (3,), typed=True)
WORDS = "the good card was lost and my money is not here what a very bad story"


def ragged(rows: list[list[int]], whole: list[int] | None = None) -> Ragged:
    offsets = np.cumsum([0, *map(len, rows)])
    lengths = np.diff(offsets) if whole is None else np.array(whole)
    return Ragged(np.array([i for row in rows for i in row], np.int32), offsets, lengths)


def lists(framed: sliding_windows.Framed) -> list[list[int]]:
    return [part.tolist() for part in np.split(framed.rows.values, framed.rows.offsets[1:-1])]


def pair_table(first: list[str], second: list[str]) -> Table:
    cells = {"a": np.array(first, dtype=object), "b": np.array(second, dtype=object)}
    return Table(cells, rows=np.arange(1, len(first) + 1), pair=("a", "b"))


def test_of_a_pair_the_longer_side_is_cut_first():
    framing = Framing(BERT, 9, sides=2)  # room for six
    made = framing([ragged([[10] * 9, [10] * 9, [10], []]), ragged([[20] * 2, [20] * 9, [20] * 9, [20]])])
    assert lists(made) == [
        [2, 10, 10, 10, 10, 3, 20, 20, 3],
        [2, 10, 10, 10, 3, 20, 20, 20, 3],
        [2, 10, 3, 20, 20, 20, 20, 20, 3],
        [2, 3, 20, 3],
    ]
    assert made.rows.turns is not None
    assert made.rows.turns.tolist() == [6, 5, 3, 2]
    assert made.cut.tolist() == [True, True, True, False]
    assert tokens.types(made.rows, np.array([3, 0]), 9)[0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1]


def test_windows_overlap_by_an_eighth_and_end_with_the_text():
    made = Framing(BERT, 10, windows=16)([ragged([list(range(10, 30)), [7], []])])
    assert lists(made)[:3] == [[2, *range(10, 18), 3], [2, *range(17, 25), 3], [2, *range(22, 30), 3]]
    assert lists(made)[3:] == [[2, 7, 3], [2, 3]]
    assert made.starts.tolist() == [0, 3, 4, 5]
    assert made.long.tolist() == [True, False, False]
    assert not made.cut.any()


def test_beyond_so_many_windows_nothing_is_read_and_it_is_known():
    made = Framing(BERT, 10, windows=2)([ragged([list(range(100))])])
    assert len(made.rows) == 2
    assert made.cut.tolist() == [True]


def test_of_a_pair_the_second_text_is_windowed():
    made = Framing(BERT, 9, sides=2, windows=4)([ragged([[5]]), ragged([list(range(10, 22))])])
    assert [row[:3] for row in lists(made)] == [[2, 5, 3]] * 3
    assert [row[3:-1] for row in lists(made)] == [[10, 11, 12, 13, 14], [15, 16, 17, 18, 19], [17, 18, 19, 20, 21]]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(4, 20), st.integers(1, 16))
def test_windows_hold_every_token_of_a_text_that_is_not_cut(sizes: list[int], length: int, windows: int):
    made = Framing(BERT, length, windows=windows)([ragged([list(range(100, 100 + size)) for size in sizes])])
    rows = lists(made)
    for i, size in enumerate(sizes):
        seen = {token for row in rows[made.starts[i] : made.starts[i + 1]] for token in row if token >= 100}
        assert (seen == set(range(100, 100 + size))) != made.cut[i]
        assert all(len(row) <= length for row in rows)


def test_a_text_s_answer_is_the_mean_of_its_windows():
    made = Framing(BERT, 10, windows=16)([ragged([list(range(10, 30)), [7]])])
    assert made.mean(np.array([[1.0], [2.0], [6.0], [5.0]])).tolist() == [[3.0], [5.0]]


def test_no_texts_make_no_rows():
    assert len(Framing(BERT, 10, windows=4)([ragged([])]).rows) == 0


def test_a_frame_is_kept_as_json_and_damage_is_refused():
    framing = Framing(BERT, 10, sides=2, windows=4)
    assert Framing.from_json(framing.to_json(), 10) == framing
    for damage in ({"windows": 99}, {"sides": 3}, {"frame": {"before": "x", "between": [], "after": [], "typed": 1}}):
        with pytest.raises((ValueError, KeyError, TypeError)):
            Framing.from_json({**framing.to_json(), **damage}, 10)


@pytest.mark.parametrize("kind", ["albert", "bert", "distilbert", "roberta", "mpnet"])
@pytest.mark.parametrize("windows", [1, 4])
def test_artifact_reads_pairs_and_windows_as_in_training(
    tiny: Callable[[str], Path], tmp_path: Path, kind: str, windows: int
):
    checkpoint = checkpoints.find(str(tiny(kind)))
    framing = sliding_windows.framing(checkpoint, 24, pair=True, windows=windows)
    assert framing.frame.typed == (kind in ("albert", "bert", "roberta"))
    module: Any = checkpoints.load_module(checkpoint)
    difference = encoder_export.write_graph(
        module, checkpoint, tmp_path, length=24, framing=framing
    )  # compares with torch
    assert difference < 1e-3
    table = pair_table(["the good card", "", WORDS * 3], [WORDS * 4, "lost", WORDS])
    opened = Graph.open(tmp_path)
    trained = sliding_windows.read(framing, checkpoint, table, None)
    served = opened.framed(list(zip(*table.text.values(), strict=True)))
    assert lists(served) == lists(trained)
    assert np.array_equal(served.starts, trained.starts)
    assert (len(trained.rows) > 3) == (windows > 1)
    turned = pair_table(*reversed([list(cells) for cells in table.text.values()]))
    answers = [opened.run(list(zip(*each.text.values(), strict=True))) for each in (table, turned)]
    assert not np.allclose(*answers, atol=1e-4)  # the order of the sides matters


def test_long_texts_have_equal_rows_in_training_and_artifact(tiny_bert: Path, tmp_path: Path):
    checkpoint = checkpoints.find(str(tiny_bert))
    framing = sliding_windows.framing(checkpoint, 16, windows=sliding_windows.MOST_WINDOWS)
    texts = [WORDS * 60, "lost", "", "x" * 300_000]
    trained = sliding_windows.read(framing, checkpoint, Table({"t": np.array(texts, dtype=object)}), tmp_path / "cache")
    encoder_export.write_graph(
        checkpoints.load_module(checkpoint), checkpoint, tmp_path / "made", length=16, framing=framing
    )
    served = Graph.open(tmp_path / "made").framed(texts)
    assert lists(served) == lists(trained)
    assert np.diff(trained.starts).tolist()[:3] == [16, 1, 1]
    assert trained.cut.tolist()[:3] == [True, False, False]
