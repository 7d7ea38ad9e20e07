"""One label out of several for each text, two or many. Light: serving opens this file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from penna import metrics
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.preprocessing import validate
from penna.tasks import _alternative_targets, _label_types, _multi_labels, _out_of_scope
from penna.tasks import _numeric_target as cells
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task.
ESTIMATOR_TYPE = "classifier"
#: Cells of one label, or number, each: the metric may tell the task.
IS_SCALAR = True

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
_METRICS |= {metric.name: (metric.metric, metric.sign) for metric in metrics.registered("classification")}
#: What is measured whatever was requested.
_ALWAYS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss")
METRICS = tuple(_METRICS)

#: Below this part of an equal share (rows / classes), the smallest class would hardly count in accuracy.
_RARE = 0.2


def matches(table: Table) -> bool:
    """Any target but many different numbers, which are an amount, and several labels in a row."""
    if table.target is None or table.target_form or _multi_labels.several(table.target.tolist()):
        return False
    return not cells.amounts(table.target.tolist())


def inference_note(table: Table) -> str:
    """Return a note if numeric labels were taken for classes, or if the target may be something else."""
    assert table.target is not None
    if note := hint(table):
        return note
    labels = set(table.target.tolist())
    if len(labels) <= 2 or not np.isfinite(cells.numbers(list(labels))).all():
        return ""
    return (
        f"column {table.target_name!r} holds {len(labels)} different numbers: taken as classes; to predict an amount "
        "(regression), say --task regression."
    )


def hint(table: Table) -> str:
    """Return what a target of many labels may be instead."""
    return _alternative_targets.hint(table)


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows whose class can be learned, all labels of one type.

    Raises TaskError where there are no classes.
    """
    return validate.labels(table, rare)


def from_table(table: Table, metric: str | None = None) -> "Classification":
    """Return the task of telling this table's labels apart.

    Without ``metric``: accuracy, or macro F1 where the smallest class has less than a fifth of an equal share (for two
    classes: less than 10 % of the rows), because there a model that ignores it would still look good.
    Raises TaskError for a target that holds no two classes, or labels of mixed types.
    """
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    kind = _label_types.kind_of(table)
    counts = Counter(_label_types.plain(label, kind) for label in table.target)
    _label_types.check_counts(counts, table)
    if metric is None:
        rare = min(counts.values()) < _RARE * len(table) / len(counts)
        metric = "macro_f1" if rare else "accuracy"
    if metric not in _METRICS:
        raise SettingError(f"there is no metric {metric!r}: choose one of {', '.join(_METRICS)}.")
    classes = tuple(sorted(counts))
    return Classification(classes=classes, metric=metric, kind=kind, scope=_out_of_scope.named(classes))


def with_oos_label(task: "Classification", label: Any) -> "Classification":
    """Return the task with this label for what is out of scope, whether rows have it or not. Raises TaskError."""
    try:
        plain = _out_of_scope.plain(label, _label_types.KINDS[task.kind])
    except (KeyError, ValueError):
        raise TaskError(
            f"--oos-label {label!r} cannot stand among labels of type {task.kind}: give a label of that type."
        ) from None
    if plain in task.classes and len(task.classes) < 3:
        raise TaskError(f"--oos-label {label!r} leaves one class in scope: give rows of at least two others.")
    if plain in task.classes:
        return replace(task, scope=plain)
    return replace(task, classes=_out_of_scope.last(task.classes, plain), scope=plain, taught=False)


def restore(data: Mapping[str, Any]) -> "Classification":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        kind, metric, labels = data["kind"], data["metric"], data["classes"]
        if metric not in _METRICS:
            raise ValueError(f"unknown metric {metric!r}")
        scope, taught = data.get("scope"), bool(data.get("taught", True))
        trained = labels if taught else labels[:-1]
        if any(type(label) is not _label_types.KINDS[kind] for label in labels):
            raise ValueError(f"labels are not all {kind}")
        if len(trained) < 2 or list(trained) != sorted(set(trained)) or (not taught and labels[-1] in trained):
            raise ValueError("labels are too few, unsorted or doubled")
        if (scope is not None and scope not in labels) or (not taught and scope != labels[-1]):
            raise ValueError("what is out of scope is none of its labels")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artifact.") from error
    return Classification(classes=tuple(labels), metric=metric, kind=kind, scope=scope, taught=taught)


