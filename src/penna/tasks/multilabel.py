"""Any number of labels for each text, none included. Light: serving opens this file.

Each label has a probability of its own and is given from 0.5 up; post-processing moves the probabilities so that this
is the best threshold (``postprocessing/label_thresholds``); scores on the way assume that (``label_sets.score``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.readers import multi_targets
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.metrics import label_sets
from penna.tasks import _degenerate_labels
from penna.tasks import _multi_labels as cells
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task.
ESTIMATOR_TYPE = "classifier"

METRICS = tuple(label_sets.SIGNS)
#: Every label counts as much as another: the rare ones are what one asks several labels for, and micro F1 hears the
#: frequent ones alone.
_USUAL = "macro_f1"
#: Characters of what stands between labels.
_LONGEST_FORM = 100


def matches(table: Table) -> bool:
    """Return a target of lists, of cells joined by a sign, or of several columns."""
    if table.target is None:
        return False
    return bool(table.target_form) or cells.several(table.target.tolist())


def inference_note(table: Table) -> str:
    """Return what ``recognise`` has to say for itself."""
    assert table.target is not None
    taken = parse_target(table)
    if taken.target_form != multi_targets.MATRIX and not table.target_form:
        _degenerate_labels.refuse_repeated(table.target.tolist(), table)
    assert taken.target is not None
    labels = {label for several in taken.target for label in several}
    most, form = max(map(len, taken.target), default=0), taken.target_form
    if form == multi_targets.MATRIX:
        return (
            f"column {table.target_name!r} holds a list of 0 and 1 in each row: taken as several labels, which are the "
            "numbers of the places that hold a 1, counted from 0 (--task multilabel)."
        )
    written = form != cells.JSON and any(isinstance(c, str) and cells.bare(form) in c for c in table.target)
    how = f", joined by {form!r}" if written else ""
    change = "; --separator names another sign between them" if written else ""
    return (
        f"column {table.target_name!r} holds up to {most} of {len(labels):,} labels in a row{how}: taken as several "
        f"labels for each row (--task multilabel){change}."
    )


def parse_target(table: Table) -> Table:
    """Return the table with a tuple of labels in each cell of its target, and with a form.

    An empty cell says that there is none.
    """
    if table.target is None or (table.target_form and all(type(cell) is tuple for cell in table.target)):
        return table
    given = table.target.tolist()
    if (places := multi_targets.matrix(given)) is not None:
        return replace(table, target=places, target_form=multi_targets.MATRIX)
    form = table.target_form or cells.form_of(given)
    if form == cells.JSON and (odd := cells.unread(given)):
        where = f"rows {_degenerate_labels.rows_at(table, odd)}, such as {str(given[odd[0]])[:40]!r}"
        raise TaskError(
            f"column {table.target_name!r} holds lists, and some that cannot be read ({where}): write them as JSON, "
            "with quotes."
        )
    if table.target_form and not any(isinstance(cell, str) and cells.bare(form) in cell for cell in given):
        raise TaskError(f"no cell of column {table.target_name!r} holds {form!r}: give another --separator.")
    target = cells.sets(given, form)
    return replace(table, target=target, target_form=form or cells.sign_for({label for row in target for label in row}))


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows and labels that can be learned, a sorted tuple for each row.

    A label of one row is left out, and the row with it where it has no other; ``rare`` is for classes. Raises TaskError
    for a target with no labels, one label, or hardly two rows of the same.
    """
    table = parse_target(table)
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    counts = _degenerate_labels.counted(table)
    _degenerate_labels.check(counts, table)
    lonely = {label for label, rows in counts.items() if rows == 1}
    if not lonely:
        return table, []
    at = np.flatnonzero([not lonely.isdisjoint(labels) for labels in table.target])
    kept, empty = _without(table, lonely)
    _degenerate_labels.check(_degenerate_labels.counted(kept), kept)
    where = f"{_degenerate_labels.named(lonely)}; rows {_degenerate_labels.rows_at(table, at)}"
    message = f"labels left out, each seen once: {len(lonely)} ({where}); and rows with no other: {empty}."
    rows = tuple(int(table.row_numbers[i]) for i in at[: _degenerate_labels.FEW])
    return kept, [Finding("rare class", message, len(lonely), rows, "warning")]


