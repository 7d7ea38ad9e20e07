"""Text outliers, by the distance to their nearest neighbors in an embedding space."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, of_rows, quoted

LOOKS_FOR = "texts unlike all others (with an encoder)"
NEEDS = "vectors"

_NEIGHBOURS = 10
_FENCE = 5.0  # robust standard deviations
_MOST_ANCHORS = 5_000
_MOST_SHARE = 0.02
_BLOCK = 2_000


def find(sheet: CheckContext) -> list[Finding]:
    """Report rows whose mean distance to their ten nearest neighbors is far above the usual one."""
    if sheet.vectors is None:
        return []
    usable = np.flatnonzero(~sheet.blank)
    if len(usable) < 5 * _NEIGHBOURS:
        return []
    far = distances(sheet.vectors[usable])
    middle = float(np.median(far))
    spread = 1.4826 * float(np.median(np.abs(far - middle))) or 1e-6
    order = np.argsort(-far, kind="stable")[: max(1, int(_MOST_SHARE * len(far)))]
    order = order[far[order] > middle + _FENCE * spread]
    place = usable[order]
    examples = [f"row {sheet.rows[i]}: {quoted(sheet.table.full_text[i])}" for i in place[:FEW]]
    return of_rows(
        "outlier text", "texts unlike all others, the strangest first", sheet.rows[place], "info", of=len(sheet),
        examples=examples, does="keeps them", change="check whether they belong here; drop them in the file if not",
    )  # fmt: skip


def distances(vectors: Array, seed: int = 0) -> Array:
    """Return the mean cosine distance of each row, (n,), to its nearest neighbors among at most 5,000 random rows."""
    unit = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    chosen = np.random.default_rng(seed).permutation(len(unit))[:_MOST_ANCHORS]
    anchors, place = unit[chosen], np.full(len(unit), -1)
    place[chosen] = np.arange(len(chosen))
    out = np.empty(len(unit))
    for start in range(0, len(unit), _BLOCK):
        likeness = unit[start : start + _BLOCK] @ anchors.T
        own = place[start : start + _BLOCK]
        inside = np.flatnonzero(own >= 0)
        likeness[inside, own[inside]] = -1  # no row is its own neighbor
        nearest = np.partition(likeness, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS:]
        out[start : start + _BLOCK] = 1 - nearest.mean(axis=1)
    return out
