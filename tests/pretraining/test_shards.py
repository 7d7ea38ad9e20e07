"""The token cache: everything is in it, it is found again, and nothing half-written is taken for one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from penna.errors import RunError, TableError
from penna.pretraining import sentences, shard_writer, shards, vocabulary
from penna.pretraining.shards import Tokens
from penna.pretraining.vocabulary import Vocabulary

TEXTS = [
    "The card was lost. It was found in the story. Who found it?",
    "A good film.",
    "Payment is very very good. Not a bad film. " * 20,
    "Where is my money? " * 3 + "\nMy money was lost.",
    "[MASK] and [SEP] are words of the story.",
]


_BRACKET = re.compile(r"[\[\]]")


@pytest.fixture(scope="module")
def words(tiny_bert: Path) -> Vocabulary:
    """The tiny encoder's 160 tokens."""
    return vocabulary.load(tiny_bert)


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return path


def spelled(tokens: Tokens, words: Vocabulary) -> list[list[str]]:
    """Documents as lists of sentences, read back from the ids."""
    found = []
    for number in range(len(tokens.sizes)):
        shard = tokens.shard(number)
        cut = np.split(shard.ids, shard.sentences[:-1])
        parts = ["".join(words.tokenizer.id_to_token(i).removeprefix("##") for i in part) for part in cut]
        starts = [0, *shard.documents[:-1]]
        found += [parts[a:b] for a, b in zip(starts, shard.documents, strict=True)]
    return found


def expected() -> list[list[str]]:
    """The tiny vocabulary has no brackets."""
    return [[_BRACKET.sub("[UNK]", "".join(s.lower().split())) for s in sentences.split(text)] for text in TEXTS]


def test_every_sentence_of_every_document_is_kept_in_order(corpus_file: Path, words: Vocabulary) -> None:
    tokens = shards.build([corpus_file], words, corpus_file.parent / "cache")
    assert spelled(tokens, words) == expected()
    assert (tokens.total.documents, tokens.single, tokens.unknown) == (5, 2, 4)
    assert tokens.single_share == 0.4
    assert tokens.dtype == "uint16"
    assert tokens.total.tokens == sum(map(len, (tokens.shard(n).ids for n in range(len(tokens.sizes)))))


def test_a_special_token_in_a_text_is_no_special_token(corpus_file: Path, words: Vocabulary) -> None:
    tokens = shards.build([corpus_file], words, corpus_file.parent / "cache")
    assert set(tokens.shard(0).ids.tolist()).isdisjoint([words.pad, words.cls, words.sep, words.mask])


def test_many_documents_make_many_shards(corpus_file: Path, words: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_writer, "SHARD", 20)
    monkeypatch.setattr(shard_writer, "_CHUNK", 30)
    tokens = shards.build([corpus_file], words, corpus_file.parent / "cache")
    assert len(tokens.sizes) > 2
    assert spelled(tokens, words) == expected()


def test_a_second_start_finds_what_the_first_has_made(corpus_file: Path, words: Vocabulary) -> None:
    cache, told = corpus_file.parent / "cache", []
    first = shards.build([corpus_file], words, cache, lambda documents, tokens: told.append((documents, tokens)))
    assert told[-1] == (5, first.total.tokens)
    before = {p: p.stat().st_mtime_ns for p in cache.rglob("*")}
    again = shards.build([corpus_file], words, cache, lambda documents, tokens: pytest.fail("it was made again"))
    assert again == first
    assert {p: p.stat().st_mtime_ns for p in cache.rglob("*")} == before
    corpus_file.write_text('{"text": "Another corpus."}\n')
    assert shards.build([corpus_file], words, cache).folder != first.folder


def test_what_was_wrong_with_the_corpus_is_kept_with_the_tokens(corpus_file: Path, words: Vocabulary) -> None:
    with corpus_file.open("a") as file:
        file.write("broken\n")
    for _ in range(2):
        tokens = shards.build([corpus_file], words, corpus_file.parent / "cache")
        (finding,) = tokens.findings
        assert "1 (lines corpus.jsonl:6)" in finding


def test_a_large_vocabulary_takes_larger_numbers(tmp_path: Path) -> None:
    pieces = {token: n for n, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
    pieces |= {f"w{n}": n + 5 for n in range(70_000)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    path = tmp_path / "a.txt"
    path.write_text("w69999 w1")
    tokens = shards.build([path], vocabulary.of(tokenizer, "large"), tmp_path)
    assert tokens.dtype == "uint32"
    assert tokens.shard(0).ids.tolist() == [70_004, 6]


@pytest.mark.parametrize("part", ["ids", "sentences", "documents"])
def test_a_truncated_file_is_found_and_made_again(corpus_file: Path, words: Vocabulary, part: str) -> None:
    cache = corpus_file.parent / "cache"
    whole = shards.build([corpus_file], words, cache)
    file = whole.folder / f"00000.{part}.npy"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(RunError, match="damaged at part 0"):
        shards.opened(whole.folder)
    assert spelled(shards.build([corpus_file], words, cache), words) == expected()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "sizes": [{"tokens": -1}]}'])
def test_invalid_cache_is_refused(corpus_file: Path, words: Vocabulary, text: str) -> None:
    whole = shards.build([corpus_file], words, corpus_file.parent / "cache")
    (whole.folder / "tokens.json").write_text(text)
    with pytest.raises(RunError, match="does not hold the tokens of a corpus"):
        shards.opened(whole.folder)


def test_low_disk_space_is_reported_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"MB left, and the tokens of this corpus take about 1,000,000,000,000 MB: free"):
        shard_writer.Guard(tmp_path, 10**18).check()


LIMITED = """
import json, resource, signal, sys
from penna.errors import RunError
from penna.pretraining import shards, vocabulary
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    shards.build([sys.argv[1]], vocabulary.load(sys.argv[2]), __import__("pathlib").Path(sys.argv[3]))
except RunError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_nothing_behind(corpus_file: Path, tiny_bert: Path) -> None:
    cache = corpus_file.parent / "cache"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, corpus_file, tiny_bert, cache], capture_output=True, text=True, check=True
    )
    assert "the tokens cannot be written to" in done.stdout
    assert "they take about 1 MB; free some space" in done.stdout
    assert list(cache.iterdir()) == []


KILLED = """
import os, pathlib, sys
from penna.pretraining import shard_writer as _writing, shards, vocabulary
_writing._CHUNK = 30
def die(documents, tokens):
    if documents > 2:
        os.kill(os.getpid(), 9)
shards.build([sys.argv[1]], vocabulary.load(sys.argv[2]), pathlib.Path(sys.argv[3]), die)
"""


def test_cache_is_rebuilt_after_a_kill(corpus_file: Path, tiny_bert: Path, words: Vocabulary) -> None:
    cache = corpus_file.parent / "cache"
    done = subprocess.run([sys.executable, "-c", KILLED, corpus_file, tiny_bert, cache])
    assert done.returncode == -signal.SIGKILL
    (half,) = cache.iterdir()
    assert half.suffix == ".half"
    os.utime(half, (time.time() - 3600,) * 2)
    tokens = shards.build([corpus_file], words, cache)
    assert spelled(tokens, words) == expected()
    assert list(cache.iterdir()) == [tokens.folder]


def test_an_empty_corpus_leaves_no_cache(tmp_path: Path, words: Vocabulary) -> None:
    (tmp_path / "a.txt").write_text("\n")
    with pytest.raises(TableError, match="holds no text"):
        shards.build([tmp_path / "a.txt"], words, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(corpus_file: Path, words: Vocabulary) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        shards.build([corpus_file], words, corpus_file / "below")
