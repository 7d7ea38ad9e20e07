"""What a frozen encoder's vectors are worth to a logistic regression, and TF-IDF with the same one. Used by encoders.py
and pretraining.py; no script.
"""

import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import embeddings
from penna.encoders.checkpoints import Checkpoint

FEW, DRAWS = 10, 5
STRICTNESS = (1, 10, 100)
FEW_STRICTNESS = 10  # a handful of rows cannot choose: the same for every encoder and for TF-IDF


def vectors(
    checkpoint: Checkpoint, depth: int, table: Table, cache: Path | None, threads: int, dtype: str = "float32"
) -> Array:
    """(n, width): the mean of each row's states, as Penna's frozen family takes it."""
    return embeddings.embed(checkpoint, table, depth=depth, dtype=dtype, cache=cache, threads=threads)


def regression(x: Any, y: Array, kind: str, c: float | None = None) -> Any:
    """Logistic regression, fitted; without ``c`` with the one that does best on a held-out fifth of the rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    # An encoder's vectors lie in a narrow cone: their mean is taken off before they are made one long.
    first = [StandardScaler(with_std=False)] if kind == "frozen" else []
    model = make_pipeline(*first, Normalizer(), LogisticRegression(C=c or 1.0, max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it has not settled after so many rounds
        if c is not None:
            return model.fit(x, y)
        held_out = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
        return GridSearchCV(model, {"logisticregression__C": STRICTNESS}, cv=held_out).fit(x, y)


def measured(metric: str, truth: Array, told: Array) -> float:
    from sklearn.metrics import accuracy_score, f1_score

    return float(f1_score(truth, told, average="macro") if metric == "macro_f1" else accuracy_score(truth, told))


def draws(y: Array, rows: int, times: int) -> list[Array]:
    """Row numbers: ``rows`` of each class, so many times."""
    out = []
    for seed in range(times):
        rng = np.random.default_rng(seed)
        out.append(np.concatenate([rng.permutation(np.flatnonzero(y == c))[:rows] for c in np.unique(y)]))
    return out


def scores(x: Any, y: Array, z: Any, truth: Array, metric: str, kind: str = "frozen") -> dict[str, Any]:
    """Full: trained on all rows; few: from 10 of each class, the mean of all draws."""
    few = [
        measured(metric, truth, regression(x[i], y[i], kind, FEW_STRICTNESS).predict(z)) for i in draws(y, FEW, DRAWS)
    ]
    full = measured(metric, truth, regression(x, y, kind).predict(z))
    return {"full": round(full, 4), "few": round(statistics.mean(few), 4), "draws": [round(s, 4) for s in few]}


def tfidf(train: Table, test: Table, metric: str) -> dict[str, Any]:
    """As with embeddings; in the small draws, words are counted in those rows alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def scored(index: Array, c: float | None = None) -> float:
        words = TfidfVectorizer().fit(train.full_text[index])
        model = regression(words.transform(train.full_text[index]), train.target[index], "tfidf", c)
        return measured(metric, test.target, model.predict(words.transform(test.full_text)))

    few = [scored(index, FEW_STRICTNESS) for index in draws(train.target, FEW, DRAWS)]
    full = scored(np.arange(len(train)))
    return {"full": round(full, 4), "few": round(statistics.mean(few), 4), "draws": [round(s, 4) for s in few]}
