"""Saying tokens one after the other: the likeliest each time, or the likeliest row, and always an end."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna.encoders.subword_tokenizer import BEGIN, END
from penna.runtime import beam_search

TOKENS = 6


class Chain:
    """A decoder whose next token depends on the source and the last token alone: (sources, tokens, tokens) chances."""

    def __init__(self, chances, each=1):
        self.scores = np.log(chances)
        self.sources = np.repeat(np.arange(len(chances)), each)
        self.each, self.asked = each, 0

    def next(self, tokens, most):
        self.asked += len(tokens)
        scores = self.scores[self.sources, tokens[:, 0]]
        order = np.argsort(-scores, axis=1, kind="stable")[:, :most]
        return order, np.take_along_axis(scores, order, axis=1)

    def follow(self, sources, rows):
        self.sources = self.sources[rows]


def chances(seed, sources=3):
    made = np.random.default_rng(seed).dirichlet(np.ones(TOKENS - 2), (sources, TOKENS))
    # Nothing begins anew, and nothing fills up.
    return np.concatenate([np.full((sources, TOKENS, 1), 1e-30), made[:, :, :1], np.full((sources, TOKENS, 1), 1e-30),
                           made[:, :, 1:]], axis=2)  # fmt: skip


def worth(scores, row, limit, penalty):
    tokens = [BEGIN, *row, *([END] if len(row) < limit else [])]
    return sum(scores[a, b] for a, b in itertools.pairwise(tokens)) / ((4 + len(tokens)) / 6) ** penalty


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_every_row_ends_at_its_limit_at_the_latest(seed, limits):
    made = chances(seed, len(limits))
    for said in (
        beam_search.greedy(Chain(made), np.array(limits)),
        beam_search.beam(Chain(made, 3), np.array(limits), 3, 1.0),
    ):
        assert [len(row) <= limit for row, limit in zip(said, limits, strict=True)] == [True] * len(limits)
        assert all(END not in row for row in said)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_enough_beams_find_the_best_of_all_rows(seed):
    made, limit = chances(seed, 2), 3
    words = [t for t in range(TOKENS) if t not in (0, BEGIN, END)]
    every = [list(row) for n in range(limit + 1) for row in itertools.product(words, repeat=n)]
    # No penalty: then no row that goes on can become better than it is, and no search ends too early.
    said = beam_search.beam(Chain(made, 40), np.array([limit, limit]), 40, 0.0)
    ended = [row for row in every if len(row) < limit]
    for source, row in enumerate(said):
        best = max(worth(np.log(made[source]), r, limit, 0.0) for r in ended)
        assert worth(np.log(made[source]), row, limit, 0.0) == pytest.approx(best)


def test_one_beam_equals_greedy_search():
    made = chances(1, 8)
    made[:, :, END] = 2.0  # from anywhere, the end is likeliest
    made[:, BEGIN, END] = 1e-9
    limits = np.full(8, 6)
    assert beam_search.beam(Chain(made), limits, 1, 0.0) == beam_search.greedy(Chain(made), limits)


def test_sources_that_are_done_leave_the_batch():
    made = np.full((8, TOKENS, TOKENS), 1e-9)
    made[:4, :, END] = 1
    made[4:, :, 4] = 1
    decoder = Chain(made)
    said = beam_search.greedy(decoder, np.full(8, 10))
    assert said == [[]] * 4 + [[4] * 10] * 4
    assert decoder.asked == 8 + 9 * 4
