"""The training loop, its batches, its optimiser and its probe, on a small real network."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from penna.budget import Deadline
from penna.training import batches, loop, optimizer, precision, throughput


class Bag(nn.Module):
    """Word vectors, their mean, a head: the smallest network that learns from ids and a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {
                "embeddings": nn.ModuleDict({"word": nn.Embedding(20, 8)}),
                "layer": nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)]),
            }
        )
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.unsqueeze(-1)
        hidden = (self.encoder["embeddings"]["word"](input_ids) * mask).sum(1) / mask.sum(1)
        for layer in self.encoder["layer"]:
            hidden = hidden + torch.tanh(layer(hidden))
        return self.head(self.dropout(hidden))


def rows(n: int = 200) -> loop.Rows:
    """Rows of 2 to 9 ids; the class is whether id 3 occurs."""
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 20, rng.integers(2, 10)) for _ in range(n)]
    lengths = np.array([len(t) for t in texts])

    def inputs(index: batches.Index) -> loop.Inputs:
        ids = np.zeros((len(index), lengths[index].max()), np.int64)
        for i, j in enumerate(index):
            ids[i, : lengths[j]] = texts[j]
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy((ids > 0).astype(np.int64))}

    return loop.Rows(lengths, inputs, np.array([int(3 in t) for t in texts]))


def network() -> Bag:
    torch.manual_seed(0)
    return Bag()


PLAN = loop.Plan(steps=120, batch=16, rates=optimizer.Rates(body=3e-2, head=1.0), checks=4)


def accuracy(net: Bag, data: loop.Rows) -> float:
    logits = loop.outputs(net, data.lengths, data.inputs, 64, "float32")
    return float((logits.argmax(1).numpy() == data.y).mean())


def test_training_learns_and_reports_its_curve() -> None:
    net, data = network(), rows()
    seen: list[tuple[int, int]] = []
    outcome = loop.train(
        net, data, PLAN, Deadline(60), lambda: accuracy(net, data), lambda s, of, x: seen.append((s, of)) or True
    )
    assert outcome.why == "done"
    assert outcome.score is not None
    assert outcome.score > 0.9
    assert seen == [(30, 120), (60, 120), (90, 120), (120, 120)]


def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    trained = []
    for _ in range(2):
        net = network()
        torch.rand(3)  # what others draw from the global generator must not matter
        loop.train(net, rows(), PLAN, Deadline(60))
        trained.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    assert torch.equal(*trained)


def test_training_leaves_the_global_generator_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    net = network()
    torch.manual_seed(5)
    loop.train(net, rows(), PLAN, Deadline(60))
    assert torch.equal(torch.rand(1), expected)


def test_the_best_weights_are_kept_when_later_ones_are_worse() -> None:
    net, data = network(), rows()
    scores = iter([0.5, 0.9, 0.4, 0.3])
    kept: list[torch.Tensor] = []

    def score() -> float:
        kept.append(net.head.weight.detach().clone())
        return next(scores)

    outcome = loop.train(net, data, PLAN, Deadline(60), score)
    assert outcome.score == 0.9
    assert torch.equal(net.head.weight, kept[1])


def test_training_stops_when_report_returns_false() -> None:
    net = network()
    outcome = loop.train(net, rows(), PLAN, Deadline(60), lambda: 0.5, lambda step, of, score: False)
    assert (outcome.why, outcome.steps) == ("pruned", 30)


def test_training_stops_early_when_the_score_no_longer_rises() -> None:
    net, falling = network(), iter([0.9, 0.8, 0.7, 0.6])
    outcome = loop.train(
        net, rows(), loop.Plan(steps=120, batch=16, checks=4, patience=2), Deadline(60), lambda: next(falling)
    )
    assert (outcome.why, outcome.steps) == ("patience", 90)


def test_plan_shortened_by_deadline_still_ends_at_rate_zero() -> None:
    net, data = network(), rows()
    slow_inputs = data.inputs

    def inputs(index: batches.Index) -> loop.Inputs:
        time.sleep(0.01)
        return slow_inputs(index)

    run = loop._Run(
        net,
        loop.Rows(data.lengths, inputs, data.y),
        loop.Plan(steps=100_000, batch=16),
        Deadline(1.0),
        None,
        lambda *_: True,
    )
    outcome = run.all()
    assert outcome.why == "deadline"
    assert 0 < outcome.steps <= 100  # each takes a hundredth of the second, or more
    last = max(group["lr"] / group["peak"] for group in run.optimiser.param_groups)
    assert last < 0.1


