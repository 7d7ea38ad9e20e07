"""Pretraining objectives: masks, pairs and a teacher, each on small real batches."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import plugins
from penna.errors import EncoderError, SettingError
from penna.pretraining import architecture, network, vocabulary
from penna.pretraining.batch import Batch
from penna.pretraining.objectives import _spans, _teacher, distil
from penna.pretraining.objectives._entropy import entropy
from penna.pretraining.objectives.base import Terms, parsed, rows
from penna.pretraining.settings import OBJECTIVES
from penna.pretraining.source import Goal, Source
from penna.pretraining.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def words(tiny: Callable[[str], Path]) -> Vocabulary:
    """The 160 tokens of the small encoders: whole words, letters, and letters that go on ("##a")."""
    return vocabulary.load(tiny("bert"))


def batch(words: Vocabulary, count: int = 6, width: int = 24, seed: int = 0) -> Batch:
    """Pairs of segments of random words; rows differ in length."""
    draw = np.random.default_rng(seed)
    ordinary = np.flatnonzero(~words.special)
    lengths = draw.integers(8, width + 1, count)
    lengths[0] = width
    ids = draw.choice(ordinary, (count, width)).astype(np.int32)
    ids[:, 0] = words.cls
    types = np.zeros((count, width), np.int8)
    for row, length in enumerate(lengths):
        middle = length // 2
        ids[row, [middle, length - 1]] = words.sep
        ids[row, length:] = words.pad
        types[row, middle + 1 : length] = 1
    return Batch(ids, types, lengths.astype(np.int64), draw.integers(-1, 2, count).astype(np.int64))


class Numbered:
    """Batches by number, as segments give them."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words

    def batch(self, number: int) -> Batch:
        return batch(self.words, seed=number)


def masked(words: Vocabulary, made: Batch, rate: float = 0.15, ngrams: int = 3, seed: int = 0) -> _spans.Masked:
    everything = slice(0, len(made.ids))
    return _spans.mask(made, words, everything, rate, ngrams, np.random.default_rng(seed))


def small(words: Vocabulary, kind: str = "bert") -> network.Network:
    shape = architecture.shape(kind, "tiny", layers=2, hidden=32, heads=4)
    return network.build(replace(shape, vocab=words.size, positions=32), words.pad, seed=0)


def goal(words: Vocabulary, name: str, **terms: object) -> Goal:
    made = Terms(vocabulary=words, width=32, length=24, **terms)
    return Goal(name, 1.0, plugins.find(OBJECTIVES, name).make(made))


def learnt(net: network.Network, words: Vocabulary, goals: list[Goal], clean: float = 0.5) -> dict[str, float]:
    """Measures of one batch, after a backward pass."""
    from penna.pretraining import loop

    made = Source(Numbered(words), goals, clean=clean).make(3, 0.0)
    loss, measures = loop.losses(net, goals, made, {2: 1.0})
    loss.backward()
    assert torch.isfinite(loss)
    return {name: float(total / count) for name, (total, count) in measures.items() if count}


def test_the_folder_is_the_registry():
    assert {"distil", "mlm", "nsp", "sop"} <= set(plugins.names(OBJECTIVES))
    assert all(callable(plugins.find(OBJECTIVES, name).make) for name in plugins.names(OBJECTIVES))


