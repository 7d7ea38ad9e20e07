"""Tags in their order: the loss of a chain and its marginals against every row of tags that there is."""

import itertools

import numpy as np
import pytest
import torch

from penna.heads.crf_marginals import NEVER, marginals
from penna.metrics import entities
from penna.training import linear_chain, losses

K, LENGTHS = 3, (4, 1, 0, 3)


def made(seed=0):
    """Random (4, 4, 3) scores and (3, 3) steps, in which an inside tag only follows its own, and legal tags."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (len(LENGTHS), max(LENGTHS), K)).astype(np.float32)
    steps = np.where(entities.legal(K), rng.normal(0, 1, (K, K)), NEVER).astype(np.float32)
    y = np.full((len(LENGTHS), max(LENGTHS) + 2, ), -100)  # fmt: skip
    for row, tags in enumerate([(0, 1, 2, 1), (1,), (), (1, 2, 2)]):
        y[row, : len(tags)] = tags
    return scores, steps, y


def every(scores, steps, length):
    """Each row of so many tags, and its weight."""
    rows = list(itertools.product(range(K), repeat=length))
    weights = [
        np.exp(
            sum(float(scores[i, tag]) for i, tag in enumerate(row))
            + sum(float(steps[a, b]) for a, b in itertools.pairwise(row))
        )
        for row in rows
    ]
    return rows, np.array(weights)


def logits_of(scores, steps):
    return torch.cat([torch.from_numpy(scores), torch.from_numpy(steps).expand(len(scores), -1, -1)], dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_what_counting_every_row_of_tags_gives(seed):
    scores, steps, y = made(seed)
    found = losses.LOSSES["chain"](logits_of(scores, steps), torch.from_numpy(y), None, 0.0).numpy()
    for i, length in enumerate(LENGTHS):
        rows, weights = every(scores[i], steps, length)
        share = weights[rows.index(tuple(y[i, :length]))] / weights.sum()
        assert found[i] == pytest.approx(-np.log(share) * len(LENGTHS) / sum(LENGTHS), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_marginals_in_torch_and_in_numpy_are_what_counting_gives(seed):
    scores, steps, _ = made(seed)
    there = torch.arange(max(LENGTHS))[None] < torch.tensor(LENGTHS)[:, None]
    in_torch = linear_chain.marginals(logits_of(scores, steps), there).numpy()
    flat = np.concatenate([scores[i, :n] for i, n in enumerate(LENGTHS)])
    in_numpy = marginals(flat, np.array(LENGTHS), steps)
    for i, length in enumerate(LENGTHS):
        rows, weights = every(scores[i], steps, length)
        counted = np.zeros((length, K))
        for row, weight in zip(rows, weights, strict=True):
            counted[np.arange(length), list(row)] += weight / weights.sum()
        np.testing.assert_allclose(in_torch[i, :length], counted, atol=1e-5)
        np.testing.assert_allclose(in_numpy[i], counted, atol=1e-5)


def test_a_very_long_row_among_short_ones_is_counted_through():
    rng = np.random.default_rng(0)
    lengths = np.array([3, 20_000, 2, 0])
    scores = rng.normal(0, 30, (lengths.sum(), K)).astype(np.float32)
    steps = np.where(entities.legal(K), 0, NEVER).astype(np.float32)
    found = marginals(scores, lengths, steps)
    assert [len(row) for row in found] == lengths.tolist()
    assert all(np.isfinite(row).all() for row in found)
    np.testing.assert_allclose(found[1].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[0], marginals(scores[:3], lengths[:1], steps)[0], atol=1e-6)


def test_surer_scores_than_numbers_can_hold_have_gradients():
    scores, steps, y = made()
    logits = logits_of(1e4 * scores, steps).requires_grad_()
    linear_chain.loss(logits, torch.from_numpy(y)).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_scores_of_any_size_are_counted_through():
    rng = np.random.default_rng(0)
    scores, steps = 2000 * rng.standard_normal((60, 5)), 800 * rng.standard_normal((5, 5))
    for found in marginals(scores, np.array([50, 10]), steps):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