def _without(table: Table, lonely: set[Any]) -> tuple[Table, int]:
    """Return the table without these labels, and how many rows had no others: they are left out, too."""
    assert table.target is not None
    target = np.empty(len(table), dtype=object)
    for i, labels in enumerate(table.target):
        target[i] = tuple(label for label in labels if label not in lonely)
    keep = [bool(left) or not given for left, given in zip(target, table.target, strict=True)]
    return replace(table, target=target).take(np.flatnonzero(keep)), len(keep) - sum(keep)


def from_table(table: Table, metric: str | None = None) -> "Multilabel":
    """Return the task of giving this table's labels; macro F1 without ``metric``.

    Raises TaskError as ``settle`` does.
    """
    metric = metric or _USUAL
    if metric not in METRICS:
        raise SettingError(f"there is no metric {metric!r} for several labels: choose one of {', '.join(METRICS)}.")
    table = parse_target(table)
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    counts = _degenerate_labels.counted(table)
    _degenerate_labels.check(counts, table)
    classes = tuple(sorted(counts))
    matrix = table.target_form == multi_targets.MATRIX
    form = cells.sign_for(classes) if matrix else table.target_form
    return Multilabel(classes, metric, type(classes[0]).__name__, form, matrix=matrix)


def restore(data: Mapping[str, Any]) -> "Multilabel":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        kind, metric, form, labels = data["kind"], data["metric"], data["form"], data["classes"]
        if metric not in METRICS or not isinstance(form, str) or not 0 < len(form) <= _LONGEST_FORM:
            raise ValueError(f"unknown metric {metric!r:.40} or form {form!r:.40}")
        if any(type(label) is not _degenerate_labels.KINDS[kind] for label in labels):
            raise ValueError(f"labels are not all {kind}")
        if len(labels) < 2 or list(labels) != sorted(set(labels)):
            raise ValueError("labels are too few, unsorted or doubled")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artifact.") from error
    return Multilabel(tuple(labels), metric, kind, form, matrix=bool(data.get("matrix", False)))


