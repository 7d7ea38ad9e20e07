"""The family ``crf``: a conditional random field over attributes of each word and its neighbors (Lafferty et al. 2001).

It takes the place of ``linear`` if words are tagged. CRFsuite (Okazaki 2007) fits it. The artifact holds two matrices
and the names of attributes, so serving needs only numpy and scipy: CRFsuite's own file would be read by code that
trusts it.
"""

import contextlib
import ctypes
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penna.budget import OutOfTime, Resources
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.features import crf_attributes
from penna.heads.crf_marginals import NEVER, marginals
from penna.metrics import entities
from penna.models.base import Cost, Report
from penna.models.crf.storage import Field, open_field, save_field
from penna.preprocessing.sample_weights import copies
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "A conditional random field"
PACKAGES = ("safetensors", "scipy")
NEEDS_NO_ENCODER = True
OUTPUT_KINDS = (OutputKind.TAGS,)

_USUAL: dict[str, Any] = {"solver": "perceptron", "affixes": 4, "window": 2, "min_count": 2}
_LIKELY = {"solver": "likelihood", "c1": 0.05, "c2": 0.01}
#: Solver -> CRFsuite's name for it, and its steps: passes over the rows, or steps of L-BFGS.
_SOLVERS = {"perceptron": ("ap", 10), "likelihood": ("lbfgs", 100)}
_PENALISED = ("solver", ("likelihood",))
_FEWEST = 4
_PROBE = 4000  # words
#: Predicted for each word and attribute: finding it, and one step of the solver.
_SEEN, _STEP = 1.2e-6, 6e-8
#: Words that are fitted at once need some 2 kB each.
_MOST_WORDS = 1_000_000
_pace = 1.0  # seconds taken for each second predicted; learned in this process


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes. The first is the baseline that every search starts with."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    others: tuple[dict[str, Any], ...] = (
        {},
        _LIKELY,
        {"window": 1},
        {**_LIKELY, "c1": 0.2, "window": 1},
        {"min_count": 1},
    )
    return [Recipe.from_values("crf", _USUAL | other, seed=profile.seed) for other in others]


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn."""
    if profile.output_kind not in OUTPUT_KINDS:
        return ()
    return (
        Hyperparameter("solver", values=tuple(_SOLVERS)),
        Hyperparameter("c1", low=0.003, high=1.0, log=True, when=_PENALISED),
        Hyperparameter("c2", low=0.001, high=1.0, log=True, when=_PENALISED),
        Hyperparameter("affixes", low=2, high=5, whole=True),
        Hyperparameter("window", low=1, high=3, whole=True),
        Hyperparameter("min_count", low=1, high=3, whole=True),
    )


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted from the number of words, corrected by the pace of earlier fits."""
    words = _words(train)
    seconds = 0.05 + _pace * recipe.fidelity * _predicted(words, _SOLVERS[recipe["solver"]][1], profile.classes)
    kept = 8 * words**0.75 * (2 * profile.classes + 16) / 1e6  # attributes that come again grow more slowly than words
    return Cost(seconds, kept, 0.2 + 0.05 * words / max(len(train), 1))


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same on fewer rows."""
    whole = cost(recipe.replace(fidelity=1.0), profile, train, resources).seconds
    share = 0.9 * seconds / whole
    return recipe.replace(fidelity=round(min(share, recipe.fidelity), 4)) if share * len(train) >= 100 else None


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> "Crf":
    """Fit on ``train``, on a part of it where the recipe or memory ask for that."""
    global _pace
    begun = time.monotonic()
    most = min(recipe.fidelity, _MOST_WORDS / max(_words(train), 1))
    if most < 1:
        rng = np.random.default_rng(recipe.seed)
        train = train.take(np.sort(rng.choice(len(train), max(1, round(most * len(train))), replace=False)))
    train, often = _as_often(train)
    rule: str = task.rule  # type: ignore[attr-defined]
    rows = [_attributes(text, rule, recipe) for text in train.full_text]
    tags = task.encode(train)
    known = _known(rows, recipe["min_count"])
    numbered = [[[str(known[a]) for a in word if a in known] for word in row] for row in rows]
    iterations = _affordable(numbered, tags, recipe, resources)
    state, transitions = _solved(numbered, tags, recipe, iterations, len(known), task.columns, often)
    used = np.flatnonzero(np.abs(state).max(axis=1) > 1e-4)
    names = list(known)
    words = sum(map(len, rows))
    _pace = float(
        np.clip((time.monotonic() - begun) / max(_predicted(words, iterations, task.columns), 1e-6), 0.05, 20)
    )
    return Crf(Field([names[i] for i in used], state[used], transitions, rule, recipe["affixes"], recipe["window"]))


def load(folder: Path) -> "Crf":
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    return Crf(open_field(folder))


class Crf:
    """A fitted field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._index = {name: i for i, name in enumerate(field.names)}

    def outputs(self, table: Table) -> Array:
        """(n,) object: of each row (words, tags) float32 probabilities."""
        from scipy.sparse import csr_matrix

        out: list[Array] = []
        for start in range(0, len(table), 1000):
            rows = [_seen(text, self.field) for text in table.full_text[start : start + 1000]]
            lengths = np.array([len(row) for row in rows], np.int64)
            words = [word for row in rows for word in row]
            found = [[i for a in word if (i := self._index.get(a)) is not None] for word in words]
            indptr = np.concatenate([[0], np.cumsum([len(word) for word in found], dtype=np.int64)])
            columns = np.array([i for word in found for i in word], np.int64)
            ones = np.ones(len(columns), np.float32)
            seen = csr_matrix((ones, columns, indptr), shape=(len(words), max(len(self.field.names), 1)))
            scores = np.asarray(seen @ self.field.state) if len(self.field.names) else _none(words, self.field)
            out += marginals(scores, lengths, self.field.transitions)
        return ragged.objects(out)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        save_field(folder, self.field)


