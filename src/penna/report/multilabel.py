"""How rows of several labels were answered: which labels stood in for which, the worst rows. Arrays in, values out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.report.record import CELL, Answers


def examine_sets(test: Table, classes: Sequence[Any], y: Array, outputs: Array, most: int = 20) -> Answers:
    """Return how often other labels were predicted in place of each, and the most confident mistakes.

    Y (n, k) of 0 and 1, outputs (n, k), a label given from 0.5 up.
    """
    truth, given = y > 0, outputs >= 0.5
    missed, extra = truth & ~given, given & ~truth
    matrix = missed.T.astype(np.int64) @ extra.astype(np.int64)
    np.fill_diagonal(matrix, (truth & given).sum(axis=0))
    sure = np.where(extra, outputs, np.where(missed, 1 - outputs, 0)).max(axis=1)
    wrong = np.flatnonzero((missed | extra).any(axis=1))
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    names = [str(label) for label in classes]
    return {
        "classes": names,
        "confusion": [(int(t), int(a), int(matrix[t, a])) for t, a in zip(*matrix.nonzero(), strict=True)],
        "support": truth.sum(axis=0).tolist(),
        "mistakes": [
            {
                "row": int(test.row_numbers[i]),
                "text": str(test.full_text[i])[:CELL],
                "true": _joined(names, truth[i]),
                "predicted": _joined(names, given[i]),
                "probability": float(sure[i]),
            }
            for i in worst
        ],
    }


def _joined(names: Sequence[str], there: Array) -> str:
    return ", ".join(names[j] for j in np.flatnonzero(there).tolist()) or "(none)"
