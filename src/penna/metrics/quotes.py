"""Extractive answers: from probabilities of their first and last word to quotes, and their scores.

Exact match and F1 are those of SQuAD (Rajpurkar et al. 2016, its official script): case, punctuation and articles do
not count, and the nearest of several true answers does. Numpy alone.

``y`` is (n,) object, one ``Truth`` per row; ``outputs`` is (n,) object, (words + 1, 2) float32 per row: the
probability of each word to be the first and the last of the answer. Row 0 means no answer.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from penna.data import ragged
from penna.data.arrays import Array
from penna.metrics.base import Metric, Rows

#: Maximum words of an answer, unless the training rows show another.
LONGEST = 30
#: The words of a quote, as (first, last + 1); None for no answer.
Span: TypeAlias = tuple[int, int] | None
_CHUNK = 2000
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_SIGNS = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, eq=False)
class Truth:
    """A text and its true answers.

    Attributes
    ----------
    text : str
        The text.
    places : ndarray of shape (k, 2)
        Start and end of each word, in characters.
    answers : tuple of str
        All true answers as written; empty if the text has none.
    span : tuple of int, optional
        The first answer as (first word, last word + 1); None if there is none.
    """

    text: str
    places: Array
    answers: tuple[str, ...]
    span: Span
    _known: dict[Span, tuple[float, float]] = field(default_factory=dict, repr=False)

    def quote(self, span: Span) -> str:
        """Return the text of a quote."""
        return "" if span is None else self.text[self.places[span[0], 0] : self.places[span[1] - 1, 1]]

    def judge(self, span: Span) -> tuple[float, float]:
        """Return (exact match, F1) of a quote. It is cached, since ensembles evaluate the same quotes repeatedly."""
        if span not in self._known:
            self._known[span] = judge(self.quote(span), self.answers)
        return self._known[span]


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Return the answer without case, punctuation and articles.

    >>> plain("The  U.S. army!")
    'us army'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SIGNS)).split())


def judge(answer: str, truths: Sequence[str]) -> tuple[float, float]:
    """Return (exact match, F1) of an answer, "" for none, against the nearest true one.

    A true answer of articles and punctuation only counts if there is no other, as in SQuAD 2.0.

    >>> judge("in New York", ["New York City", "New York"])
    (0.0, 0.8)
    """
    quoted, meant = plain(answer), [text for text in map(plain, truths) if text] or [""]
    return max(float(quoted == text) for text in meant), max(_f1(quoted.split(), text.split()) for text in meant)


def _f1(answer: list[str], truth: list[str]) -> float:
    if not answer or not truth:
        return float(answer == truth)
    both = sum((Counter(answer) & Counter(truth)).values())
    return 2 * both / (len(answer) + len(truth))


def best(row: Array, most: int = 1, longest: int = LONGEST) -> list[tuple[Span, float]]:
    """Return the likeliest quotes of one row that do not overlap, with their probabilities.

    A quote has at most ``longest`` words; its probability is the product of those of both ends.

    >>> best(np.array([[0.1, 0.1], [0.7, 0.1], [0.2, 0.8]], np.float32))[0][0]
    (0, 2)
    """
    p = np.asarray(row, np.float64)
    quotes: list[tuple[Span, float]] = [(None, float(p[0, 0] * p[0, 1]))]
    free = _likeliest(p[1:], [(0, len(p) - 1)], longest)
    for _ in range(most):
        top = max(free, key=lambda one: one.score, default=None)
        if top is None or not top.score > 0:
            break
        quotes.append(((top.first, top.last + 1), top.score))
        free.remove(top)
        if len(quotes) <= most:
            free += _likeliest(p[1:], [(top.begin, top.first), (top.last + 1, top.end)], longest)
    return sorted(quotes, key=lambda one: -one[1])[:most]


class _Stretch(NamedTuple):
    """Words ``begin`` to ``end``, and the likeliest quote among them."""

    begin: int
    end: int
    first: int
    last: int
    score: float


def _likeliest(p: Array, stretches: Sequence[tuple[int, int]], longest: int) -> list[_Stretch]:
    """Return the likeliest quote in each non-empty stretch; p is (words, 2)."""
    nonempty = [(begin, end) for begin, end in stretches if end > begin]
    if not nonempty:
        return []
    mute = np.zeros((1, 2))
    tops = _stacked(ragged.objects(np.concatenate([mute, p[begin:end]]) for begin, end in nonempty), longest)
    results = zip(nonempty, tops.first.tolist(), tops.last.tolist(), tops.score.tolist(), strict=True)
    return [_Stretch(begin, end, begin + first, begin + last, score) for (begin, end), first, last, score in results]


def decoded(outputs: Array, longest: int = LONGEST, silent: bool = True) -> list[Span]:
    """Return each row's likeliest quote. Unless ``silent``, None is only returned if there is no quote."""
    return _spans(_tops(outputs, longest), silent)


