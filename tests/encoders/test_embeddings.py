"""Tokens, vectors and their cache: right, computed once, and found again by content."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.budget import Deadline
from penna.encoders import cache as caches
from penna.encoders import checkpoints, embeddings, tokens
from penna.encoders.cache import Store
from penna.encoders.checkpoints import Checkpoint
from penna.errors import SettingError
from penna.testing import make_table

TEXTS = ["a good film", "where is my card?", "", "a good film", "bad " * 100, "lost money and the card payment"]


@pytest.fixture(scope="module")
def bert(tiny_bert: Path) -> Checkpoint:
    return checkpoints.find(str(tiny_bert))


# --- tokens


def test_each_row_gets_its_ids_cut_behind_the_closing_token(bert: Checkpoint, tmp_path: Path) -> None:
    tokenizer = checkpoints.load_tokenizer(bert)
    for _ in range(2):  # computed, then from disk
        ragged = tokens.tokenise(bert, make_table(TEXTS), 10, tmp_path)
        for i, text in enumerate(TEXTS):
            ids = tokenizer.encode(text).ids
            expected = ids if len(ids) <= 10 else [*ids[:9], ids[-1]]
            assert ragged.take(np.array([i])).values.tolist() == expected
            assert ragged.whole[i] == len(ids)
    assert ragged.values.dtype == np.int32
    assert ragged.offsets.dtype == np.int64


def test_another_length_comes_from_the_same_file(bert: Checkpoint, tmp_path: Path) -> None:
    long = tokens.tokenise(bert, make_table(TEXTS), 64, tmp_path)
    before = sorted(tmp_path.rglob("*.safetensors"))
    short = tokens.tokenise(bert, make_table(TEXTS), 5, tmp_path)
    assert sorted(tmp_path.rglob("*.safetensors")) == before
    assert short.lengths.tolist() == np.minimum(long.lengths, 5).tolist()
    assert tokens.tokenise(bert, make_table(TEXTS), 5, None).values.tolist() == short.values.tolist()


def test_no_length_is_beyond_what_the_encoder_can_see(bert: Checkpoint) -> None:
    ragged = tokens.tokenise(bert, make_table(["bad " * 1000]), 10_000, None)
    assert ragged.lengths.tolist() == [64]
    assert ragged.whole[0] > 64


def test_a_cell_of_two_megabytes_is_cut_before_it_is_tokenised(bert: Checkpoint) -> None:
    ragged = tokens.tokenise(bert, make_table(["good film " * 200_000, "a\x00b", "\ud800 lone"]), 64, None)
    assert 64 < ragged.whole[0] < 10_000  # of 400,000 tokens


def test_batch_is_padded_to_its_longest_row(tiny: Callable[[str], Path]) -> None:
    checkpoint = checkpoints.find(str(tiny("roberta")))
    ragged = tokens.tokenise(checkpoint, make_table(TEXTS), 8, None)
    ids, mask = tokens.padded(ragged, np.array([1, 2]))
    assert checkpoint.pad == 1
    assert ids.shape == mask.shape == (2, 7)
    assert mask.sum(axis=1).tolist() == [7, 2]
    assert ids[1, 2:].tolist() == [1] * 5


@given(st.lists(st.integers(1, 400), min_size=1, max_size=50), st.sampled_from([16, 128, 512]))
def test_length_covers_its_share_and_counts_the_rest(lengths: list[int], cap: int) -> None:
    length, cut = tokens.length_for(np.array(lengths), cap)
    assert 1 <= length <= cap
    assert length % 8 == 0
    assert cut == np.mean(np.array(lengths) > length)
    assert length == cap or cut <= 0.05 + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_any_text_has_the_same_tokens_from_the_cache(tiny_bert: Path, texts: list[str]) -> None:
    import tempfile

    checkpoint = checkpoints.find(str(tiny_bert))
    with tempfile.TemporaryDirectory() as folder:
        first = tokens.tokenise(checkpoint, make_table(texts), 16, Path(folder))
        again = tokens.tokenise(checkpoint, make_table(texts), 16, Path(folder))
    assert first.values.tolist() == again.values.tolist()
    assert first.lengths.min() >= 2


# --- vectors


def by_hand(checkpoint: Checkpoint, text: str, depth: int, pooling: str, length: int) -> np.ndarray:
    """One text through the module, without batch, cache or padding."""
    import torch

    ids = tokens.tokenise(checkpoint, make_table([text]), length, None).values.astype(np.int64)
    with torch.inference_mode():
        states = checkpoints.load_module(checkpoint, depth=depth)(input_ids=torch.from_numpy(ids)[None])
    hidden = states.last_hidden_state[0]
    ways = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.amax(0), "last": hidden[-1]}
    pooled = (ways | {"sqrt": hidden.sum(0) / len(hidden) ** 0.5})[pooling]
    return np.asarray(pooled.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "albert", "distilbert", "roberta", "mpnet"])
@pytest.mark.parametrize("pooling", embeddings.POOLINGS)
def test_vectors_are_those_of_each_text_alone(
    kind: str, pooling: str, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = checkpoints.find(str(tiny(kind)))
    for depth in (4, 2):  # 2 comes from the pass to 4
        vectors = embeddings.embed(
            checkpoint, make_table(TEXTS), depth=depth, pooling=pooling, length=12, cache=tmp_path
        )
        expected = [by_hand(checkpoint, text, depth, pooling, 12) for text in TEXTS]
        assert np.allclose(vectors, expected, atol=1e-5)
        assert vectors.dtype == np.float32


def test_inner_depths_come_from_the_same_pass(bert: Checkpoint, tmp_path: Path) -> None:
    embeddings.embed(bert, make_table(TEXTS), depth=4, cache=tmp_path)
    assert embeddings.inner_depths(bert, 4) == [2, 3, 4]
    late = Deadline(0.0)  # nothing can be computed any more
    embeddings.embed(bert, make_table(TEXTS), depth=2, cache=tmp_path, deadline=late)
    with pytest.raises(embeddings.Unfinished):
        embeddings.embed(bert, make_table(TEXTS), depth=1, cache=tmp_path, deadline=late)


@pytest.mark.slow
def test_trained_depths_come_from_one_forward_pass(tiny_cycle: Path, tmp_path: Path) -> None:
    checkpoint = checkpoints.find(str(tiny_cycle))
    embeddings.embed(checkpoint, make_table(TEXTS), depth=12, length=12, cache=tmp_path)
    assert embeddings.inner_depths(checkpoint, 12) == [3, 6, 12]
    assert embeddings.inner_depths(checkpoint, 3) == [3]
    late = Deadline(0.0)
    for depth in (3, 6, 12):
        vectors = embeddings.embed(checkpoint, make_table(TEXTS), depth=depth, length=12, cache=tmp_path, deadline=late)
        expected = [by_hand(checkpoint, text, depth, "mean", 12) for text in TEXTS]
        assert np.allclose(vectors, expected, atol=1e-5)


def test_only_texts_never_seen_are_computed(bert: Checkpoint, tmp_path: Path) -> None:
    embeddings.embed(bert, make_table(TEXTS[:3]), depth=4, cache=tmp_path)
    key = embeddings.Setting(4, "mean", 64, "float32").key(bert)
    embeddings.embed(bert, make_table(TEXTS), depth=4, cache=tmp_path)
    sizes = sorted(len(part.hashes) for part in Store(tmp_path, key).segments())
    assert sizes == [2, 3]


@pytest.mark.slow
def test_work_before_a_deadline_is_kept_for_the_next_call(bert: Checkpoint, tmp_path: Path) -> None:
    texts = make_table([f"{i} good film" for i in range(4000)])
    key = embeddings.Setting(4, "mean", 64, "float32").key(bert)
    done = 0
    for seconds in (0.1, 0.2, 60.0):
        try:
            vectors = embeddings.embed(bert, texts, depth=4, cache=tmp_path, deadline=Deadline(seconds))
        except embeddings.Unfinished:
            assert Store(tmp_path, key).holds(texts.hashes).sum() >= done
        done = int(Store(tmp_path, key).holds(texts.hashes).sum())
    assert done == 4000
    assert np.allclose(vectors[7], by_hand(bert, "7 good film", 4, "mean", 128), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(checkpoints.KINDS))
def test_half_precision_is_near_and_has_a_place_of_its_own(
    kind: str, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = checkpoints.find(str(tiny(kind)))
    exact = embeddings.embed(checkpoint, make_table(TEXTS), depth=4, cache=tmp_path)
    near = embeddings.embed(checkpoint, make_table(TEXTS), depth=4, cache=tmp_path, dtype="bfloat16")
    assert 0 < np.abs(exact - near).max() < 0.1


def test_an_unknown_pooling_is_refused(bert: Checkpoint) -> None:
    with pytest.raises(SettingError, match="choose one of mean, cls, max"):
        embeddings.embed(bert, make_table(TEXTS), depth=4, pooling="sum")


def test_an_empty_table_has_no_vectors(bert: Checkpoint, tmp_path: Path) -> None:
    assert embeddings.embed(bert, make_table([]), depth=4, cache=tmp_path).shape == (0, 32)


@given(st.lists(st.integers(1, 300), max_size=200))
def test_batches_hold_every_row_once_within_their_budget(lengths: list[int]) -> None:
    batches = list(embeddings.batches_of(np.array(lengths, np.int64), budget=512))
    assert sorted(i for batch in batches for i in batch.tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(lengths[i] for i in batch) <= 512


# --- the cache


def rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 2**63, n).astype(np.uint64), draw.random((n, 4), np.float32)


def test_rows_come_back_by_their_hash(tmp_path: Path) -> None:
    hashes, values = rows(100)
    store = Store(tmp_path, "a")
    store.append(caches.segment(hashes[:60], values[:60]))
    store.append(caches.segment(hashes[60:90], values[60:90]))
    wanted = hashes[::-1]
    parts = store.segments()
    assert caches.known(parts, wanted).tolist() == store.holds(wanted).tolist() == [False] * 10 + [True] * 90
    found = caches.gather(parts, wanted, 4)
    assert np.array_equal(found[10:], values[:90][::-1])
    assert not found[:10].any()


def test_segments_without_any_wanted_row_are_not_read(tmp_path: Path) -> None:
    hashes, values = rows(90)
    store = Store(tmp_path, "a")
    for part in np.split(np.arange(90), 3):
        store.append(caches.segment(hashes[part], values[part]))
    read = store.segments(hashes[[3, 70]])
    assert len(read) == 2
    assert np.array_equal(caches.gather(read, hashes[[3, 70]], 4), values[[3, 70]])


def test_a_hundred_thousand_rows_are_read_back(tmp_path: Path) -> None:
    hashes, _ = rows(100_000)
    values = np.ones((100_000, 128), np.float32)
    store = Store(tmp_path, "a")
    store.append(caches.segment(hashes, values))
    found = caches.gather(store.segments(), hashes, 128)
    assert found.all()


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_dropped_and_the_others_stay(harm: str, tmp_path: Path) -> None:
    hashes, values = rows(20)
    store = Store(tmp_path, "a")
    store.append(caches.segment(hashes[:10], values[:10]))
    store.append(caches.segment(hashes[10:], values[10:]))
    file = min(tmp_path.rglob("*.safetensors"))
    data = bytearray(file.read_bytes())
    data[-3] ^= 255
    file.write_bytes({"cut": bytes(data[:50]), "flip": bytes(data), "empty": b"", "text": b"not a cache" * 9}[harm])
    assert len(store.segments()) == 1
    assert not file.exists()


def test_damage_costs_time_and_never_a_result(bert: Checkpoint, tmp_path: Path) -> None:
    before = embeddings.embed(bert, make_table(TEXTS), depth=4, cache=tmp_path)
    for file in tmp_path.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-9])
    assert np.allclose(embeddings.embed(bert, make_table(TEXTS), depth=4, cache=tmp_path), before, atol=1e-6)


def test_what_was_used_longest_ago_goes_when_the_folder_is_full(tmp_path: Path) -> None:
    for number, key in enumerate(["old", "new"]):
        hashes, values = rows(1000, seed=number)
        Store(tmp_path, key).append(caches.segment(hashes, values))
        for file in (tmp_path / key).iterdir():
            os.utime(file, (number + 1, number + 1))
    hashes, values = rows(1000, seed=9)
    Store(tmp_path, "newest", limit=60_000).append(caches.segment(hashes, values))
    left = sorted(p.parent.name for p in tmp_path.rglob("*.safetensors"))
    assert left == ["new", "newest"]


def test_a_cache_that_cannot_be_written_costs_no_result(bert: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    vectors = embeddings.embed(bert, make_table(TEXTS), depth=4, cache=tmp_path / "file")
    assert vectors.any()


def _append(folder: str, seed: int) -> None:
    store = Store(Path(folder), "a")
    for part in range(5):
        hashes, values = rows(200, seed=100 * seed + part)
        store.append(caches.segment(hashes, values))
        assert caches.known(store.segments(), hashes).all()


@pytest.mark.slow
def test_two_processes_write_and_read_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_append, args=(str(tmp_path), seed)) for seed in (1, 2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    hashes = np.concatenate([rows(200, seed=100 * seed + part)[0] for seed in (1, 2) for part in range(5)])
    assert Store(tmp_path, "a").holds(hashes).all()


def test_threads_share_a_store(tmp_path: Path) -> None:
    both = [threading.Thread(target=_append, args=(str(tmp_path), seed)) for seed in (1, 2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(Store(tmp_path, "a").segments()) == 10
