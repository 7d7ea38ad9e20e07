"""Tokenizers: trained on a sample, saved for others to read, and read from what others saved."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import tokenizers

from penna.errors import EncoderError, SettingError
from penna.pretraining import tokenizer_training, vocabulary
from penna.pretraining.corpus import Document
from penna.pretraining.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def texts(demo_rows: pandas.DataFrame) -> list[str]:
    """Some hundred questions to a bank."""
    return list(demo_rows["text"][:800])


@pytest.fixture(scope="module")
def documents(texts: list[str]) -> list[Document]:
    return [Document(text, f"{number}") for number, text in enumerate(texts)]


@pytest.fixture(scope="module", params=["unigram", "wordpiece"])
def trained(request: pytest.FixtureRequest, documents: list[Document]) -> Vocabulary:
    return vocabulary.train(documents, request.param, 400)


def kind_of(given: Vocabulary) -> str:
    return str(json.loads(given.tokenizer.to_str())["model"]["type"]).lower()


def test_trained_vocabulary_has_its_size_and_special_tokens(trained: Vocabulary) -> None:
    assert trained.size == 400 == trained.tokenizer.get_vocab_size()
    assert (trained.pad, trained.unk, trained.cls, trained.sep, trained.mask) == (0, 1, 2, 3, 4)
    assert np.flatnonzero(trained.special).tolist() == [0, 1, 2, 3, 4]
    assert not trained.starts_word[:5].any()
    encoding = trained.tokenizer.encode("Why is my card", "declined?")
    assert encoding.ids[0] == trained.cls
    assert encoding.ids.count(trained.sep) == 2
    assert encoding.type_ids == [0] * (encoding.ids.index(trained.sep) + 1) + [1] * (
        len(encoding.ids) - encoding.ids.index(trained.sep) - 1
    )


def test_words_begin_where_they_should(trained: Vocabulary) -> None:
    ids = trained.tokenizer.encode("my card was declined, why", add_special_tokens=False).ids
    assert 1 not in ids
    assert trained.starts_word[ids].sum() == 6  # five words and a comma


def test_common_words_that_begin_no_other_become_pieces(documents: list[Document]) -> None:
    learnt = vocabulary.train(documents, "unigram", 400)
    assert learnt.tokenizer.token_to_id("▁what") is not None
    assert learnt.tokenizer.token_to_id("▁card") is not None


def test_case_is_kept_on_request(documents: list[Document]) -> None:
    cased = vocabulary.train(documents, "unigram", 420, lowercase=False)
    assert cased.tokenizer.encode("The").ids != cased.tokenizer.encode("the").ids
    lower = vocabulary.train(documents, "unigram", 400)
    assert lower.tokenizer.encode("The").ids == lower.tokenizer.encode("the").ids


def test_another_process_learns_the_same_tokenizer(trained: Vocabulary, texts: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from penna.pretraining import vocabulary\n"
        "from penna.pretraining.corpus import Document\n"
        "documents = [Document(text, '') for text in json.load(sys.stdin)]\n"
        f"print(json.dumps(vocabulary.train(documents, {kind_of(trained)!r}, 400).tokenizer.get_vocab()))\n"
    )
    there = json.loads(
        subprocess.run(
            [sys.executable, "-c", code], input=json.dumps(texts), capture_output=True, text=True, check=True
        ).stdout
    )
    here = trained.tokenizer.get_vocab()
    assert there == here or kind_of(trained) == "unigram"
    assert len(there.keys() & here.keys()) > 0.95 * 400  # in so little text, pieces of unigram tie


def test_both_libraries_load_the_saved_tokenizer(trained: Vocabulary, tmp_path: Path) -> None:
    import transformers

    vocabulary.save(trained, tmp_path, max_length=64)
    kind = {"unigram": "albert", "wordpiece": "bert"}[kind_of(trained)]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    auto = transformers.AutoTokenizer.from_pretrained(tmp_path)
    plain = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for pair in [("The captain's dog stated: ``no''!", "Zoë [MASK] home…"), ("  the\n\n sailor [SEP]", "日本 x")]:
        assert auto(*pair)["input_ids"] == plain.encode(*pair).ids == trained.tokenizer.encode(*pair).ids
        assert auto(*pair)["token_type_ids"] == plain.encode(*pair).type_ids
        assert auto(pair[0])["input_ids"] == plain.encode(pair[0]).ids
    assert auto.model_max_length == 64
    assert (auto.pad_token_id, auto.mask_token_id, auto.cls_token_id, auto.sep_token_id, auto.unk_token_id) == (
        trained.pad,
        trained.mask,
        trained.cls,
        trained.sep,
        trained.unk,
    )
    again = vocabulary.load(tmp_path)
    assert again.tokenizer.to_str() == trained.tokenizer.to_str()
    assert (again.starts_word == trained.starts_word).all()
    auto.save_pretrained(tmp_path / "again")
    assert vocabulary.load(tmp_path / "again").tokenizer.encode(*pair).ids == plain.encode(*pair).ids


def test_the_class_of_the_architecture_reads_it_too(trained: Vocabulary, texts: list[str], tmp_path: Path) -> None:
    import transformers

    vocabulary.save(trained, tmp_path, max_length=64)
    own = {"unigram": transformers.AlbertTokenizer, "wordpiece": transformers.BertTokenizer}[kind_of(trained)]
    tokenizer = own.from_pretrained(tmp_path)
    for text in texts[:20]:
        assert tokenizer(text)["input_ids"] == trained.tokenizer.encode(text).ids


def test_a_real_tokenizer_is_read_with_its_ids(minilm: Path) -> None:
    found = vocabulary.load(minilm)
    assert (found.pad, found.unk, found.cls, found.sep, found.mask, found.size) == (0, 100, 101, 102, 103, 30522)
    ids = found.tokenizer.encode("unbelievably good.", add_special_tokens=False).ids
    assert found.starts_word[ids].sum() == 3


def test_a_folder_with_only_a_list_of_words_is_read(minilm: Path, tmp_path: Path) -> None:
    for name in ("vocab.txt", "config.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((minilm / name).read_bytes())
    found, whole = vocabulary.load(tmp_path), vocabulary.load(minilm)
    assert found.tokenizer.encode("Good films!").ids == whole.tokenizer.encode("Good films!").ids


def test_special_tokens_may_have_other_names(tmp_path: Path) -> None:
    words = {"[PAD]": 0, "[UNK]": 1, "<begin>": 2, "<end>": 3, "<blank>": 4, "a": 5}
    tokenizers.Tokenizer(tokenizers.models.WordPiece(words, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    names = {"cls_token": "<begin>", "sep_token": {"content": "<end>"}, "mask_token": "<blank>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(names))
    found = vocabulary.load(tmp_path)
    assert (found.cls, found.sep, found.mask) == (2, 3, 4)


def test_a_vocabulary_too_large_for_the_corpus_is_refused(trained: Vocabulary, documents: list[Document]) -> None:
    kind = kind_of(trained)
    with pytest.raises(SettingError, match=r"larger than the corpus supports: it gives about \d+; give --vocab-size"):
        vocabulary.train(documents, kind, 5000)
    with pytest.raises(SettingError, match="too small: the corpus has"):
        vocabulary.train(documents, kind, 20)


def test_settings_that_cannot_be_are_refused(documents: list[Document]) -> None:
    with pytest.raises(SettingError, match="choose unigram or wordpiece"):
        vocabulary.train(documents, "letters", 100)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="cannot be"):
        vocabulary.train(documents, "unigram", 0)


def test_a_folder_without_a_usable_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="has no tokenizer"):
        vocabulary.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="cannot be read"):
        vocabulary.load(tmp_path)
    for left_out in ("[MASK]", "[CLS]"):
        words = {token: n for n, token in enumerate(t for t in tokenizer_training.BERT if t != left_out)}
        model = tokenizers.models.WordPiece(words, unk_token="[UNK]")
        tokenizers.Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
        with pytest.raises(EncoderError, match=rf"has no \{left_out[:-1]}\] token"):
            vocabulary.load(tmp_path)


def test_the_sample_is_spread_over_all_texts_and_bounded() -> None:
    pieces = tokenizer_training.sample((f"{n:04d}" for n in range(1000)), 400)
    assert 200 <= sum(map(len, pieces)) <= 400
    numbers = np.array([int(piece) for piece in pieces])
    assert (np.diff(numbers) == numbers[1]).all()
    assert numbers[-1] > 980
    assert max(map(len, tokenizer_training.sample(["x" * 20_000], 10_000))) == 5_000


def test_text_without_spaces_is_learned() -> None:
    rng = np.random.default_rng(0)
    signs = [chr(0x4E00 + n) for n in range(40)]
    words = ["".join(rng.choice(signs, 2)) for _ in range(60)]
    clauses = [Document("".join(rng.choice(words, 8)) + "。", "") for _ in range(800)]
    found = vocabulary.train(clauses, "unigram", 100)
    ids = found.tokenizer.encode(clauses[0].text, add_special_tokens=False).ids
    assert found.unk not in ids
    assert len(ids) < 16
    assert found.starts_word[ids].all()


def test_rare_characters_do_not_fill_the_vocabulary(documents: list[Document]) -> None:
    odd = Document("".join(map(chr, range(0x4E00, 0x4E0F))), "odd")
    found = vocabulary.train([*documents, odd], "unigram", 400)
    assert found.size == 400
    assert found.tokenizer.token_to_id(chr(0x4E00)) is None
