"""Heads on embeddings: how they are fitted, and how they answer. Numpy alone (the MLP is fitted in ``_frozen_mlp``).

Each head is a frozen set of arrays; ``KINDS`` says which arrays a kind has, and that is also its file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.errors import BundleError
from penna.heads.links import SOFTMAX, Link, Target
from penna.solvers.logistic import fit_logistic, softmax
from penna.solvers.ridge import fit_ridge

#: The second came with links; a head of probabilities, all that the first knew, is still written in the first.
FORMAT = 2
ARRAYS, FACTS = "head.npz", "head.json"
#: Arrays of each kind, with their number of dimensions. Vectors of k-NN are stored in half precision.
KINDS: Mapping[str, Mapping[str, int]] = {
    "linear": {"coef": 2, "intercept": 1},
    "mlp": {"first": 2, "first_bias": 1, "second": 2, "second_bias": 1},
    "knn": {"vectors": 2, "labels": 1, "prior": 1, "k": 0, "sharpness": 0},
    "knn_sets": {"vectors": 2, "labels": 2, "prior": 1, "k": 0, "sharpness": 0},
}
#: Kind -> the array that has one row for each column of margins.
_WIDTH = {"linear": "intercept", "mlp": "second_bias", "knn": "prior", "knn_sets": "prior"}
_LARGEST, _LARGEST_FACTS = 1 << 30, 4 << 20
_MOST_NEIGHBOURS_ROWS = 20_000
_SHARPEST = 1000.0
_SHARPNESS = (1.0, 3.0, 10.0, 20.0, 40.0, 80.0)


@dataclass(frozen=True)
class Scaling:
    """Scaling of vectors: to unit length if ``unit``, then shifted and scaled by column."""

    unit: bool
    shift: Array
    scale: Array

    @classmethod
    def fitted(cls, vectors: Array, how: str) -> "Scaling":
        """``how``: "none", "unit", "standard" (zero mean, unit variance by column) or "both", one after the other."""
        unit = how in ("unit", "both")
        width = vectors.shape[1]
        if how not in ("standard", "both"):
            return cls(unit, np.zeros(width, np.float32), np.ones(width, np.float32))
        rows = _unit(vectors) if unit else vectors
        spread = rows.std(axis=0)
        return cls(unit, rows.mean(axis=0), (1 / np.where(spread > 1e-6, spread, 1)).astype(np.float32))

    def __call__(self, vectors: Array) -> Array:
        """Return the scaled vectors (n, d)."""
        rows: Array = (_unit(vectors) if self.unit else vectors) - self.shift
        rows *= self.scale
        return rows


@dataclass(frozen=True)
class Head:
    """A fitted head: outputs (n, columns) from vectors (n, width)."""

    kind: str
    scaling: Scaling
    arrays: Mapping[str, Array]
    link: Link = SOFTMAX

    def outputs(self, vectors: Array) -> Array:
        """(n, columns) float32: probabilities, or numbers."""
        rows = self.scaling(np.asarray(vectors, np.float32))
        answer = {"linear": _linear, "mlp": _mlp, "knn": _knn, "knn_sets": _knn}[self.kind]
        return answer(rows, self.arrays, self.link).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        arrays: dict[str, Any] = {**self.arrays, "shift": self.scaling.shift, "scale": self.scaling.scale}
        np.savez(folder / ARRAYS, **arrays)
        linked = {} if self.link == SOFTMAX else {"link": self.link.to_json()}
        facts = {"format": FORMAT if linked else 1, "kind": self.kind, "unit": self.scaling.unit, **linked}
        (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")

    @property
    def megabytes(self) -> float:
        """Return the size in megabytes."""
        return sum(a.nbytes for a in self.arrays.values()) / 1e6


def open_head(folder: Path, *widths: int) -> Head:
    """Read what ``save`` wrote, a head for one of these widths. Raises BundleError on anything missing or damaged."""
    with safe_load.damaged(folder / ARRAYS):
        facts = safe_load.load_json(folder / FACTS, _LARGEST_FACTS)
        if int(facts["format"]) > FORMAT:
            raise BundleError(f"{folder / FACTS} has a format above {FORMAT}, which this Penna reads: update penna.")
        found = safe_load.load_arrays(folder / ARRAYS, _LARGEST)
        arrays = {name: found[name] for name in (*KINDS[facts["kind"]], "shift", "scale")}
        scaling = Scaling(bool(facts["unit"]), arrays.pop("shift"), arrays.pop("scale"))
        link = Link.from_json(facts["link"], len(arrays[_WIDTH[facts["kind"]]])) if "link" in facts else SOFTMAX
        head = Head(facts["kind"], scaling, arrays, link)
        _check(head, widths)
    return head


def fit_linear(
    vectors: Array,
    y: Array,
    classes: int,
    scaling: Scaling,
    c: float,
    weights: Array | None,
    resources: Resources,
    link: Link = SOFTMAX,
) -> Head:
    """Multinomial logistic regression; of (n, classes) 0 and 1, one for each column. Raises OutOfTime."""
    rows = scaling(vectors)
    try:
        fitted = fit_logistic(
            rows, y, classes, c=c, weights=weights, deadline=resources.deadline, threads=resources.threads
        )
    except TimeoutError as error:
        raise OutOfTime(str(error)) from None
    return Head("linear", scaling, {"coef": fitted.coef, "intercept": fitted.intercept}, link)


def fit_ridge_head(vectors: Array, target: Target, scaling: Scaling, alpha: float, resources: Resources) -> Head:
    """Ridge regression."""
    fitted = fit_ridge(
        scaling(vectors), target.y, alpha=alpha, weights=target.weights, deadline=resources.deadline,
        threads=resources.threads,
    )  # fmt: skip
    return Head("linear", scaling, {"coef": fitted.coef, "intercept": fitted.intercept}, target.link)


def fit_prototypes(vectors: Array, y: Array, classes: int, weights: Array | None = None) -> Head:
    """Return the class whose mean is nearest by angle (Snell et al. 2017).

    Its sharpness is fitted by leaving each row out.
    """
    rows = _unit(vectors)
    sums = np.zeros((classes, rows.shape[1]), np.float32)
    counted = rows if weights is None else rows * weights[:, None]
    np.add.at(sums, y, counted)
    likeness = rows @ _unit(sums).T
    without = _unit(sums[y] - counted)  # each row's class without the row itself
    likeness[np.arange(len(y)), y] = np.einsum("nd,nd->n", without, rows)
    several = np.bincount(y, minlength=classes)[y] > 1
    sharpness = _sharpest(lambda s: softmax(s * likeness[several]), y[several], SOFTMAX)
    coef: Array = np.float32(sharpness) * _unit(sums)
    arrays = {"coef": coef, "intercept": np.zeros(classes, np.float32)}
    return Head("linear", Scaling.fitted(vectors, "unit"), arrays)


def fit_neighbours(
    vectors: Array,
    y: Array,
    classes: int,
    scaling: Scaling,
    k: int,
    seed: int,
    link: Link = SOFTMAX,
) -> Head:
    """Votes of the ``k`` nearest rows by angle, weighted by e^(sharpness · cosine).

    Y (n,), or (n, classes) of 0 and 1, where a row votes for each label that it has, and against the others.
    """
    kept = _some(len(y), _MOST_NEIGHBOURS_ROWS, seed)
    rows, labels = _unit(scaling(vectors[kept])), y[kept]
    several = labels.ndim == 2
    if several:
        prior = (labels.sum(axis=0) + 1.0) / (len(labels) + 2)
    else:
        prior = (np.bincount(labels, minlength=classes) + 1.0) / (len(labels) + classes)
    arrays: dict[str, Array] = {
        "vectors": rows.astype(np.float16),
        "labels": labels.astype(np.uint8 if several else np.int32),
        "prior": prior.astype(np.float32),
        "k": np.array(min(k, len(labels)), np.int32),
    }
    queries = _some(len(labels), 1000, seed)
    likeness = rows[queries] @ rows.T
    likeness[np.arange(len(queries)), queries] = -2.0  # a row is no neighbour of itself

    def voted(sharpness: float) -> Array:
        return _votes(likeness, {**arrays, "sharpness": np.array(sharpness, np.float32)})

    best = _sharpest(voted, labels[queries], link)
    kind = "knn_sets" if several else "knn"
    return Head(kind, scaling, {**arrays, "sharpness": np.array(best, np.float32)}, link)


def _unit(rows: Array) -> Array:
    out: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return out


def _linear(rows: Array, arrays: Mapping[str, Array], link: Link) -> Array:
    return link(rows @ arrays["coef"].T + arrays["intercept"])


def _mlp(rows: Array, arrays: Mapping[str, Array], link: Link) -> Array:
    hidden = np.maximum(rows @ arrays["first"].T + arrays["first_bias"], 0)
    return link(hidden @ arrays["second"].T + arrays["second_bias"])


def _knn(rows: Array, arrays: Mapping[str, Array], link: Link) -> Array:
    out = np.empty((len(rows), len(arrays["prior"])))
    vectors = arrays["vectors"].astype(np.float32)
    for start in range(0, len(rows), 256):
        part = slice(start, start + 256)
        out[part] = _votes(_unit(rows[part]) @ vectors.T, arrays)
    return link.of(out)


def _votes(likeness: Array, arrays: Mapping[str, Array]) -> Array:
    """(n, classes) shares of the nearest rows' weights, mixed with the class shares as one vote more."""
    k, prior = int(arrays["k"]), arrays["prior"]
    near = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    close = np.take_along_axis(likeness, near, axis=1)
    weight = np.exp(float(arrays["sharpness"]) * (close - close.max(axis=1, keepdims=True)))
    if arrays["labels"].ndim == 2:
        votes = np.einsum("nk,nkl->nl", weight, arrays["labels"][near])
    else:
        votes = np.zeros((len(likeness), len(prior)))
        np.add.at(votes, (np.arange(len(likeness))[:, None], arrays["labels"][near]), weight)
    shares: Array = (votes + 0.1 * prior) / (weight.sum(axis=1, keepdims=True) + 0.1)
    return shares