def _spans(tops: "_Tops", silent: bool) -> list[Span]:
    quiet = (tops.silence >= tops.score) if silent else (tops.score <= 0)
    return [None if q else (a, b + 1) for a, b, q in zip(tops.first.tolist(), tops.last.tolist(), quiet, strict=True)]


class _Tops(NamedTuple):
    """The likeliest quote of many rows, its score, and that of no answer; (n,) each."""

    first: Array
    last: Array
    score: Array
    silence: Array


def _tops(outputs: Array, longest: int) -> _Tops:
    """Return the first result of ``best`` for all rows at once: a search needs it repeatedly."""
    parts = [_stacked(outputs[begin : begin + _CHUNK], longest) for begin in range(0, len(outputs), _CHUNK)]
    return _Tops(*map(np.concatenate, zip(*parts, strict=True))) if parts else _Tops(*[np.zeros(0, np.int64)] * 4)


def _stacked(outputs: Array, longest: int) -> _Tops:
    values, offsets = ragged.flat(outputs)
    # Rows are concatenated with a gap before each, so that no quote reaches from one into the next.
    begins = np.arange(len(outputs)) * longest + offsets[:-1] + longest
    at = np.arange(len(values)) + np.repeat(begins - offsets[:-1], np.diff(offsets))
    p = np.zeros((int(at[-1]) + 1 if len(at) else 0, 2))
    p[at] = values
    silence = p[begins].prod(axis=1)
    p[begins] = 0
    scores = _reach(p[:, 0], longest) * p[:, 1]
    score = np.maximum.reduceat(scores, begins)
    last = begins[0] + np.flatnonzero(scores[begins[0] :] == np.repeat(score, np.diff([*begins, len(p)])))
    last = last[np.searchsorted(last, begins)]
    windows = last[:, None] - np.arange(longest - 1, -1, -1)
    first = last - (longest - 1) + p[windows, 0].argmax(axis=1)
    return _Tops(first - begins - 1, last - begins - 1, score, silence)


def _reach(starts: Array, longest: int) -> Array:
    """Return the greatest of the ``longest`` values up to each, (k,), by windows of doubled width."""
    width = 1
    most = starts.copy()
    while 2 * width <= longest:
        most[width:] = np.maximum(most[width:], most[:-width])
        width *= 2
    if rest := longest - width:
        most[rest:] = np.maximum(most[rest:], most[:-rest])
    return most


def spoken(outputs: Array) -> Array:
    """Return the outputs without probability of no answer; each column is normalized again."""
    values, offsets = ragged.flat(outputs)
    values = values.copy()
    values[offsets[:-1][np.diff(offsets) > 0]] = 0
    return ragged.cut(ragged.shares(values, offsets), offsets) if len(values) else outputs


#: Row metrics, from truth and quote.
_COUNTS: dict[str, Callable[[Truth, Span], float]] = {
    "answer_f1": lambda truth, span: truth.judge(span)[1],
    "exact_match": lambda truth, span: truth.judge(span)[0],
    "answerable_accuracy": lambda truth, span: float(bool(truth.answers) == (span is not None)),
}
#: Mean F1 of the answers' words; the share of exact matches; and the share of rows in which the existence of an answer
#: is predicted correctly.
NAMES = tuple(_COUNTS)


def metric(name: str, longest: int = LONGEST, silent: bool = True) -> Metric:
    """Return a metric of ``NAMES``, for quotes of at most ``longest`` words; unless ``silent``, never of no answer."""
    count = _COUNTS[name]

    def rows(y: Array, outputs: Array) -> Rows:
        spans = decoded(outputs, longest, silent)
        return (np.array([count(truth, span) for truth, span in zip(y, spans, strict=True)], float),)

    return Metric(rows, _mean)


def placed(name: str, longest: int = LONGEST) -> Metric:
    """Return the metric with a no-answer threshold that each half of the rows takes from the other.

    A model is judged by its value after the post-processing step has set the threshold, not by how uncertain it happens
    to be.
    """
    count = _COUNTS[name]

    def rows(y: Array, outputs: Array) -> Rows:
        tops = _tops(outputs, longest)
        no_answer_odds = tops.silence / np.maximum(tops.score, 1e-30)
        loud = np.array([count(truth, span) for truth, span in zip(y, _spans(tops, silent=False), strict=True)], float)
        silent = np.array([count(truth, None) for truth in y], float)
        half = np.arange(len(y)) % 2
        cuts = [_cut(no_answer_odds[half != side], (loud - silent)[half != side]) for side in (0, 1)]
        return (np.where(no_answer_odds < np.array(cuts)[half], loud, silent),)

    return Metric(rows, _mean)


def _cut(no_answer_odds: Array, gain: Array) -> float:
    """Return the odds of no answer below which answering pays best, given the gain of answering each row."""
    order = np.argsort(no_answer_odds, kind="stable")
    best = int(np.concatenate([[0.0], np.cumsum(gain[order])]).argmax())
    edges = np.concatenate([[0.0], no_answer_odds[order], [np.inf]])
    return float((edges[best] + edges[best + 1]) / 2)


def _mean(values: Array) -> float:
    return float(values.mean())