@dataclass(frozen=True)
class Multilabel(TaskDefaults):
    """Labels of the Python type ``kind``; ``form`` is how a cell of several is written: a sign, or "json".

    ``adjusted``: whether a post-processing step will place the cut of each label; ``matrix``: whether cells are lists
    of 0 and 1, and labels their places.
    """

    classes: tuple[Any, ...]
    metric: str = _USUAL
    kind: str = "str"
    form: str = "|"
    adjusted: bool = True
    matrix: bool = False

    name = "multilabel"
    output_kind = OutputKind.LABEL_PROBABILITIES
    allows_empty = True

    @property
    def columns(self) -> int:
        """Return the number of columns of an output."""
        return len(self.classes)

    def without_postprocessing(self) -> "Multilabel":
        """Return the task that scores outputs as ``decode`` reads them."""
        return replace(self, adjusted=False)

    def encode(self, table: Table) -> Array:
        """(n, k) float32, 1 where the row has the label. Raises TaskError, naming labels and rows never seen at fit."""
        y = np.zeros((len(table), self.columns), np.float32)
        unseen: dict[Any, int] = {}
        for i, labels in enumerate(self._sets(table)):
            for label in labels:
                if (j := self._place(label)) < 0:
                    unseen.setdefault(label, i)
                else:
                    y[i, j] = 1
        if unseen:
            rows = _degenerate_labels.rows_at(table, list(unseen.values()))
            known = _degenerate_labels.named(self.classes)
            raise TaskError(
                f"column {table.target_name!r} has labels that were not there at fit: "
                f"{_degenerate_labels.named(unseen)} (rows {rows}; known labels: {known}): correct or drop these."
            )
        return y

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        return np.array([all(self._place(label) >= 0 for label in labels) for labels in self._sets(table)], bool)

    def _sets(self, table: Table) -> Objects:
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        if self.matrix and table.target_form != multi_targets.MATRIX:
            found = [multi_targets.flags_of(cell) for cell in table.target]
            given = [
                cell if f is None else tuple(np.flatnonzero(f).tolist())
                for cell, f in zip(table.target, found, strict=True)
            ]
            return cells.sets(given, self.form)
        if all(type(cell) is tuple for cell in table.target):
            return table.target
        return cells.sets(table.target.tolist(), self.form)

    def _place(self, label: Any) -> int:
        found = self._positions.get(label)
        return self._positions.get(str(label), -1) if found is None else found

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better."""
        if self.adjusted:
            return label_sets.score(self.metric, y, outputs)
        return label_sets.SIGNS[self.metric] * label_sets.value(self.metric, y, outputs)

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        return label_sets.score_error(self.metric, y, outputs)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """JSON-able: ``rows``, every metric as ``[value, low, high]``, and ``by_class``, a row for each label."""
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        table = label_sets.by_label(y, outputs)
        return {
            "rows": len(y),
            **{name: list(found) for name, found in label_sets.intervals(y, outputs).items()},
            "by_class": [
                {"label": label, **{name: column[j].item() for name, column in table.items()}}
                for j, label in enumerate(self.classes)
            ],
        }

    def strata(self, table: Table) -> Array:
        """Return the rarest label of each row; rows without one are a stratum of their own."""
        y = self.encode(table) > 0
        order = np.argsort(y.sum(axis=0), kind="stable")
        first = np.where(y.any(axis=1), y[:, order].argmax(axis=1), self.columns)
        return np.asarray(np.unique(first, return_inverse=True)[1], np.int64)

    def labels(self, y: Array) -> Objects:
        """Return (n,) what ``encode`` was given."""
        return self.decode(y)

    def decode(self, outputs: Array) -> Objects:
        """(n,) tuples of the labels whose probability is at least 0.5."""
        out = np.empty(len(outputs), dtype=object)
        for i, row in enumerate(outputs >= 0.5):
            out[i] = tuple(self.classes[j] for j in np.flatnonzero(row))
        return out

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        if self.form == cells.JSON:
            return [json.dumps(list(labels), ensure_ascii=False) for labels in answers]
        return [cells.written(labels, self.form) for labels in answers]

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        return outputs

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "label shares", y.mean(axis=0).astype(np.float32)

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """Share of rows with exactly the right labels, as scikit-learn scores classifiers of several."""
        given = [tuple(cell) if isinstance(cell, list | set | np.ndarray) else cell for cell in truth]
        pairs = zip(cells.sets(given, self.form), answers, strict=True)
        return float(np.average([set(map(str, a)) == set(map(str, b)) for a, b in pairs], weights=weights))

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        labels = ", ".join(map(str, self.classes[:30])) + (" ..." if len(self.classes) > 30 else "")
        return {
            "model": "multi-label text classifier",
            "answer": f"any of {len(self.classes)} labels, or none: {labels}",
            "unusable": "they have a label that was never trained on",
            "confidence": "each label has a probability of its own and is predicted from 0.5 up; "
            "post-processing steps may have moved it",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        data = {"name": self.name, "metric": self.metric, "kind": self.kind, "form": self.form}
        return {**data, **({"matrix": True} if self.matrix else {}), "classes": list(self.classes)}

    @cached_property
    def _positions(self) -> dict[Any, int]:
        by_text = {str(label): j for j, label in enumerate(self.classes)}
        return by_text | {label: j for j, label in enumerate(self.classes)}
