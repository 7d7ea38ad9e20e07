"""Batches by number: pure, disjoint, whole, within limits, little padded."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.data.arrays import Array
from penna.errors import SettingError
from penna.pretraining import batch_plan, segments, shard_writer, shards, vocabulary
from penna.pretraining.batch import Batch
from penna.pretraining.batch_plan import How, Texts
from penna.pretraining.segments import Segments
from penna.pretraining.shards import Tokens
from penna.pretraining.vocabulary import Vocabulary

WORDS = ["the", "good", "bad", "film", "story", "card", "payment", "money", "lost", "found", "who", "where", "was"]
PAIRINGS = ("none", "order", "next")


@pytest.fixture(scope="module")
def words(tiny_bert: Path) -> Vocabulary:
    return vocabulary.load(tiny_bert)


@pytest.fixture(scope="module")
def tokens(words: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """400 documents of 1 to 40 sentences of 2 to 30 words, in five shards; some sentences are much longer."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("corpus")
    with (folder / "a.jsonl").open("w") as file:
        for _ in range(400):
            sizes = [int(n) if rng.random() > 0.01 else 150 for n in rng.integers(2, 31, rng.integers(1, 41))]
            said = [" ".join(rng.choice(WORDS, size)).capitalize() + "." for size in sizes]
            file.write(json.dumps({"text": " ".join(said)}) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_writer, "SHARD", 30_000)
        patch.setattr(shard_writer, "_CHUNK", 50_000)
        return shards.build([folder / "a.jsonl"], words, folder)


def opened(tokens: Tokens, words: Vocabulary, pairing: str = "none", **how: int) -> Segments:
    given = {"length": 64, "batch_tokens": 1024, "seed": 1} | how
    return Segments(tokens, words, pairing=pairing, **given)  # type: ignore[arg-type]


def times_round(given: Segments, number: int) -> int:
    """How often the corpus has been gone through before this batch."""
    return given._group_of(number) // given._groups


def epoch(given: Segments) -> list[Batch]:
    """All batches before the second time round."""
    found: list[Batch] = []
    while times_round(given, len(found)) == 0:
        found.append(given.batch(len(found)))
    return found


def parts(batch: Batch) -> list[tuple[Array, Array]]:
    """Each row's first and second text, without special tokens."""
    rows = zip(batch.ids, batch.types, batch.lengths, batch.pair, strict=True)
    return [
        (ids[1 : int((kinds[:n] == 0).sum()) - 1], ids[:n][kinds[:n] == 1][:-1] if pair >= 0 else ids[:0])
        for ids, kinds, n, pair in rows
    ]


def corpus_documents(tokens: Tokens) -> list[Array]:
    found = []
    for number in range(len(tokens.sizes)):
        shard = tokens.shard(number)
        found += np.split(shard.ids, shard.sentences[shard.documents[:-1].astype(int) - 1])
    return found


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in ("ids", "types", "lengths", "pair"))


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_same_number_gives_the_same_batch(tokens: Tokens, words: Vocabulary, pairing: str) -> None:
    one, other = opened(tokens, words, pairing), opened(tokens, words, pairing)
    forwards = [one.batch(n) for n in range(0, 400, 7)]
    backwards = [other.batch(n) for n in range(399 - 399 % 7, -1, -7)]
    assert times_round(one, 399) >= 1
    assert all(same(a, b) for a, b in zip(forwards, backwards[::-1], strict=True))
    assert not same(forwards[0], opened(tokens, words, pairing, seed=2).batch(0))


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_batches_have_the_promised_form(tokens: Tokens, words: Vocabulary, pairing: str) -> None:
    for batch in epoch(opened(tokens, words, pairing)):
        b, s = batch.ids.shape
        assert b * s <= 1024
        assert s <= 64
        assert (batch.ids.dtype, batch.types.dtype, batch.lengths.dtype, batch.pair.dtype) == (
            np.int32,
            np.int8,
            np.int64,
            np.int64,
        )
        assert batch.types.shape == (b, s)
        assert s - batch.lengths.max() < batch_plan.STEP
        assert (batch.ids[~batch.mask] == words.pad).all()
        assert (batch.ids[batch.mask] != words.pad).all()
        assert (batch.ids[:, 0] == words.cls).all()
        assert (batch.ids[np.arange(b), batch.lengths - 1] == words.sep).all()
        assert ((batch.ids == words.sep).sum(1) == np.where(batch.pair >= 0, 3, 2) - 1).all()
        assert (np.diff(np.where(batch.mask, batch.types, 1).astype(int), axis=1) >= 0).all()
        assert (batch.types.any(1) == (batch.pair >= 0)).all()
        assert set(batch.pair) <= ({-1} if pairing == "none" else {-1, 0, 1})


