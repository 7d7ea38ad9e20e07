"""One label out of several for each text, two or many. Light: serving opens this file."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from penna import metrics
from penna.errors import SettingError, TaskError
from penna.prepare import check
from penna.table import Finding, Objects, Table
from penna.tasks import _labels
from penna.tasks import _numbers as cells

Array = np.ndarray[Any, Any]
Label = str | int | bool | float

#: What scikit-learn calls an estimator of this task.
ESTIMATOR = "classifier"

_KINDS: dict[str, type] = {"str": str, "int": int, "bool": bool, "float": float}

#: Metric -> (how it is computed, its sign in ``score``, where higher is better).
_METRICS: dict[str, tuple[metrics.Metric, int]] = {
    "accuracy": (metrics.accuracy, 1),
    "macro_f1": (metrics.macro_f1, 1),
    "balanced_accuracy": (metrics.balanced_accuracy, 1),
    "log_loss": (metrics.log_loss, -1),
    "roc_auc": (metrics.roc_auc, 1),
    "average_precision": (metrics.average_precision, 1),
    "macro_f0.5": (metrics.macro_f05, 1),
    "macro_f2": (metrics.macro_f2, 1),
    "mcc": (metrics.mcc, 1),
}
#: What is measured whatever was asked for.
_ALWAYS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss")
METRICS = tuple(_METRICS)

#: Below this part of an equal share (rows / classes), the smallest class would hardly count in accuracy.
_RARE = 0.2


def recognise(table: Table) -> bool:
    """Any target but many different numbers, which are an amount, and several labels in a row."""
    if table.target is None or table.target_form or _labels.several(table.target.tolist()):
        return False
    return not cells.amounts(table.target.tolist())


def inferred(table: Table) -> str:
    """Where labels are numbers, that they were taken for classes."""
    assert table.target is not None
    labels = set(table.target.tolist())
    if len(labels) <= 2 or not np.isfinite(cells.numbers(list(labels))).all():
        return ""
    return (
        f"column {table.target_name!r} holds {len(labels)} different numbers: taken as classes; to predict an amount "
        "(regression), say --task regress."
    )


def settle(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """The rows whose class can be learnt, all labels of one type. Raises TaskError where there are no classes."""
    return check.labels(table, rare)


def make(table: Table, metric: str | None = None) -> "Classify":
    """The task of telling this table's labels apart.

    Without ``metric``: accuracy, or macro F1 where the smallest class has less than a fifth of an equal share (for two
    classes: less than 10 % of the rows), because there a model that ignores it would still look good.
    Raises TaskError for a target that holds no two classes, or labels of mixed types.
    """
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    kind = _kind(table)
    counts = Counter(_plain(label, kind) for label in table.target)
    _check_counts(counts, table)
    if metric is None:
        rare = min(counts.values()) < _RARE * len(table) / len(counts)
        metric = "macro_f1" if rare else "accuracy"
    if metric not in _METRICS:
        raise SettingError(f"there is no metric {metric!r}: choose one of {', '.join(_METRICS)}.")
    return Classify(classes=tuple(sorted(counts)), metric=metric, kind=kind)


def restore(data: Mapping[str, Any]) -> "Classify":
    """The task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        kind, metric, labels = data["kind"], data["metric"], data["classes"]
        if metric not in _METRICS:
            raise ValueError(f"unknown metric {metric!r}")
        if any(type(label) is not _KINDS[kind] for label in labels):
            raise ValueError(f"labels are not all {kind}")
        if len(labels) < 2 or list(labels) != sorted(set(labels)):
            raise ValueError("labels are too few, unsorted or doubled")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artefact.") from error
    return Classify(classes=tuple(labels), metric=metric, kind=kind)


