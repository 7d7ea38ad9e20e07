"""The family ``sliding_window``: the answer is near the question's words, and looks like an answer to such a question.

It takes the place of ``linear`` in question answering. A window slides over the text, and the question's words in it
count by how rare they are (Richardson et al. 2013, "MCTest"). Features of answers, such as digits and capitals, are
counted for each question word on the training rows. Serving needs numpy alone.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.budget import OutOfTime, Resources
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.models.base import Cost, Report
from penna.preprocessing.sample_weights import copies
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "A sliding window over words"
PACKAGES = ()
NEEDS_NO_ENCODER = True
OUTPUT_KINDS = (OutputKind.SPANS,)

FILE = "overlap.json"
_ASKING = ("who", "when", "where", "how", "which", "what", "why", "whose", "whom")
_SHAPES = ("number", "year", "name", "sign", "short", "word")
_MOST_KNOWN = 50_000
_LARGEST = 64 << 20


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """One recipe for each width of the window, the usual one first."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    return [Recipe.of("sliding_window", seed=profile.seed, window=window, sharp=1.0) for window in (6, 10, 4)]


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn."""
    if profile.output_kind not in OUTPUT_KINDS:
        return ()
    return Hyperparameter("window", low=2, high=24, whole=True), Hyperparameter("sharp", low=0.3, high=3.0, log=True)


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """By the number of characters."""
    characters = sum(map(len, train.full_text))
    return Cost(0.05 + 8e-7 * characters, 1.0, 0.5 + 5e-4 * characters / max(len(train), 1))


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> "SlidingWindow":
    """Count rare words, and what answers look like."""
    train = train if train.sample_weight is None else train.take(copies(train.sample_weight))
    known, kinds, looks = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for (question, text), truth in zip(_pairs(train), task.encode(train), strict=True):
        if resources.deadline.over():
            raise OutOfTime("no time was left to count words")
        spans = truth.places
        words = [text[a:b] for a, b in spans.tolist()]
        known.update({word.lower() for word in words})
        kinds.update(map(_shape, words))
        if truth.span is not None:
            looks[asking(question), _shape(words[truth.span[0]])] += 1
    n = max(len(train), 1)
    rare = {word: math.log(1 + n / count) for word, count in known.most_common(_MOST_KNOWN)}
    return SlidingWindow(Counts(rare, math.log(1 + n), _likely(looks, kinds), recipe["window"], recipe["sharp"]))


def load(folder: Path) -> "SlidingWindow":
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    path = folder / FILE
    with safe_load.damaged(path):
        data = safe_load.load_json(path, _LARGEST)
        rare = {str(word): float(value) for word, value in data["rare"].items()}
        looks = {str(question_word): [float(v) for v in values] for question_word, values in data["looks"].items()}
        counts = Counts(rare, float(data["unknown"]), looks, int(data["window"]), float(data["sharp"]))
        numbers = [counts.unknown, counts.sharp, *rare.values(), *(v for row in looks.values() for v in row)]
        if not all(map(math.isfinite, numbers)) or not 1 <= counts.window <= 1000:
            raise ValueError("its numbers are out of range")
        if set(looks) != {*_ASKING, ""} or any(len(row) != len(_SHAPES) for row in looks.values()):
            raise ValueError("its parts do not agree")
    return SlidingWindow(counts)


@dataclass(frozen=True)
class Counts:
    """``rare``: how much a word says; ``unknown``: one that was never seen; ``looks``.

    For each question word, the log odds of each shape of an answer's first word.
    """

    rare: dict[str, float]
    unknown: float
    looks: dict[str, list[float]]
    window: int
    sharp: float


class SlidingWindow:
    """Counts that answer."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def outputs(self, table: Table) -> Array:
        """(n,) object of (words + 1, 2) float32."""
        return ragged.objects(self._one(question, text) for question, text in _pairs(table))

    def _one(self, question: str, text: str) -> Array:
        c = self.counts
        words = [text[a:b] for a, b in word_offsets.words(text, word_offsets.FOUND).tolist()]
        if not words:
            return np.ones((1, 2), np.float32)
        question_words = {word.lower() for word in _words(question)} - set(_ASKING)
        rarity = np.array([c.rare.get(w.lower(), c.unknown) if w.lower() in question_words else 0.0 for w in words])
        total = np.concatenate([[0.0], np.cumsum(rarity)])
        at = np.arange(len(words))
        around = total[np.minimum(at + c.window, len(words))] - total[np.maximum(at - c.window, 0)]
        likely = c.looks[asking(question)]
        looks = np.array([likely[_SHAPES.index(_shape(word))] for word in words])
        own = np.array([word.lower() in question_words for word in words])
        scores = c.sharp * (around / max(float(around.max()), 1e-6) * 4) + looks - 8.0 * own
        return self._ends(scores, [_shape(word) for word in words], own)

    def _ends(self, scores: Array, shapes: Sequence[str], own: Array) -> Array:
        """Return where an answer ends that begins at each word: with the run of similar words."""
        starts = np.exp(scores - scores.max())
        starts /= starts.sum()
        ends = np.zeros(len(starts))
        last = _run_ends(shapes, own)
        np.add.at(ends, last, starts)
        none = 0.5 * float(starts.max())
        rows = np.stack([np.append(none, starts), np.append(none, ends)], axis=1)
        return np.asarray(rows / rows.sum(axis=0), np.float32)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        (folder / FILE).write_text(json.dumps({"format": 1, **self.counts.__dict__}), encoding="utf-8")


def _run_ends(shapes: Sequence[str], own: Array) -> Array:
    """(k,) the last word of the run that each word stands in: names, and numbers, go on; others stand alone."""
    last = np.arange(len(shapes))
    for i in range(len(shapes) - 2, -1, -1):
        if shapes[i] == shapes[i + 1] and shapes[i] in ("name", "number") and not own[i + 1]:
            last[i] = last[i + 1]
    return last


def _pairs(table: Table) -> Any:
    assert table.pair is not None, "only for pairs"
    return zip(*(table.text[name] for name in table.pair), strict=True)


def _words(text: str) -> list[str]:
    return [text[a:b] for a, b in word_offsets.words(text, word_offsets.FOUND).tolist()]


def asking(question: str) -> str:
    """Return the first question word, "" for none.

    >>> asking("In which city?")
    'which'
    """
    return next((word for word in map(str.lower, _words(question)) if word in _ASKING), "")


def _shape(word: str) -> str:
    if word.isdigit():
        return "year" if len(word) == 4 else "number"
    if not word[:1].isalnum():
        return "sign"
    return "name" if word[:1].isupper() else "short" if len(word) < 4 else "word"


def _likely(looks: Counter[tuple[str, str]], kinds: Counter[str]) -> dict[str, list[float]]:
    """Log odds of each shape at the start of an answer against its share of all words."""
    total = sum(kinds.values()) + len(_SHAPES)
    made = {}
    for question_word in (*_ASKING, ""):
        seen = [looks[question_word, shape] + 1 for shape in _SHAPES]
        usual = [(kinds[shape] + 1) / total for shape in _SHAPES]
        made[question_word] = [math.log(n / sum(seen) / share) for n, share in zip(seen, usual, strict=True)]
    return made
