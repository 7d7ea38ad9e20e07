"""Greedy decoding and beam search: the choice of the output tokens, one after the other. Knows NumPy only.

A row ends with ``END`` or at its limit, so decoding always terminates; finished sources leave the batch.
"""

from typing import Protocol

import numpy as np

from penna.data.arrays import Array
from penna.encoders.subword_tokenizer import BEGIN, END

#: Finished sources leave the batch once they are this share of it: each time, the past of the others is copied.
_LEAVING = 0.125


class Decoder(Protocol):
    """A model that gives the next tokens, for the same number of rows of each source."""

    def next(self, tokens: Array, most: int) -> tuple[Array, Array]:
        """Return the ``most`` likeliest next tokens (n, most) and their log-probabilities, from the last tokens (n, 1).

        Return fewer if the vocabulary is smaller.
        """
        ...

    def follow(self, sources: Array | None, rows: Array) -> None:
        """Continue with these rows and these sources (None: all), in this order."""
        ...


def greedy(decoder: Decoder, limits: Array) -> list[list[int]]:
    """Return the likeliest token at each step for each source, without ``END``; limits (b,) are at least 1."""
    output = np.full((len(limits), int(limits.max(initial=1))), END, np.int32)
    active = np.arange(len(limits))  # the sources in the batch
    tokens = np.full((len(limits), 1), BEGIN, np.int32)
    open_ = np.ones(len(limits), bool)
    for place in range(output.shape[1]):
        tokens = decoder.next(tokens, 1)[0].astype(np.int32)
        output[active[open_], place] = tokens[open_, 0]
        open_ &= (tokens[:, 0] != END) & (place + 1 < limits[active])
        if not open_.any():
            break
        if (~open_).sum() > _LEAVING * len(open_):
            stay = np.flatnonzero(open_)
            decoder.follow(stay, stay)
            active, tokens, open_ = active[stay], tokens[stay], open_[stay]
    return [_before_end(row) for row in output]


def beam(decoder: Decoder, limits: Array, beams: int, penalty: float) -> list[list[int]]:
    """Return the best row of tokens for each source, by a beam search with ``beams`` rows.

    The score of a row is the sum of its log-probabilities over ((5 + length) / 6) ** ``penalty`` (Wu et al. 2016,
    arXiv 1609.08144, section 7).
    """
    b, longest = len(limits), int(limits.max(initial=1))
    active = np.arange(b)
    output = np.full((b, beams, longest), END, np.int32)
    sums = np.tile(np.where(np.arange(beams) == 0, 0.0, -np.inf), (b, 1))  # all rows start equal: only one counts
    tokens = np.full((b * beams, 1), BEGIN, np.int32)
    best, best_output = np.full(b, -np.inf), np.full((b, longest), END, np.int32)
    for place in range(longest):
        worth = ((6 + place) / 6) ** penalty  # for rows that end here
        likely, scores = decoder.next(tokens, 2 * beams)
        total = (sums.reshape(-1, 1) + scores).reshape(len(active), -1)
        order = np.argsort(-total, axis=1, kind="stable")[:, : 2 * beams]
        parent, at = order // scores.shape[1], np.arange(len(active))[:, None]
        token = likely.reshape(len(active), -1)[at, order].astype(np.int32)
        total = total[at, order]
        ends = token == END
        _take_ended(best, best_output, active, output, parent, np.where(ends, total, -np.inf)[:, :beams] / worth, place)
        going = np.argsort(ends, axis=1, kind="stable")[:, :beams]  # a row ends once: enough rows continue
        sums, parent, token = total[at, going], parent[at, going], token[at, going]
        output = output[at, parent]
        output[:, :, place] = token
        over = place + 1 >= limits[active]
        _take_cut(best, best_output, active, output, sums / worth, over)
        stay = np.flatnonzero(~over & (best[active] < sums[:, 0] / worth))
        if not len(stay):
            break
        rows = (at * beams + parent)[stay].ravel()
        decoder.follow(None if len(stay) == len(active) else stay, rows)
        active, output, sums, tokens = active[stay], output[stay], sums[stay], token[stay].reshape(-1, 1)
    return [_before_end(row) for row in best_output]


def _take_ended(
    best: Array, best_output: Array, active: Array, output: Array, parent: Array, worths: Array, place: int
) -> None:
    """Store the rows that end here if they are better than the best of their source."""
    first = worths.argmax(axis=1)
    at = np.arange(len(active))
    better = np.flatnonzero(worths[at, first] > best[active])
    best[active[better]] = worths[better, first[better]]
    best_output[active[better]] = END
    best_output[active[better], :place] = output[better, parent[better, first[better]], :place]


def _take_cut(best: Array, best_output: Array, active: Array, output: Array, worths: Array, over: Array) -> None:
    """Store the best unfinished row of each source at its limit without a finished row."""
    cut = np.flatnonzero(over & ~np.isfinite(best[active]))
    best[active[cut]] = worths[cut, 0]
    best_output[active[cut]] = output[cut, 0]


def _before_end(row: Array) -> list[int]:
    ends = np.flatnonzero(row == END)
    tokens: list[int] = row[: ends[0]].tolist() if len(ends) else row.tolist()
    return tokens
