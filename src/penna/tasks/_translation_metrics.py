"""BLEU, chrF and TER, as sacreBLEU computes them, with bootstrap intervals over rows (Post 2018, arXiv 1804.08771).

Serving imports this file; only measuring needs sacreBLEU.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.errors import MissingExtra

#: Metric -> its sign in ``score``, where higher is better.
METRICS = {"chrf": 1, "bleu": 1, "ter": -1}
#: How BLEU cuts texts into words: 13a where words are spaced, else by the signs of the script.
CUTS = ("13a", "zh", "char")
#: Of longer texts TER does not ask which words have moved: at 200 words that takes seconds, at 5,000 it would not end.
MOVED = 64


def codes(text: str) -> Array:
    """(characters, 1) float32 code points: exact, since all of them are below 2 ** 24.

    >>> text_of(codes("h\\u00e9 \\U0001f600"))
    'h\\xe9 😀'
    """
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.float32)[:, None]


def text_of(output: Array) -> str:
    """Return what ``codes`` made numbers of. What is none is left out, and so is zero, which no text holds."""
    points = output.ravel()
    fine = np.isfinite(points) & (points <= 0x10FFFF)
    found = points[fine & (points > 0)].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return found.encode("utf-8", "replace").decode()


def texts_of(outputs: Iterable[Array]) -> list[str]:
    return [text_of(output) for output in outputs]


def cut_for(texts: Sequence[str]) -> str:
    """Return the cut into words that suits these texts, by what their letters are and whether there are spaces.

    >>> cut_for(["a dog runs"]), cut_for(["一只狗在跑"]), cut_for(["犬が走っている"])
    ('13a', 'zh', 'char')
    """
    some = "".join(texts[:: max(1, len(texts) // 1000)])
    letters = [sign for sign in some if sign.isalpha()]
    if not letters or some.count(" ") > len(some) / 30:
        return CUTS[0]
    names = [unicodedata.name(sign, "") for sign in letters[:5000]]
    han = sum(name.startswith("CJK") for name in names)
    if sum(name.startswith(("HIRAGANA", "KATAKANA")) for name in names) > 0.1 * len(names):
        return "char"
    return "zh" if han > 0.5 * len(names) else "char" if _unspaced(names) else CUTS[0]


def _unspaced(names: Sequence[str]) -> bool:
    scripts = ("CJK", "THAI", "LAO", "MYANMAR", "KHMER", "TIBETAN")
    return sum(name.startswith(scripts) for name in names) > 0.5 * len(names)


@dataclass(frozen=True)
class Stats:
    """The counts of a metric in each row, (n, counts) float64."""

    metric: str
    cut: str
    rows: Array

    def value(self, weights: Array | None = None) -> float:
        """Return the metric of all rows, or of rows that are counted so often each."""
        total = self.rows.sum(axis=0) if weights is None else weights @ self.rows
        if self.metric == "bleu" and total[1] == 0:  # references without a word
            return 0.0
        made = scorer(self.metric, self.cut)._compute_score_from_stats(_whole(total, self.metric))
        return float(made.score)

    def spread(self, rounds: int, seed: int) -> Array:
        """Return (rounds,) the metric on resamples of the rows (Koehn 2004)."""
        n = len(self.rows)
        rng = np.random.default_rng(seed)
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64) for _ in range(rounds))
        return np.array([self.value(weights) for weights in drawn])

    def interval(self, rounds: int = 1000, seed: int = 0) -> list[float]:
        """Value, and the 95 % percentile interval."""
        value = self.value()
        low, high = np.quantile(self.spread(rounds, seed), (0.025, 0.975))
        return [value, float(min(low, value)), float(max(high, value))]


def stats(metric: str, truth: Sequence[str], answers: Sequence[str], cut: str) -> Stats:
    """Return what ``metric`` counts in answers (n,) and truth (n,)."""
    counts = _edits if metric == "ter" else _counts
    return Stats(metric, cut, np.array(counts(scorer(metric, cut), list(answers), list(truth)), np.float64))


def _counts(made: Any, answers: list[str], truth: list[str]) -> Any:
    return made._extract_corpus_statistics(answers, [truth])


def _edits(made: Any, answers: list[str], truth: list[str]) -> list[Any]:
    """Edits and words of each reference."""
    rows: list[Any] = []
    for answer, reference in zip(answers, truth, strict=True):
        output, meant = (made._preprocess_segment(text).split() for text in (answer, reference))
        long = max(len(output), len(meant)) > MOVED
        rows += [[distance(output, meant), len(meant)]] if long else _counts(made, [answer], [reference])
    return rows


def distance(output: Sequence[str], meant: Sequence[str]) -> int:
    """Words to be put in, left out or put in the place of others (Levenshtein 1966).

    >>> distance("a red hat".split(), "the hat".split())
    2
    """
    known = {word: i for i, word in enumerate(meant)}
    after = np.array([known[word] for word in meant], np.int64)
    steps = np.arange(len(meant) + 1)
    row = steps.copy()
    for n, word in enumerate(output, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (after != known.get(word, -1)))
        # What is put in one after the other: the least of all that came before, and a step for each since.
        row = np.minimum.accumulate(np.concatenate([[n], best]) - steps) + steps
    return int(row[-1])


def signature(metric: str, cut: str) -> str:
    """How a figure was computed, in sacreBLEU's words."""
    made = scorer(metric, cut)
    made.corpus_score(["a"], [["a"]])  # the number of references is known only then
    return str(made.get_signature())


@cache
def scorer(metric: str, cut: str) -> Any:
    """SacreBLEU's own scorer. Raises MissingExtra where it is not installed."""
    try:
        from sacrebleu.metrics import BLEU, CHRF, TER
    except ImportError:
        raise MissingExtra("sacrebleu", "measuring translations", 'pip install "penna[train]"') from None
    # ``force``: no warning about texts that look cut into words already.
    if metric == "bleu":
        return BLEU(tokenize=cut, force=True)
    if metric == "ter":
        return TER(normalized=cut != CUTS[0], asian_support=cut != CUTS[0])  # else a sentence would be one word
    return CHRF()


def _whole(total: Array, metric: str) -> list[Any]:
    return [float(count) for count in total] if metric == "ter" else [round(count) for count in total.tolist()]