@given(rate=st.floats(0.02, 0.8), ngrams=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_masks_touch_whole_words_and_nothing_else(words, rate, ngrams, seed):
    made = batch(words, seed=seed)
    out = masked(words, made, rate, ngrams, seed)
    before, after = made.ids.reshape(-1), out.ids.reshape(-1)
    assert np.array_equal(before[out.positions], out.labels)
    elsewhere = np.ones(before.size, bool)
    elsewhere[out.positions] = False
    assert np.array_equal(before[elsewhere], after[elsewhere])
    assert not words.special[out.labels].any()
    assert not words.special[after[out.positions]][after[out.positions] != words.mask].any()
    hidden = ~elsewhere
    goes_on = ~words.starts_word[before] & ~words.special[before]
    goes_on[0] = False
    inside = np.flatnonzero(goes_on & ~words.special[np.roll(before, 1)])
    assert np.array_equal(hidden[inside], hidden[inside - 1])  # what goes on a word shares its fate
    assert len(np.unique(out.positions // made.ids.shape[1])) == len(made.ids)  # every row has something to learn


def test_mask_rate_holds_and_spans_have_up_to_three_words(words):
    hits = tokens = 0
    runs = np.zeros(40)
    for seed in range(40):
        made = batch(words, 32, 128, seed)
        out = masked(words, made, 0.15, 3, seed)
        hits += len(out.positions)
        tokens += int((~words.special[made.ids]).sum())
        runs[seed] = np.mean(np.diff(np.sort(out.positions)) == 1)
    assert hits / tokens == pytest.approx(0.15, abs=0.01)
    alone = np.mean(np.diff(np.sort(masked(words, made, 0.15, 1, 0).positions)) == 1)
    assert runs.mean() > alone  # spans stand together more often than single words do


def test_eight_of_ten_are_masked_one_is_another_token_one_stays(words):
    made = batch(words, 64, 128)
    out = masked(words, made, 0.5)
    now = out.ids.reshape(-1)[out.positions]
    assert np.mean(now == words.mask) == pytest.approx(0.8, abs=0.03)
    assert np.mean(now == out.labels) == pytest.approx(0.1, abs=0.03)


def test_masks_are_a_pure_function_of_seed_and_number(words):
    source = Source(Numbered(words), [goal(words, "mlm")])
    first, again, next_one = source.make(7, 0.2), source.make(7, 0.2), source.make(8, 0.2)
    assert torch.equal(first.inputs["ids"], again.inputs["ids"])
    assert torch.equal(first.inputs["mlm.positions"], again.inputs["mlm.positions"])
    assert not torch.equal(first.inputs["mlm.positions"], next_one.inputs["mlm.positions"])


def test_the_rate_moves_along_its_line(words):
    objective = goal(words, "mlm", rate=(0.3, 0.1)).objective
    assert [round(objective.rate(p), 2) for p in (-1, 0, 0.5, 1, 2)] == [0.3, 0.3, 0.2, 0.1, 0.1]


def test_a_text_of_special_tokens_alone_has_nothing_to_mask(words):
    ids = np.array([[words.cls, words.sep]], np.int32)
    made = Batch(ids, np.zeros_like(ids, np.int8), np.array([2]), np.array([-1]))
    assert len(masked(words, made).positions) == 0


@pytest.mark.parametrize("kind", ["albert", "bert"])
def test_masked_words_and_order_have_losses_and_measures(words, kind):
    net = small(words, kind)
    told = learnt(net, words, [goal(words, "mlm"), goal(words, "sop")])
    assert set(told) == {"mlm", "mlm accuracy", "sop", "sop accuracy"}
    assert told["mlm"] == pytest.approx(np.log(words.size), rel=0.1)
    assert told["sop"] == pytest.approx(np.log(2), rel=0.2)
    assert all(p.grad is not None for p in net.parameters())


def test_rows_without_a_pair_have_no_loss(words):
    net, objective = small(words), goal(words, "nsp").objective
    made = batch(words)
    states = net(torch.from_numpy(made.ids.astype(np.int64)), torch.from_numpy(made.types.astype(np.int64)), None, (2,))
    lonely = {"pair": torch.full((6,), -1)}
    loss, measures = objective.loss(net, states[0], lonely)
    assert loss.item() == 0.0
    assert measures["nsp"][1] == 0
    loss.backward()
    assert net.model.cls.seq_relationship.weight.grad is not None


def test_teacher_with_equal_tokens_distills_hidden_states(words, tiny):
    net = small(words)
    told = learnt(net, words, [goal(words, "mlm"), goal(words, "distil", teacher=str(tiny("bert")))])
    assert {"distil cosine", "distil token cosine", "distil similarity"} < set(told)
    assert -1 <= told["distil cosine"] <= 1


def test_a_student_that_is_its_teacher_has_nothing_left_to_learn(words, tiny):
    from penna.encoders import checkpoints, config

    folder = tiny("bert")
    shape = architecture.of_config("it", config.read("it", folder))
    net, _ = network.load(checkpoints.describe("it", folder), shape, dropout=0.0)
    objective = goal(words, "distil", teacher=str(folder), parts="pooled,tokens,similarity,relations")
    from penna.pretraining import loop

    made = Source(Numbered(words), [objective]).make(0, 0.0)
    inputs = dict(made.inputs)
    # The library's encoder reads types of 0 where it is given none.
    blank = torch.zeros_like(inputs["types"])
    made = replace(made, inputs=inputs | {"types": blank})
    loss, measures = loop.losses(net, [objective], made, {4: 1.0})
    assert loss.item() == pytest.approx(0.0, abs=1e-4)
    assert set(measures) == {"distil cosine", "distil token cosine", "distil similarity", "distil relations"}


def test_wider_teacher_uses_a_learned_projection(words, tiny):
    folder = tiny("bert")
    objective = distil.make(Terms(words, width=16, length=24, teacher=str(folder)))
    assert {name for name, _ in objective.module.named_parameters()} == {"pooled.weight", "tokens.weight"}
    assert objective.flops > 0


def test_a_teacher_with_other_tokens_reads_the_text_in_its_own(words, minilm):
    net = small(words)
    told = learnt(net, words, [goal(words, "distil", teacher=str(minilm))])
    assert set(told) == {"distil cosine", "distil similarity"}


def test_hidden_states_of_other_tokens_are_refused(words, minilm):
    with pytest.raises(EncoderError, match="no hidden states to compare"):
        goal(words, "distil", teacher=str(minilm), parts="pooled,tokens")


def test_a_teacher_that_reads_less_is_refused(words, tiny):
    with pytest.raises(EncoderError, match="reads 64 tokens, not 128"):
        distil.make(Terms(words, width=32, length=128, teacher=str(tiny("bert"))))


def test_relations_need_a_teacher_that_shows_them(tiny):
    folder = tiny("distilbert")
    with pytest.raises(EncoderError, match="leave relations out"):
        goal(vocabulary.load(folder), "distil", teacher=str(folder), parts="relations")


def test_distil_without_a_teacher_is_refused(words):
    with pytest.raises(SettingError, match="needs a teacher"):
        goal(words, "distil")


def test_the_clean_rows_are_those_that_no_mask_touches(words, tiny):
    goals = [goal(words, "mlm"), goal(words, "distil", teacher=str(tiny("bert")))]
    made = Source(Numbered(words), goals, clean=0.5).make(1, 0.0)
    clean = made.views["clean"]
    assert (clean.start, clean.stop) == (3, 6)
    original = torch.from_numpy(batch(words, seed=1).ids.astype(np.int64))
    assert torch.equal(made.inputs["ids"][clean], original[clean])
    assert not torch.equal(made.inputs["ids"][made.views["masked"]], original[made.views["masked"]])


@given(count=st.integers(1, 300), clean=st.floats(0, 1))
def test_no_view_is_ever_empty(count, clean):
    for views in ({"masked"}, {"clean"}, {"masked", "clean", "any"}):
        for part in rows(count, views, clean).values():
            assert 0 <= part.start < part.stop <= count


@pytest.mark.parametrize("text", ["", "mlm:0", "mlm:-1", "mlm:x", "mlm,mlm", "rtd", "mlm:1e9", ":2"])
def test_weights_that_cannot_be_are_one_sentence(text):
    with pytest.raises(SettingError, match="--objectives"):
        parsed(text, "--objectives", ["mlm", "sop"])


def test_both_widths_are_cut_into_equal_parts():
    assert 16 % _teacher.heads(32, 48) == 0
    assert _teacher.heads(384, 384) == 16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_entropy_and_its_gradient_are_those_of_torch(dtype):
    draw = torch.Generator().manual_seed(0)
    logits = (5 * torch.randn(40, 300, generator=draw)).to(dtype).requires_grad_()
    labels = torch.randint(0, 300, (40,), generator=draw)
    mine, theirs = entropy(logits, labels), torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
    (own,) = torch.autograd.grad(mine / 7, logits)
    (other,) = torch.autograd.grad(theirs / 7, logits)
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert torch.allclose(own, other, atol=1e-6 if dtype == torch.float32 else 2e-3)


def test_the_entropy_of_what_was_held_impossible_is_finite():
    loss = entropy(torch.tensor([[0.0, 1e4]]), torch.tensor([0]))
    assert 80 < loss.item() < 1e3