def test_a_deadline_that_has_passed_gives_no_step() -> None:
    outcome = loop.train(network(), rows(), PLAN, Deadline(-1))
    assert (outcome.steps, outcome.why) == (0, "deadline")


def test_a_loss_that_is_not_a_number_is_refused() -> None:
    net = network()
    with torch.no_grad():
        net.head.bias.fill_(float("nan"))
    with pytest.raises(loop.Diverged, match="lower the learning rate"):
        loop.train(net, rows(), PLAN, Deadline(60))


def test_a_loss_that_breaks_later_leaves_the_best_weights() -> None:
    net, data = network(), rows()
    calls = [0]

    def inputs(index: batches.Index) -> loop.Inputs:
        calls[0] += 1
        if calls[0] == 40:
            with torch.no_grad():
                net.head.bias.fill_(float("nan"))
        return data.inputs(index)

    outcome = loop.train(net, loop.Rows(data.lengths, inputs, data.y), PLAN, Deadline(60), lambda: 0.7)
    assert outcome.score == 0.7
    assert torch.isfinite(net.head.bias).all()


def test_nan_score_keeps_best_weights_and_stays_off_the_curve() -> None:
    net, scores = network(), iter([0.7, float("nan")])
    outcome = loop.train(net, rows(), PLAN, Deadline(60), lambda: next(scores))
    assert outcome.score == 0.7
    assert [score for _, score in outcome.curve] == [0.7]
    with pytest.raises(loop.Diverged, match="score is not a number"):
        loop.train(network(), rows(), PLAN, Deadline(60), lambda: float("nan"))


@given(lengths=st.lists(st.integers(1, 500), min_size=1, max_size=300), size=st.integers(1, 40), seed=st.integers(0, 9))
def test_every_row_is_in_exactly_one_batch_of_an_epoch(lengths: list[int], size: int, seed: int) -> None:
    made = batches.shuffled(np.array(lengths), size, np.random.default_rng(seed))
    assert sorted(np.concatenate(made).tolist()) == list(range(len(lengths)))
    assert max(len(batch) for batch in made) <= size
    assert sorted(np.concatenate(batches.ordered(np.array(lengths), size)).tolist()) == list(range(len(lengths)))


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 1600)
    made = batches.shuffled(lengths, 32, np.random.default_rng(1))
    padded = sum(len(b) * lengths[b].max() for b in made)
    assert padded < 1.1 * lengths.sum()


def test_each_parameter_learns_at_the_rate_of_its_place() -> None:
    net = network()
    rates = optimizer.Rates(body=1e-3, head=10.0, embeddings=0.5, layer_decay=0.5, weight_decay=0.01)
    adamw = optimizer.adamw(net, rates)
    by_name = {
        name: (group["peak"], group["weight_decay"])
        for group in adamw.param_groups
        for name, p in net.named_parameters()
        if any(p is q for q in group["params"])
    }
    assert by_name["head.weight"] == (pytest.approx(1e-2), 0.01)
    assert by_name["head.bias"] == (pytest.approx(1e-2), 0.0)
    assert by_name["encoder.layer.1.weight"] == (pytest.approx(1e-3), 0.01)
    assert by_name["encoder.layer.0.weight"] == (pytest.approx(5e-4), 0.01)
    assert by_name["encoder.embeddings.word.weight"] == (pytest.approx(1.25e-4), 0.0)


def test_frozen_layers_take_the_embeddings_with_them() -> None:
    net = network()
    optimizer.freeze(net, 1, embeddings=False)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == [
        "encoder.layer.1.weight",
        "encoder.layer.1.bias",
        "head.weight",
        "head.bias",
    ]


def test_the_number_format_probe_is_remembered() -> None:
    precision.gemm_rates.cache_clear()
    rates = precision.gemm_rates()
    assert rates is precision.gemm_rates()
    assert rates["float32"] > 0
    assert precision.fastest_dtype() in ("bfloat16", "float32")


def test_the_measured_pace_is_positive() -> None:
    pace = throughput.measure(network(), rows(), PLAN, seconds=0.5)
    assert pace.step > 0
    assert pace.row > 0
    assert pace.alone > 0