@dataclass(frozen=True)
class Classify:
    """Single-label classification; ``kind`` is the Python type that all labels have."""

    classes: tuple[Any, ...]
    metric: str = "accuracy"
    kind: str = "str"

    name = "classify"
    loss = "cross_entropy"
    blank = False

    def encode(self, table: Table) -> Array:
        """(n,) class indices. A label that differs only in type (1 and "1") is the same label.

        Raises TaskError, naming labels and rows, for labels that were not there at fit.
        """
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        lookup = self._lookup
        y = np.fromiter((lookup(label) for label in table.target), dtype=np.int64, count=len(table))
        if (unseen := y < 0).any():
            raise TaskError(_unseen_message(table, np.flatnonzero(unseen), self.classes))
        return y

    def usable(self, table: Table) -> Array:
        assert table.target is not None
        known = set(self.classes)
        return np.array([label in known for label in table.target], bool)

    def _lookup(self, label: Any) -> int:
        found = self._positions.get(label) if label.__hash__ else None
        return self._positions.get(str(label), -1) if found is None else found

    @property
    def columns(self) -> int:
        return len(self.classes)

    def score(self, y: Array, outputs: Array) -> float:
        metric, sign = _METRICS[self.metric]
        return sign * metric(y, outputs)

    served = score

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        return metrics.bootstrap_error(y, outputs, _METRICS[self.metric][0], seed=seed)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """JSON-able: ``rows``, five metrics and the task's own as ``[value, low, high]``, and ``by_class``, a row for
        each label."""
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        wanted = {name: _METRICS[name][0] for name in dict.fromkeys([*_ALWAYS, self.metric])}
        wanted["calibration_error"] = metrics.calibration_error
        table = metrics.by_class(y, outputs)
        return {
            "rows": len(y),
            **{name: list(metrics.bootstrap(y, outputs, metric)) for name, metric in wanted.items()},
            "by_class": [
                {"label": label, **{name: column[j].item() for name, column in table.items()}}
                for j, label in enumerate(self.classes)
            ],
        }

    def strata(self, table: Table) -> Array:
        return self.encode(table)

    def labels(self, y: Array) -> Objects:
        names = np.empty(len(self.classes), dtype=object)
        names[:] = self.classes
        found: Objects = names[y]
        return found

    def decode(self, outputs: Array) -> Objects:
        return self.labels(outputs.argmax(axis=1))

    def written(self, answers: Sequence[Any]) -> list[Any]:
        return list(answers)

    def probabilities(self, outputs: Array) -> Array:
        return outputs

    def guess(self, y: Array) -> tuple[str, Array]:
        return "majority class", (np.bincount(y, minlength=self.columns) / len(y)).astype(np.float32)

    def agreement(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """Accuracy, as scikit-learn scores classifiers."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(truth, answers, sample_weight=weights))

    def describe(self) -> dict[str, str]:
        labels = ", ".join(map(str, self.classes[:30])) + (" ..." if len(self.classes) > 30 else "")
        return {
            "model": "text classifier",
            "answer": f"one of {len(self.classes)} labels: {labels}",
            "unusable": "their label was never trained on",
            "doubt": "the probabilities say how sure it is, with the calibration error above",
        }

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "metric": self.metric, "kind": self.kind, "classes": list(self.classes)}

    @cached_property
    def _positions(self) -> dict[Any, int]:
        by_text = {str(label): j for j, label in enumerate(self.classes)}
        return by_text | {label: j for j, label in enumerate(self.classes)}


def _kind(table: Table) -> str:
    """The one type of all labels, by name. Raises TaskError, naming rows, where there is none."""
    assert table.target is not None
    first: dict[str, int] = {}
    for position, label in enumerate(table.target):
        first.setdefault(_kind_of(label), position)
    if set(first) == {"int", "float"}:
        return "float"
    column, row = f"column {table.target_name!r}", {kind: _row(table, at) for kind, at in first.items()}
    if "missing" in first:
        raise TaskError(f"{column} has no label in row {row['missing']}: fill it in or drop such rows.")
    if unusable := sorted(set(first) - set(_KINDS)):
        raise TaskError(f"{column} holds {unusable[0]} in row {row[unusable[0]]}: labels must be text or numbers.")
    if len(first) > 1:
        where = " and ".join(f"{kind} (row {row[kind]})" for kind in first)
        raise TaskError(f"{column} mixes labels of types {where}: convert them all to one type.")
    return next(iter(first))


def _kind_of(label: Any) -> str:
    # bool before int: True is an int to Python.
    if isinstance(label, str):
        return "str"
    if isinstance(label, bool | np.bool_):
        return "bool"
    if isinstance(label, int | np.integer):
        return "int"
    if isinstance(label, float | np.floating):
        return "float" if math.isfinite(label) else "missing" if math.isnan(label) else "infinity"
    return "missing" if label is None else type(label).__name__


def _plain(label: Any, kind: str) -> Label:
    """The label as a plain Python value: numpy scalars do not survive JSON."""
    plain: Label = _KINDS[kind](label)
    return plain


def _row(table: Table, position: int) -> int:
    return int(table.rows[position]) if len(table.rows) else position + 1


def _check_counts(counts: Counter[Label], table: Table) -> None:
    column = f"column {table.target_name!r}"
    if len(counts) < 2:
        raise TaskError(f"{column} has one class only ({_some(counts)}): give rows of at least two.")
    if max(counts.values()) < 2:
        raise TaskError(f"{column} has a different label in each of its {len(table)} rows: is it the target?")


def _unseen_message(table: Table, positions: Array, classes: tuple[Any, ...]) -> str:
    assert table.target is not None
    labels = dict.fromkeys(str(table.target[i]) for i in positions)
    rows = _some(_row(table, int(i)) for i in positions)
    return (
        f"column {table.target_name!r} has labels that were not there at fit: {_some(labels)} "
        f"(rows {rows}; known labels: {_some(classes)}): correct or drop these rows."
    )


def _some(items: Iterable[Any], most: int = 5) -> str:
    """The first few, each cut to a readable length."""
    listed = [str(item) if isinstance(item, int) else repr(item) for item in items]
    cut = [item if len(item) <= 40 else item[:37] + "..." for item in listed[:most]]
    return ", ".join(cut) + (f" and {len(listed) - most} more" if len(listed) > most else "")
