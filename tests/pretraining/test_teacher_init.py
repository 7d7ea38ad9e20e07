"""What a student has from its teacher: fewer of its tokens, some of its layers, the gist of its embeddings."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.encoders import checkpoints
from penna.errors import EncoderError, SettingError
from penna.pretraining import architecture, network, teacher_init, vocabulary, vocabulary_pruning
from penna.pretraining.architecture import Shape
from penna.pretraining.batch import Batch
from penna.pretraining.objectives import _teacher

TEXTS = ["The film was good.", "My card is lost, and the money with it!", "A good story, badly reported."]


@pytest.fixture(scope="module")
def whole(minilm: Path) -> vocabulary.Vocabulary:
    return vocabulary.load(minilm)


@pytest.fixture(scope="module")
def pruned(whole: vocabulary.Vocabulary) -> vocabulary.Vocabulary:
    return vocabulary_pruning.prune(whole, TEXTS, 2_000)


def student(vocabulary: vocabulary.Vocabulary, embedding: int = 384, layers: int = 6, kind: str = "albert") -> Shape:
    share = "none" if kind == "bert" or layers == 6 else f"cycle:{layers}"
    shape = architecture.shape(kind, "mini", share, layers=layers, hidden=384, heads=12, embedding=embedding)
    return replace(shape, vocab=vocabulary.size, positions=64)


def test_pruned_vocabulary_tokenizes_its_texts_the_same(whole, pruned):
    assert pruned.size == 2_000
    for text in TEXTS:
        assert pruned.tokenizer.encode(text).tokens == whole.tokenizer.encode(text).tokens


def test_special_tokens_of_a_pair_have_their_new_ids(pruned):
    found = pruned.tokenizer.encode("good", "film")
    assert found.ids == [
        pruned.cls, pruned.tokenizer.token_to_id("good"), pruned.sep, pruned.tokenizer.token_to_id("film"), pruned.sep
    ]  # fmt: skip
    assert found.type_ids == [0, 0, 0, 1, 1]


@given(st.text(st.characters(max_codepoint=126), max_size=40))
@settings(max_examples=50, deadline=None)
def test_no_plain_text_becomes_unknown(pruned, text):
    assert pruned.unk not in pruned.tokenizer.encode(text).ids


def test_a_pruned_vocabulary_is_saved_and_read(pruned, tmp_path):
    vocabulary.save(pruned, tmp_path, 64)
    again = vocabulary.load(tmp_path)
    assert again.tokenizer.get_vocab() == pruned.tokenizer.get_vocab()
    assert np.array_equal(again.starts_word, pruned.starts_word)


def test_unigram_vocabulary_can_be_pruned(tmp_path):
    from penna.pretraining.corpus import Document

    words = ["film", "card", "money", "story", "lost", "good", "bad", "told", "the", "my", "and", "with", "was"]
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(words, 12)) for _ in range(200)]
    large = vocabulary.train([Document(text, "here") for text in texts], "unigram", 47)
    small = vocabulary_pruning.prune(large, ["the film"], 40)
    assert small.size == 40
    assert small.tokenizer.encode("the film").tokens == large.tokenizer.encode("the film").tokens
    assert small.unk not in small.tokenizer.encode("money").ids


@pytest.mark.parametrize("size", [100, 30_523])
def test_a_size_that_cannot_be_kept_is_one_sentence(whole, size):
    with pytest.raises(SettingError, match=r"--vocab-size \d+ cannot be kept of this tokenizer: give "):
        vocabulary_pruning.prune(whole, TEXTS, size)


def test_teacher_maps_ids_of_a_pruned_student(minilm, whole, pruned):
    teacher = _teacher.Teacher(str(minilm), pruned, "float32", "cpu")
    assert teacher.same
    own = np.array([pruned.tokenizer.encode(TEXTS[0]).ids], np.int32)
    batch = Batch(own, np.zeros_like(own, np.int8), np.array([own.shape[1]]), np.array([-1]))
    ids, mask = teacher.read(batch, slice(0, 1))
    assert ids[0].tolist() == whole.tokenizer.encode(TEXTS[0]).ids
    assert mask.all()


def states(made: network.Network, words: vocabulary.Vocabulary) -> torch.Tensor:
    ids = torch.tensor([words.tokenizer.encode(TEXTS[1]).ids])
    with torch.no_grad():
        return made.eval()(ids, torch.zeros_like(ids), None, [made.shape.layers])[-1].last


@pytest.mark.slow
def test_a_student_of_the_same_measures_begins_as_its_teacher(minilm, whole):
    shape = student(whole, kind="bert")
    made = network.build(shape, whole.pad, seed=0)
    teacher = checkpoints.find(str(minilm))
    teacher_init.borrow(made, teacher, whole, "auto")
    ids = torch.tensor([whole.tokenizer.encode(TEXTS[1]).ids])
    with torch.no_grad():
        theirs = checkpoints.load_module(teacher)(input_ids=ids).last_hidden_state
    assert torch.allclose(states(made, whole), theirs, atol=1e-4)


def test_a_narrow_student_begins_near_its_teacher(minilm, pruned):
    """All six layers, embeddings of a third of the width: far nearer than with random weights."""
    teacher = checkpoints.find(str(minilm))
    shape = student(pruned, embedding=128)
    plain = network.build(shape, pruned.pad, seed=0)
    made = network.build(shape, pruned.pad, seed=0)
    teacher_init.borrow(made, teacher, pruned, "auto")
    reader = _teacher.Teacher(str(minilm), pruned, "float32", "cpu")
    ids = torch.from_numpy(reader.number[np.array([pruned.tokenizer.encode(TEXTS[1]).ids])]).long()
    with torch.no_grad():
        theirs = reader.module(input_ids=ids).last_hidden_state

    def near(one: network.Network) -> float:
        return float(torch.cosine_similarity(states(one, pruned).mean(1), theirs.mean(1)))

    assert near(made) > 0.7 > near(plain)


def test_a_cycle_takes_as_many_layers_as_it_has(minilm, pruned):
    made = network.build(student(pruned, embedding=128, layers=3), pruned.pad, seed=0)
    teacher = checkpoints.find(str(minilm))
    teacher_init.borrow(made, teacher, pruned, "2,4,6")
    theirs = checkpoints.load_module(teacher)
    for layer, number in zip(made.parts.layers, (1, 3, 5), strict=True):
        assert torch.equal(layer.ffn.weight, theirs.encoder.layer[number].intermediate.dense.weight)


@pytest.mark.parametrize("which", ["1,2", "1,2,7", "first", "0,1,2"])
def test_layers_that_cannot_be_are_one_sentence(which):
    with pytest.raises(SettingError, match="so name 3 of the teacher's, 1 to 6, like 1,3,5; or write auto"):
        teacher_init.chosen(which, 3, 6)


def test_teacher_of_another_width_names_possible_measures(tiny: Callable[[str], Path], minilm, whole):
    made = network.build(student(whole), whole.pad, seed=0)
    with pytest.raises(EncoderError, match="is made for --hidden-size 32 --heads 4 --intermediate-size"):
        teacher_init.borrow(made, checkpoints.find(str(tiny("bert"))), whole, "auto")


def test_a_teacher_that_does_not_know_the_tokens_is_refused(minilm, tiny: Callable[[str], Path]):
    words = vocabulary.load(tiny("bert"))
    known = checkpoints.load_tokenizer(checkpoints.find(str(minilm))).get_vocab()
    assert not set(words.tokenizer.get_vocab()) <= set(known)
    made = network.build(student(words), words.pad, seed=0)
    with pytest.raises(EncoderError, match="of the student's tokens: give its folder as --tokenizer"):
        teacher_init.borrow(made, checkpoints.find(str(minilm)), words, "auto")
