"""Answers that are quoted from a text: from how likely each word begins and ends one to quotes, and how right they are.

Exact match and F1 are those of SQuAD (Rajpurkar et al. 2016, its official script): case, punctuation and articles do
not count, and of several true answers the nearest one does. Numpy alone.

``y`` is (n,) object, one ``Truth`` a row; ``outputs`` (n,) object, (words + 1, 2) float32 a row: how likely each word
is the first and the last of the answer. Row 0 is for no answer at all.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from penna.metrics import Metric, Rows

Array = np.ndarray[Any, Any]

#: No answer is longer, in words.
LONGEST = 30
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_SIGNS = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, eq=False)
class Truth:
    """A text, its words' places (k, 2) in characters, all true answers as they are written (none: it holds none), and
    the first of them as (first word, word after the last), None where there is none."""

    text: str
    places: Array
    answers: tuple[str, ...]
    span: tuple[int, int] | None
    _known: dict[tuple[int, int] | None, tuple[float, float]] = field(default_factory=dict, repr=False)

    def quote(self, span: tuple[int, int] | None) -> str:
        return "" if span is None else self.text[self.places[span[0], 0] : self.places[span[1] - 1, 1]]

    def judge(self, span: tuple[int, int] | None) -> tuple[float, float]:
        """(exact match, F1) of a quote; remembered, since blends ask again and again."""
        if span not in self._known:
            self._known[span] = judge(self.quote(span), self.answers)
        return self._known[span]


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Without case, punctuation and articles.

    >>> plain("The  U.S. army!")
    'us army'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SIGNS)).split())


def judge(answer: str, truths: Sequence[str]) -> tuple[float, float]:
    """(exact match, F1) of an answer, "" for none, against the nearest of the true ones.

    >>> judge("in New York", ["New York City", "New York"])
    (0.0, 0.8)
    """
    pairs = [(plain(answer), plain(truth)) for truth in truths or ("",)]
    return max(float(a == b) for a, b in pairs), max(_f1(a.split(), b.split()) for a, b in pairs)


def _f1(answer: list[str], truth: list[str]) -> float:
    if not answer or not truth:
        return float(answer == truth)
    both = sum((Counter(answer) & Counter(truth)).values())
    return 2 * both / (len(answer) + len(truth))


def best(row: Array, most: int = 1) -> list[tuple[tuple[int, int] | None, float]]:
    """The likeliest quotes of one row, as (first word, word after the last) or None, with the product of both ends'
    probabilities; they do not overlap.

    >>> best(np.array([[0.1, 0.1], [0.7, 0.1], [0.2, 0.8]], np.float32))[0][0]
    (0, 2)
    """
    p = np.asarray(row, np.float64)
    found: list[tuple[tuple[int, int] | None, float]] = [(None, float(p[0, 0] * p[0, 1]))]
    starts, ends = p[1:, 0].copy(), p[1:, 1]
    for _ in range(most):
        if not len(starts) or not starts.any():
            break
        first, last, score = _likeliest(starts, ends)
        found.append(((first, last + 1), score))
        starts[max(0, first - LONGEST) : last + 1] = np.where(
            np.arange(max(0, first - LONGEST), last + 1) >= first, 0.0, starts[max(0, first - LONGEST) : last + 1]
        )
    return sorted(found, key=lambda one: -one[1])[:most]


def _likeliest(starts: Array, ends: Array) -> tuple[int, int, float]:
    """The pair of first and last word, at most ``LONGEST`` apart, of the greatest product."""
    padded = np.concatenate([np.zeros(LONGEST - 1), starts])
    windows = np.lib.stride_tricks.sliding_window_view(padded, LONGEST)  # row j: the starts that reach word j
    at = windows.argmax(axis=1)
    scores = windows[np.arange(len(ends)), at] * ends
    last = int(scores.argmax())
    return last - (LONGEST - 1) + int(at[last]), last, float(scores[last])


def decoded(outputs: Array) -> list[tuple[int, int] | None]:
    """Each row's likeliest quote."""
    return [best(row)[0][0] for row in outputs]


def _judged(y: Array, outputs: Array) -> Array:
    return np.array([truth.judge(span) for truth, span in zip(y, decoded(outputs), strict=True)]).reshape(-1, 2)


def _matches(y: Array, outputs: Array) -> Rows:
    return (_judged(y, outputs)[:, 0],)


def _overlaps(y: Array, outputs: Array) -> Rows:
    return (_judged(y, outputs)[:, 1],)


def _silences(y: Array, outputs: Array) -> Rows:
    return (np.array([bool(t.answers) == (s is not None) for t, s in zip(y, decoded(outputs), strict=True)], float),)


def _mean(values: Array) -> float:
    return float(values.mean())


#: Share of answers that are right to the letter, mean F1 of their words, and the share of rows in which it is right
#: that there is an answer, or that there is none.
exact_match, answer_f1 = Metric(_matches, _mean), Metric(_overlaps, _mean)
answerable_accuracy = Metric(_silences, _mean)