def test_every_token_is_in_an_epoch_once(tokens: Tokens, words: Vocabulary) -> None:
    for pairing in ("none", "order"):
        seen: Counter[int] = Counter()
        for batch in epoch(opened(tokens, words, pairing)):
            for first, second in parts(batch):
                assert len(first)
                seen.update(first.tolist() + second.tolist())
        every = Counter(np.concatenate([tokens.shard(n).ids for n in range(len(tokens.sizes))]).tolist())
        assert seen == every


def test_every_sentence_is_in_an_epoch_with_random_next_ones_too(tokens: Tokens, words: Vocabulary) -> None:
    rows = []
    for batch in epoch(opened(tokens, words, "next")):
        rows += [" ".join(map(str, part)) + " " for pair in parts(batch) for part in pair]
    text = "|".join(f" {row}" for row in rows)
    for document in corpus_documents(tokens)[::9]:
        for sentence in np.split(document, np.flatnonzero(document == words.tokenizer.token_to_id(".")) + 1):
            if 0 < len(sentence) <= 40:
                assert " " + " ".join(map(str, sentence)) + " " in text


def test_ordered_pairs_follow_and_swapped_pairs_are_reversed(tokens: Tokens, words: Vocabulary) -> None:
    text = "|".join(" ".join(map(str, document)) for document in corpus_documents(tokens))
    labels = []
    for batch in epoch(opened(tokens, words, "order"))[::5]:
        for (first, second), pair in zip(parts(batch), batch.pair, strict=True):
            labels.append(pair)
            together = np.concatenate([second, first] if pair == 1 else [first, second])
            assert " ".join(map(str, together)) in text
    share = np.bincount(np.array(labels) + 1) / len(labels)
    assert share[0] < 0.15  # one sentence alone, or two that are too long together
    assert abs(share[1] - share[2]) < 0.12


@pytest.mark.slow
def test_random_segments_have_another_document_and_equal_length(tokens: Tokens, words: Vocabulary) -> None:
    documents = [" ".join(map(str, document)) for document in corpus_documents(tokens)]
    text = "|".join(documents)
    lengths: dict[int, list[int]] = {0: [], 1: []}
    for batch in epoch(opened(tokens, words, "next"))[::3]:
        for (first, second), pair in zip(parts(batch), batch.pair, strict=True):
            if pair < 0:
                continue
            lengths[int(pair)].append(len(second))
            together = " ".join(map(str, np.concatenate([first, second])))
            assert (together in text) == (pair == 0) or len(second) < 4
            assert " ".join(map(str, second)) in text
    counts = {pair: len(found) for pair, found in lengths.items()}
    assert abs(counts[0] - counts[1]) < 0.15 * sum(counts.values())
    assert abs(np.mean(lengths[0]) - np.mean(lengths[1])) < 3


def test_segments_are_divided_between_sentences(tokens: Tokens, words: Vocabulary) -> None:
    stop = words.tokenizer.token_to_id(".")
    ends = [
        (second if pair == 1 else first)[-1] == stop
        for batch in epoch(opened(tokens, words, "order"))[::5]
        for (first, second), pair in zip(parts(batch), batch.pair, strict=True)
        if pair >= 0
    ]
    assert np.mean(ends) > 0.97  # the others are parts of the long sentences


def test_epochs_differ_and_lengths_vary(tokens: Tokens, words: Vocabulary) -> None:
    given = opened(tokens, words)
    first = epoch(given)
    second = [given.batch(len(first) + n) for n in range(len(first))]
    assert not any(same(a, b) for a, b in zip(first, second, strict=True))
    widths = Counter(batch.ids.shape[1] for batch in first)
    assert len(widths) > 4
    assert max(widths) == 64


