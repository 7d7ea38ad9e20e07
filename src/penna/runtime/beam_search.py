"""Which tokens to say, one after the other: the likeliest each time, or the likeliest row of them. Knows numpy alone.

A row ends with ``END`` or at its limit, so that nothing goes on for ever; sources that are done leave the batch.
"""

from typing import Protocol

import numpy as np

from penna.data.arrays import Array
from penna.encoders.subword_tokenizer import BEGIN, END

#: Sources leave the batch once so many of it are done: each leaving copies what the others remember.
_LEAVING = 0.125


class Decoder(Protocol):
    """What goes on from one token to the next, for equally many rows of each source."""

    def next(self, tokens: Array, most: int) -> tuple[Array, Array]:
        """(n, 1) last tokens of all rows -> the ``most`` likeliest next ones (n, most), and their log-probabilities.

        Fewer where there are no more.
        """
        ...

    def follow(self, sources: Array | None, rows: Array) -> None:
        """Go on with these rows, and these sources (None: all of them), in this order."""
        ...


def greedy(decoder: Decoder, limits: Array) -> list[list[int]]:
    """For each source the tokens that are likeliest at each step, ``END`` left out; limits (b,) at least 1."""
    output = np.full((len(limits), int(limits.max(initial=1))), END, np.int32)
    there = np.arange(len(limits))  # the sources that are in the batch
    tokens = np.full((len(limits), 1), BEGIN, np.int32)
    open_ = np.ones(len(limits), bool)
    for place in range(output.shape[1]):
        tokens = decoder.next(tokens, 1)[0].astype(np.int32)
        output[there[open_], place] = tokens[open_, 0]
        open_ &= (tokens[:, 0] != END) & (place + 1 < limits[there])
        if not open_.any():
            break
        if (~open_).sum() > _LEAVING * len(open_):
            stay = np.flatnonzero(open_)
            decoder.follow(stay, stay)
            there, tokens, open_ = there[stay], tokens[stay], open_[stay]
    return [_before_end(row) for row in output]


def beam(decoder: Decoder, limits: Array, beams: int, penalty: float) -> list[list[int]]:
    """For each source the row of tokens with the best sum of log-probabilities over ((5 + length) / 6) ** ``penalty``
    among those that ``beams`` rows at a time come upon (Wu et al. 2016, arXiv 1609.08144, section 7).
    """
    b, longest = len(limits), int(limits.max(initial=1))
    there = np.arange(b)
    output = np.full((b, beams, longest), END, np.int32)
    sums = np.tile(np.where(np.arange(beams) == 0, 0.0, -np.inf), (b, 1))  # all rows begin alike: one counts
    tokens = np.full((b * beams, 1), BEGIN, np.int32)
    best, best_said = np.full(b, -np.inf), np.full((b, longest), END, np.int32)
    for place in range(longest):
        worth = ((6 + place) / 6) ** penalty  # of a row that ends here
        likely, scores = decoder.next(tokens, 2 * beams)
        total = (sums.reshape(-1, 1) + scores).reshape(len(there), -1)
        order = np.argsort(-total, axis=1, kind="stable")[:, : 2 * beams]
        parent, at = order // scores.shape[1], np.arange(len(there))[:, None]
        token = likely.reshape(len(there), -1)[at, order].astype(np.int32)
        total = total[at, order]
        ends = token == END
        _take_ended(best, best_said, there, output, parent, np.where(ends, total, -np.inf)[:, :beams] / worth, place)
        going = np.argsort(ends, axis=1, kind="stable")[:, :beams]  # a row ends once: enough go on
        sums, parent, token = total[at, going], parent[at, going], token[at, going]
        output = output[at, parent]
        output[:, :, place] = token
        over = place + 1 >= limits[there]
        _take_cut(best, best_said, there, output, sums / worth, over)
        stay = np.flatnonzero(~over & (best[there] < sums[:, 0] / worth))
        if not len(stay):
            break
        rows = (at * beams + parent)[stay].ravel()
        decoder.follow(None if len(stay) == len(there) else stay, rows)
        there, output, sums, tokens = there[stay], output[stay], sums[stay], token[stay].reshape(-1, 1)
    return [_before_end(row) for row in best_said]


def _take_ended(
    best: Array, best_said: Array, there: Array, output: Array, parent: Array, worths: Array, place: int
) -> None:
    """Of the rows that end here, those that are better than what their source has."""
    first = worths.argmax(axis=1)
    at = np.arange(len(there))
    better = np.flatnonzero(worths[at, first] > best[there])
    best[there[better]] = worths[better, first[better]]
    best_said[there[better]] = END
    best_said[there[better], :place] = output[better, parent[better, first[better]], :place]


def _take_cut(best: Array, best_said: Array, there: Array, output: Array, worths: Array, over: Array) -> None:
    """Where the limit came before any end, the best row as it stands."""
    cut = np.flatnonzero(over & ~np.isfinite(best[there]))
    best[there[cut]] = worths[cut, 0]
    best_said[there[cut]] = output[cut, 0]


def _before_end(row: Array) -> list[int]:
    ends = np.flatnonzero(row == END)
    found: list[int] = row[: ends[0]].tolist() if len(ends) else row.tolist()
    return found