@dataclass(frozen=True)
class Classification(TaskDefaults):
    """Single-label classification; ``kind`` is the Python type that all labels have.

    ``scope`` is the label of what is out of scope, if any. Where no row was ``taught`` it, it is the last one, and
    models know nothing of it: their outputs are a column short.
    """

    classes: tuple[Any, ...]
    metric: str = "accuracy"
    kind: str = "str"
    scope: Any = None
    taught: bool = True

    name = "classification"
    output_kind = OutputKind.CLASS_PROBABILITIES
    allows_empty = False

    def encode(self, table: Table) -> Array:
        """(n,) class indices. A label that differs only in type (1 and "1") is the same label.

        Raises TaskError, naming labels and rows, for labels that were not there at fit.
        """
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        lookup = self._lookup
        y = np.fromiter((lookup(label) for label in table.target), dtype=np.int64, count=len(table))
        if (unseen := y < 0).any():
            raise TaskError(_label_types.unseen_message(table, np.flatnonzero(unseen), self.classes))
        return y

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        assert table.target is not None
        return np.array([label is not None and self._lookup(label) >= 0 for label in table.target], bool)

    def _lookup(self, label: Any) -> int:
        found = self._positions.get(label) if label.__hash__ else None
        return self._positions.get(str(label), -1) if found is None else found

    @property
    def columns(self) -> int:
        """Return the number of columns of an output."""
        return len(self.classes) - (not self.taught)

    @property
    def oos_index(self) -> int | None:
        """The class that a post-processing step answers with where no other is likely, by its index."""
        return None if self.scope is None else self.classes.index(self.scope)

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better."""
        metric, sign = _METRICS[self.metric]
        return sign * metric(y, self._whole(outputs))

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        return metrics.bootstrap_error(y, self._whole(outputs), _METRICS[self.metric][0], seed=seed)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """Return ``rows``, each metric as ``[value, low, high]``, and ``by_class`` with a row for each label."""
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        outputs = self._whole(outputs)
        wanted = {name: _METRICS[name][0] for name in dict.fromkeys([*_ALWAYS, self.metric])}
        wanted["calibration_error"] = metrics.calibration_error
        table = metrics.by_class(y, outputs)
        return {
            "rows": len(y),
            **{name: list(metrics.bootstrap(y, outputs, metric)) for name, metric in wanted.items()},
            **({} if self.oos_index is None else _out_of_scope.measures(y, outputs, self.oos_index)),
            "by_class": [
                {"label": label, **{name: column[j].item() for name, column in table.items()}}
                for j, label in enumerate(self.classes)
            ],
        }

    def strata(self, table: Table) -> Array:
        """Return (n,) int64: splits keep the shares of these."""
        return self.encode(table)

    def labels(self, y: Array) -> Objects:
        """Return (n,) what ``encode`` was given."""
        names = np.empty(len(self.classes), dtype=object)
        names[:] = self.classes
        found: Objects = names[y]
        return found

    def decode(self, outputs: Array) -> Objects:
        """Return (n,) predictions in the user's own form."""
        return self.labels(outputs.argmax(axis=1))

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return list(answers)

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        return self._whole(outputs)

    def _whole(self, outputs: Array) -> Array:
        return outputs if self.taught else _out_of_scope.whole(outputs, len(self.classes))

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "majority class", (np.bincount(y, minlength=self.columns) / len(y)).astype(np.float32)

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """Accuracy, as scikit-learn scores classifiers."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(truth, answers, sample_weight=weights))

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        labels = ", ".join(map(str, self.classes[:30])) + (" ..." if len(self.classes) > 30 else "")
        return {
            "model": "text classifier",
            "answer": f"one of {len(self.classes)} labels: {labels}"
            + ("" if self.scope is None else f"; with {self.scope} where it is sure of none of the others"),
            "unusable": "their label was never trained on",
            "confidence": "the probabilities say how sure it is, with the calibration error above",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        plain = {"name": self.name, "metric": self.metric, "kind": self.kind, "classes": list(self.classes)}
        return plain if self.scope is None else {**plain, "scope": self.scope, "taught": self.taught}

    @cached_property
    def _positions(self) -> dict[Any, int]:
        by_text = {str(label): j for j, label in enumerate(self.classes)}
        return by_text | {label: j for j, label in enumerate(self.classes)}