def test_little_is_padding_and_batches_are_full(tokens: Tokens, words: Vocabulary) -> None:
    found = epoch(opened(tokens, words))
    inside = sum(int(batch.lengths.sum()) for batch in found)
    assert inside / sum(batch.ids.size for batch in found) > 0.93
    assert np.mean([batch.ids.size for batch in found]) > 0.93 * 1024


def test_long_corpora_are_planned_some_shards_at_a_time(
    tokens: Tokens, words: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = opened(tokens, words).batch(0)
    monkeypatch.setattr(segments, "_TOGETHER", 2)
    given = opened(tokens, words)
    assert len(tokens.sizes) >= 3
    seen = sum(int((batch.lengths - 2).sum()) for batch in epoch(given))
    assert seen == tokens.total.tokens
    assert not same(given.batch(0), whole)


def test_documents_of_one_sentence_have_no_second_text(words: Vocabulary, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A good film.\n\nMy card was lost.\n\nWho found it?\n")
    tokens = shards.build([tmp_path / "a.txt"], words, tmp_path / "cache")
    assert tokens.single_share == 1
    batch = opened(tokens, words, "order").batch(0)
    assert batch.pair.tolist() == [-1, -1, -1]
    assert not batch.types.any()


def test_settings_that_cannot_be_are_refused(tokens: Tokens, words: Vocabulary, tmp_path: Path) -> None:
    for wrong, said in [
        ({"length": 4}, "leaves no room"),
        ({"batch_tokens": 63}, "holds no text of length 64"),
        ({"short": 2}, "cannot be"),
    ]:
        with pytest.raises(SettingError, match=said):
            opened(tokens, words, **wrong)
    with pytest.raises(SettingError, match="choose none, order or next"):
        opened(tokens, words, "sop")
    with pytest.raises(IndexError):
        opened(tokens, words).batch(-1)
    (tmp_path / "a.txt").write_text("A good film. My card was lost.\n")
    one = shards.build([tmp_path / "a.txt"], words, tmp_path / "cache")
    with pytest.raises(SettingError, match="one document"):
        opened(one, words, "next")


SIZES = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=12), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.sampled_from(PAIRINGS), st.integers(8, 70), st.floats(0, 1), st.integers(0, 5))
def test_any_corpus_is_divided_without_loss(
    sizes: list[list[int]], pairing: batch_plan.Pairing, length: int, short: float, seed: int
) -> None:
    texts = Texts(
        np.cumsum([n for document in sizes for n in document]), np.cumsum([len(document) for document in sizes])
    )
    how = How(length, 3 * length, pairing, short)
    plan = batch_plan.plan(texts, how, np.random.default_rng(seed))
    examples = plan.examples
    assert sorted(plan.order.tolist()) == list(range(len(examples.pair)))
    assert (examples.lengths <= length).all()
    assert (examples.first[:, 1] > examples.first[:, 0]).all()
    assert ((examples.second[:, 1] > examples.second[:, 0]) == (examples.pair >= 0)).all()
    seen = np.zeros(texts.sentences[-1], int)
    ends = texts.sentences[texts.documents - 1]
    for k in range(len(examples.pair)):
        own = [examples.first[k]] + ([examples.second[k]] if pairing == "order" or examples.pair[k] == 0 else [])
        for begin, end in own:
            seen[begin:end] += 1
        documents = {int(np.searchsorted(ends, begin, side="right")) for begin, end in own if end > begin}
        assert len(documents) == 1
        if pairing == "next" and examples.pair[k] == 1:
            begin, end = examples.second[k]
            assert int(np.searchsorted(ends, begin, side="right")) not in documents
            assert np.searchsorted(ends, begin, side="right") == np.searchsorted(ends, end - 1, side="right")
    assert (seen == 1).all()
    for number in range(len(plan)):
        lengths = plan.batch(number).lengths
        assert len(lengths) * min(-(-int(lengths.max()) // 8) * 8, length) <= 3 * length


def test_the_data_side_loads_no_torch() -> None:
    code = "import sys, penna.pretraining.segments; print({'torch', 'transformers', 'tokenizers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