def _none(words: Sequence[Any], field: Field) -> Array:
    return np.zeros((len(words), field.state.shape[1]), np.float32)


def _seen(text: str, field: Field) -> list[list[str]]:
    spans = word_offsets.words(text, field.rule).tolist()
    return crf_attributes.of([text[a:b] for a, b in spans], field.affixes, field.window)


def _attributes(text: str, rule: str, recipe: Recipe) -> list[list[str]]:
    spans = word_offsets.words(text, rule).tolist()
    return crf_attributes.of([text[a:b] for a, b in spans], recipe["affixes"], recipe["window"])


def _known(rows: list[list[list[str]]], least: int) -> dict[str, int]:
    counts = Counter(a for row in rows for word in row for a in word)
    return {a: i for i, a in enumerate(a for a, n in counts.items() if n >= least)}


def _words(table: Table) -> int:
    """About how many there are."""
    return int(sum(map(len, table.full_text)) / 5) + 1


def _predicted(words: float, iterations: int, tags: int) -> float:
    return words * 35 * (_SEEN + iterations * _STEP * (1 + tags / 10))


def _as_often(train: Table) -> tuple[Table, float]:
    """Return the rows as often as they weigh, since the solver knows no weights; and how often on the mean."""
    if train.sample_weight is None:
        return train, 1.0
    kept = train.take(copies(train.sample_weight))
    return kept, len(kept) / max(float(train.sample_weight.sum()), 1e-12)


def _affordable(rows: Any, tags: Array, recipe: Recipe, resources: Resources) -> int:
    """Return the solver steps that fit before the deadline, from a probe on some rows. Raises OutOfTime."""
    wanted = _SOLVERS[recipe["solver"]][1]
    words = sum(map(len, rows))
    some, seen = 0, 0
    while some < len(rows) and seen < _PROBE:
        seen += len(rows[some])
        some += 1
    begun = time.monotonic()
    _solved(rows[:some], tags[:some], recipe, 2, 1, 1)
    each = (time.monotonic() - begun) / 4 * words / max(seen, 1)
    possible = int(0.7 * resources.deadline.left() / max(each, 1e-9))
    if possible < _FEWEST:
        raise OutOfTime("no time was left for the steps of the solver")
    return min(wanted, possible)


def _seed(seed: int) -> None:
    """Seed the order of rows: crfsuite shuffles by the C library's ``rand``, which it never seeds."""
    library = "ucrtbase" if sys.platform == "win32" else None
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(library).srand(ctypes.c_uint(seed))


def _solved(
    rows: Any, tags: Array, recipe: Recipe, iterations: int, m: int, k: int, often: float = 1.0
) -> tuple[Array, Array]:
    """(m, k) weights of attributes, and (k, k) of a tag after another, float32.

    Rows that stand there more ``often`` than they weigh are penalised as much more.
    """
    import pycrfsuite

    _seed(recipe.seed)
    trainer = pycrfsuite.Trainer(verbose=False, algorithm=_SOLVERS[recipe["solver"]][0])
    penalties = {name: often * recipe[name] for name in ("c1", "c2") if recipe["solver"] == "likelihood"}
    trainer.set_params({"max_iterations": iterations, "feature.possible_transitions": True, **penalties})
    for row, truth in zip(rows, tags, strict=True):
        if row:
            trainer.append(row, [str(tag) for tag in truth.tolist()])
    with tempfile.TemporaryDirectory() as home:
        path = str(Path(home) / "model")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        found = tagger.info()
        tagger.close()
    return _arrays(found, m, k)


def _arrays(found: Any, m: int, k: int) -> tuple[Array, Array]:
    state, transitions = np.zeros((m, k), np.float32), np.zeros((k, k), np.float32)
    if k == 1:  # a probe
        return state, transitions
    for (attribute, tag), weight in found.state_features.items():
        state[int(attribute), int(tag)] = weight
    for (before, tag), weight in found.transitions.items():
        transitions[int(before), int(tag)] = weight
    transitions[~entities.legal(k)] = NEVER
    unseen = np.setdiff1d(np.arange(k), [int(tag) for tag in found.labels])
    transitions[:, unseen] = NEVER
    state[0, unseen] = NEVER  # the first attribute, "bias", is every word's: a row's first word has no tag before it
    return state, transitions
