"""Corpus files and sentences: documents stay apart and in order, and what is broken is counted and named."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penna.data.readers.read_notes import Notes
from penna.errors import SettingError, TableError
from penna.pretraining import corpus, plain_text, sentences
from penna.pretraining.corpus import Document, documents, fingerprint


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(*paths: Path, **how: str) -> tuple[list[str], list[str]]:
    """The texts, and what was noted."""
    notes = Notes()
    texts = [document.text for document in documents(paths, notes, **how)]
    return texts, [finding.message for finding in notes.findings()]


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_json_lines_keep_order_and_paragraphs(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", lines({"text": "One.\nTwo."}, {"text": "Three.", "source": "web"}))
    found = list(documents([path], Notes()))
    assert found == [Document("One.\nTwo.", "a.jsonl:1"), Document("Three.", "a.jsonl:2")]


def test_the_field_is_the_one_named_or_text_or_the_only_string(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", lines({"body": "x y", "n": 1}, {"a": "p", "b": "q"}, "bare"))
    texts, said = read(path)
    assert texts == ["x y", "bare"]
    (finding,) = said
    assert "1 (a.jsonl:2)" in finding
    assert read(path, field="a")[0] == ["p", "bare"]


def test_a_broken_line_is_counted_and_named(tmp_path: Path) -> None:
    bad = b'{"text": "caf\xe9 au lait"}\n'
    good = lines({"text": "Caf\u00e9."}).encode() + '{"text": "Ünïcödé."}\n'.encode() * 20
    path = written(tmp_path, "a.jsonl", good + b"{broken\n" + bad + lines({"text": " "}, {"text": 3}, [1]).encode())
    texts, said = read(path)
    assert len(texts) == 21
    broken, undecodable, empty = said
    assert "1 (lines a.jsonl:22)" in broken
    assert "1 (a.jsonl:23)" in undecodable
    assert "3 (a.jsonl:24, a.jsonl:25, a.jsonl:26)" in empty


def test_only_the_first_five_places_are_named(tmp_path: Path) -> None:
    _, said = read(written(tmp_path, "a.jsonl", lines({"text": "fine"}) + "broken\n" * 9))
    (finding,) = said
    assert "9 (lines a.jsonl:2, a.jsonl:3, a.jsonl:4, a.jsonl:5, a.jsonl:6 ...)" in finding


def test_a_huge_line_is_left_out_and_the_next_one_read(tmp_path: Path) -> None:
    huge = '{"text": "' + "a " * (corpus.LONGEST_LINE * 3 // 4) + '"}\n'
    texts, said = read(written(tmp_path, "a.jsonl", lines({"text": "one"}) + huge + lines({"text": "two"})))
    assert texts == ["one", "two"]
    (finding,) = said
    assert "1 (a.jsonl:2)" in finding


def test_packed_files_are_read_by_their_content(tmp_path: Path) -> None:
    text = lines({"text": "Packed."}).encode()
    zst = pyarrow.compress(text, codec="zstd", asbytes=True)
    packed = {"gz": gzip.compress(text), "bz2": bz2.compress(text), "xz": lzma.compress(text), "zst": zst}
    for suffix, content in packed.items():
        assert read(written(tmp_path, f"a.jsonl.{suffix}", content))[0] == ["Packed."]


def test_what_was_read_before_a_file_breaks_off_is_kept(tmp_path: Path) -> None:
    whole = gzip.compress(lines(*({"text": f"Row {n} of {n * n % 997}."} for n in range(60_000))).encode())
    texts, said = read(written(tmp_path, "a.jsonl.gz", whole[: len(whole) * 2 // 3]))
    assert 1000 < len(texts) < 60_000
    assert texts[999] == "Row 999 of 4."
    assert said[0].startswith("files that were read only in part, or not at all: 1 (")
    assert "a.jsonl.gz is damaged or truncated" in said[0]


def test_folder_is_read_in_sorted_order_without_binary_files(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.jsonl", "c.txt.gz"):
        text = lines({"text": name}) if name.endswith("jsonl") else name
        written(tmp_path, name, gzip.compress(text.encode()) if name.endswith("gz") else text)
    written(tmp_path, "picture.png", b"\x89PNG")
    assert read(tmp_path)[0] == ["a.jsonl", "b/1.txt", "b/2.txt", "c.txt.gz"]


def test_blank_lines_end_documents_of_text(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "First line.\nSecond line.\r\n\n \nOther document.\n")
    assert read(path)[0] == ["First line.\nSecond line.", "Other document."]
    assert read(path, apart="file")[0] == ["First line.\nSecond line.\nOther document."]


def test_a_book_is_split_at_its_wide_gaps_only(tmp_path: Path) -> None:
    book = "CHAPTER I\n\nOne paragraph.\n\nAnother.\n\n\n\nCHAPTER II\n\nMore.\n"
    path = written(tmp_path, "book.txt", book)
    assert read(path)[0] == ["CHAPTER I\nOne paragraph.\nAnother.", "CHAPTER II\nMore."]
    assert len(read(path, apart="blank")[0]) == 5


def test_doc_tags_separate_the_articles_of_a_dump(tmp_path: Path) -> None:
    dump = '<doc id="1" title="A">\nA\n\nA is a letter.\n\n</doc>\n<doc id="2" title="B">\nB\n\nSo is B.\n</doc>\n'
    assert read(written(tmp_path, "wiki_00.txt", dump))[0] == ["A\nA is a letter.", "B\nSo is B."]


def test_lines_that_were_wrapped_become_paragraphs_again(tmp_path: Path) -> None:
    wrapped = "it was a dark and\nstormy night and the\nrain fell in torrents\nexcept at intervals"
    text, *more = read(written(tmp_path, "a.txt", "\n\n".join([wrapped] * 10) + "\n"), apart="file")[0]
    assert not more
    assert text.split("\n") == [wrapped.replace("\n", " ")] * 10


def test_a_document_without_end_is_given_in_parts() -> None:
    many = ((n, "word " * 200 + "\n") for n in range(3000))
    parts = [text for _, text in plain_text.texts(many, plain_text.layout("", "file"))]
    assert len(parts) > 1
    assert max(map(len, parts)) <= 2 * plain_text.LONGEST + 3000
    assert sum(len(part.split()) for part in parts) == 600_000


def test_a_latin_text_is_read_in_its_own_encoding(tmp_path: Path) -> None:
    text = "Die Straße führt über die Brücke.\n" * 5
    assert read(written(tmp_path, "a.txt", text.encode("cp1252")))[0] == [text.strip()]


def test_an_empty_corpus_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="holds no text: give files with text"):
        read(written(tmp_path, "a.txt", " \n\n"))
    with pytest.raises(TableError, match=r"no JSON object: 1 \(lines b.jsonl:1\)"):
        read(written(tmp_path, "b.jsonl", "nothing\n"))
    with pytest.raises(TableError, match="there is no corpus"):
        read(tmp_path / "nowhere.txt")
    with pytest.raises(TableError, match="there is no corpus"):
        read(tmp_path / ("long" * 1000))
    with pytest.raises(TableError, match="there is no corpus: give"):
        read()
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=r"holds no text: put \.txt or \.jsonl"):
        read(tmp_path / "empty")
    with pytest.raises(SettingError, match="choose auto, blank or file"):
        read(written(tmp_path, "c.txt", "text"), apart="line")


def test_a_lone_surrogate_does_not_reach_a_tokenizer(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.jsonl", '{"text": "a \\ud800 b"}\n'))[0] == ["a ? b"]


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    one, two = written(tmp_path, "x/a.txt", "text one"), written(tmp_path, "y/a.txt", "text one")
    assert fingerprint([one]) == fingerprint([two])
    assert fingerprint([one]) != fingerprint([written(tmp_path, "z/a.txt", "text two")])
    large = written(tmp_path, "large.txt", b"a" * 1_000_000)
    before = fingerprint([large])
    large.write_bytes(b"a" * 999_999)
    assert fingerprint([large]) != before


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200) | st.text('aB1 .!?"\n。」(e.g', max_size=80))
def test_no_character_is_lost_between_sentences(text: str) -> None:
    found = sentences.split(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() and sentence for sentence in found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith met Mrs. Jones. They talked.", 2),
        ("It costs 3.14 dollars. Fine.", 2),
        ("J. R. R. Tolkien wrote it.", 1),
        ("He left the U.S. in May. She moved to the U.S. The end.", 3),
        ("See Fig. 3 and No. 7, e.g. Apples, vs. Pears.", 1),
        ("He stated no. Then he left.", 2),
        ('"Why?" he requested. "Because."', 2),
        ("Wait... what? Yes! No.", 3),
        ("no capitals here. none at all! right?", 3),
        ("1. Introduction to things.", 1),
        ("the film . it was good .", 2),
        ("今天很好。明天呢？「好。」他说。", 4),
        ("line one\nline two", 2),
        ("A fact.[3] Another (in brackets.) Third", 3),
    ],
)
def test_sentences_end_where_they_should(text: str, count: int) -> None:
    assert len(sentences.split(text)) == count, sentences.split(text)


def test_a_sentence_without_end_is_cut_at_a_space() -> None:
    text = "word " * 5000
    found = sentences.split(text)
    assert max(map(len, found)) <= sentences.LONGEST
    assert " ".join(found) == text.strip()