def _sharpest(probabilities: Any, y: Array, link: Link) -> float:
    """Return the sharpness with the smallest loss on these rows."""
    if not len(y):
        return 10.0
    losses = [link.loss(probabilities(s), y) for s in _SHARPNESS]
    return _SHARPNESS[int(np.argmin(losses))]


def _some(n: int, most: int, seed: int) -> Array:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _check_shapes(head: Head, width: int) -> None:
    """Arrays that would be stretched to one another are not what was written."""
    found = {name: array.shape for name, array in head.arrays.items()}
    columns = found[_WIDTH[head.kind]]
    wanted = {"coef": (*columns, width), "vectors": (*found.get("vectors", (0,))[:1], width)}
    if head.kind == "mlp":
        wanted = {"first": (*found["first_bias"], width), "second": (*columns, *found["first_bias"])}
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            raise ValueError(f"its {name} has the shape {found[name]}, not {shape}")


def _check(head: Head, widths: Sequence[int]) -> None:
    """Shapes must fit each other and the encoder, and numbers must be numbers."""
    for name, dimensions in KINDS[head.kind].items():
        if head.arrays[name].ndim != dimensions or not np.isfinite(head.arrays[name]).all():
            raise ValueError(f"{name} is not what was written")
    (width,) = head.scaling.shift.shape
    if width not in widths or head.scaling.scale.shape != (width,):
        raise ValueError(f"it is for another width than {' or '.join(map(str, widths))}")
    _check_shapes(head, width)
    if "labels" in head.arrays:
        rows, labels, columns = len(head.arrays["vectors"]), head.arrays["labels"], len(head.arrays["prior"])
        inside = labels.dtype.kind in "iu" and labels.min(initial=0) >= 0
        inside &= labels.max() < columns if labels.ndim == 1 else labels.shape[1] == columns and labels.max() < 2
        inside &= 0 < rows <= _MOST_NEIGHBOURS_ROWS
        if len(labels) != rows or not inside or not 1 <= int(head.arrays["k"]) <= rows:
            raise ValueError("its neighbours do not fit together")
        if not 0 < float(head.arrays["sharpness"]) <= _SHARPEST or head.arrays["prior"].min(initial=1) <= 0:
            raise ValueError("its votes do not fit together")
    if not np.isfinite(head.outputs(np.ones((1, width), np.float32))).all():
        raise ValueError("it gives no probabilities")
