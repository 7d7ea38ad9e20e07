"""The out-of-scope class, and how well it is recognized.

Light, like the tasks.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from penna import metrics
from penna.data.arrays import Array
from penna.metrics.base import Metric, Rows

#: Usual names of such a class, without case and signs.
SPELLINGS = frozenset(("oos", "ood", "outofscope", "outofdomain", "outofdistribution"))
_SIGNS = re.compile(r"[\W_]+")
#: Fewer others leave nothing to be in scope of.
_LEAST_OTHERS = 2


def named(labels: Sequence[Any]) -> Any:
    """Return the label that is called like one for what is out of scope, None where there is none, or no scope.

    >>> named(["balance", "Out of scope", "transfer"])
    'Out of scope'
    """
    found = [label for label in labels if _SIGNS.sub("", str(label)).lower() in SPELLINGS]
    return found[0] if len(found) == 1 and len(labels) > _LEAST_OTHERS else None


def whole(outputs: Array, columns: int) -> Array:
    """(n, columns): with a last column of zeros where models know nothing of what is out of scope."""
    missing = columns - outputs.shape[1]
    return np.pad(outputs, ((0, 0), (0, missing))) if missing > 0 else outputs


def measures(y: Array, outputs: Array, column: int) -> dict[str, list[float]]:
    """Accuracy on what is in scope, and, where there are rows that are not, how well these are distinguished.

    Each with its interval.
    """

    def rows(y: Array, outputs: Array) -> Rows:
        answers = outputs.argmax(axis=1)
        return y == column, answers == column, answers == y

    out = y == column
    wanted = {} if out.all() else {"in_scope_accuracy": _accuracy}
    wanted |= {"oos_precision": _precision, "oos_recall": _recall, "oos_f1": _f1} if out.any() else {}
    return {name: list(metrics.bootstrap(y, outputs, Metric(rows, value))) for name, value in wanted.items()}


def _accuracy(out: Array, predicted: Array, right: Array) -> float:
    return _share(right[~out])


def _precision(out: Array, predicted: Array, right: Array) -> float:
    return _share(out[predicted])


def _recall(out: Array, predicted: Array, right: Array) -> float:
    return _share(predicted[out])


def _f1(out: Array, predicted: Array, right: Array) -> float:
    both = int(out.sum() + predicted.sum())
    return 2 * int((out & predicted).sum()) / both if both else 0.0


def _share(rows: Array) -> float:
    return float(rows.mean()) if len(rows) else 0.0


def plain(label: Any, kind: type) -> Any:
    """Return a label as the others are written: from the command line all are text. Raises ValueError."""
    if kind is bool:
        return {"true": True, "false": False}[str(label).lower()]
    return kind(label)


def last(labels: Iterable[Any], label: Any) -> tuple[Any, ...]:
    """Return the labels, sorted, with the one that no row has at the end: it is a column that models do not know."""
    return (*sorted(set(labels) - {label}), label)
