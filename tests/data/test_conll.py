"""CoNLL lines: only spaces, tabs and line ends separate; columns of numbers are no words; nothing is lost silently."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.data.readers.conll_layout import layout_of
from penna.data.readers.read_table import read

BLANKS = ["\u00a0", "\u3000", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f"]
TREE = "{0}\t{1}\tl\tNOUN\tX\tF\t0\troot\t_\t_\n"


def sentences(path, content: str, **how):
    path.write_bytes(content.encode())
    return read(path, need_target=False, others=None, **how)


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize(("end", "gap"), [("\n", " "), ("\r\n", "\t"), ("\r", " ")])
def test_other_blanks_than_space_and_tab_are_words(tmp_path, blank, end, gap):
    lines = [f"Ann{gap}B-PER", f"{blank}{gap}O", f"left{gap}O", "", f"{blank}{gap}O", "", f"he{gap}O", f"ran{gap}O", ""]
    found, notes = sentences(tmp_path / "a.conll", end.join(lines))
    assert found.text["tokens"].tolist() == [f"Ann {blank} left", blank, "he ran"]
    assert [len(row) for row in found.columns["tags"]] == [3, 1, 2]
    assert notes == []


@given(
    rows=st.lists(
        st.lists(st.sampled_from(["a", "B", *BLANKS[:5], "\u00a0x", "#"]), min_size=1, max_size=5), min_size=2
    )
)
@settings(max_examples=60, deadline=None)
def test_words_alone_come_back_as_they_were(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("c") / "a.conll"
    found, _ = sentences(path, "\n\n".join("\n".join(row) for row in rows) + "\n")
    assert found.text["tokens"].tolist() == [" ".join(row) for row in rows]


@pytest.mark.parametrize(
    ("lines", "words", "left_out"),
    [
        ("1 Ann B-PER\n2 left O\n\n1 He O\n2 ran O\n", ["Ann left", "He ran"], "column 1"),
        ("0 Ann\n4 left\n\n9 He\n", ["Ann left", "He"], "column 1"),
        ("1 7 Ann O\n1 8 left O\n1 9 . O\n\n2 10 a O\n2 11 b O\n2 12 c O\n", ["Ann left .", "a b c"], "columns 1, 2"),
        ("bc/x 0 0 Ann -\nbc/x 0 1 ran -\nbc/x 0 2 . -\n\nbc/x 0 0 he -\nbc/x 0 1 is -\nbc/x 0 2 ! -\n",
         ["Ann ran .", "he is !"], "columns 1, 2, 3"),
        ("T1 Ann B-PER\nT2 left O\n\nT1 He O\nT2 ran O\n", ["Ann left", "He ran"], "column 1"),
        ("1-1\t0-3\tAnn\tO\n1-2\t4-8\tleft\tO\n\n2-1\t9-11\tHe\tO\n", ["Ann left", "He"], "columns 1, 2"),
        ("1990 O\n1991 O\n\n1992 O\n1993 B-DATE\n", ["1990 1991", "1992 1993"], ""),
        ("1\n2\n\n5\n6\n", ["1 2", "5 6"], ""),
        ("ha O\nha O\n\nno O\nno O\n", ["ha ha", "no no"], ""),
    ],
)  # fmt: skip
def test_leading_columns_of_numbers_are_left_out_and_named(tmp_path, lines, words, left_out):
    found, notes = sentences(tmp_path / "a.conll", lines)
    assert found.text["tokens"].tolist() == words
    assert [note.message.split(" of ")[0] for note in notes] == ([left_out] if left_out else [])


def test_universal_dependencies_give_their_words_and_columns(tmp_path):
    lines = ["# text = vamos\n", TREE.format("1-2", "damos"), TREE.format(1, "da"), TREE.format(2, "mos")]
    lines += [TREE.format("2.1", "x"), "\n# text = el\n", TREE.format(1, "el")]
    found, notes = sentences(tmp_path / "a.conllu", "".join(lines))
    assert found.text["tokens"].tolist() == ["da mos", "el"]
    assert found.columns["upos"].tolist() == [["NOUN", "NOUN"], ["NOUN"]]
    assert "tags" not in found.columns
    assert "1-2 and 1.1 are no words" in notes[0].message


def test_columns_that_a_first_line_names_are_called_so():
    lines = "# global.columns = ID UPOS FORM NER\n1\tN\tAnn\tB-PER\n2\tV\tran\tO\n\n"
    assert layout_of(lines).columns == {"tokens": 2, "upos": 1, "tags": 3}


def test_tags_before_their_words_are_still_tags():
    assert layout_of("B-PER Ann\nO left\n\nO he\n").columns == {"tokens": 1, "tags": 0}


def test_a_word_may_be_a_space_between_tabs(tmp_path):
    found, notes = sentences(tmp_path / "a.conll", "Ann\tB-PER\n \tO\nleft\tO\n\n\tO\nhe\tO\n")
    assert found.text["tokens"].tolist() == ["Ann \u00a0 left"]
    assert notes[0].message.startswith("sentences left out")
