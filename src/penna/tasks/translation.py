"""Translation, and other tasks from text to text. Serving imports this file.

A row's output is its answer's code points (``_translations.codes``), so that rows are taken and folds joined like those
of every other task. Answers are not averaged: blends and post-processing steps have nothing to work on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna.data import ragged
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.preprocessing import parallel_pairs
from penna.preprocessing.data_findings import of_rows
from penna.tasks import _translation_metrics as texts
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task: none of its kinds.
ESTIMATOR_TYPE = "translator"
#: Families that go by another name where texts are answered.
FAMILY_ALIASES = {"linear": "translation_memory", "finetune": "seq2seq"}
#: The text is read alone, and as it is.
IS_SPAN_TASK = True
#: Answers take long: a search looks at no more rows to choose by.
MAX_VALIDATION_ROWS = 1000
METRICS = tuple(texts.METRICS)

_ERROR_ROUNDS = 100
#: Lengths of the reference, in words, by which a table tells how good answers are.
_LENGTHS = (8, 12, 16, 24, 40)


def matches(table: Table) -> bool:
    """Return a target of texts, nearly all of them different."""
    return parallel_pairs.sentences(table.target)


def inference_note(table: Table) -> str:
    """Return what ``recognise`` has to say for itself."""
    return (
        f"column {table.target_name!r} holds a text of its own in nearly every row: taken as what to say (translation)."
    )


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows with a text on each side, and which pairs cannot be right. ``rare`` is for classes.

    Raises TaskError for a target that is no text, and where both sides say the same.
    """
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    _refuse(table, ~_texts(table))
    blank = np.flatnonzero(~_written(table))
    if len(blank) == len(table):
        raise TaskError(f"column {table.target_name!r} is empty in all {len(table)} rows: choose another target.")
    left_out = _blank(table, blank)
    table = table.take(np.flatnonzero(_written(table)))
    found = parallel_pairs.findings(table)
    copies = sum(finding.count for finding in found if finding.kind == "copied pair")
    if copies > len(table) / 2:
        raise TaskError(
            f"{copies:,} of {len(table):,} rows say the very same in {table.target_name!r} as in the text: name two "
            "columns in different languages (--source, --target)."
        )
    return table, [*left_out, *found]


def _blank(table: Table, at: Array) -> list[Finding]:
    what = f"rows left out for an empty {table.target_name!r}"
    return of_rows("missing target", what, table.row_numbers[at], of=len(table))


def from_table(table: Table, metric: str | None = None) -> "Translation":
    """Return the task of saying this table's target; chrF without ``metric``. Raises TaskError as ``settle`` does."""
    metric = metric or METRICS[0]
    if metric not in METRICS:
        raise SettingError(f"there is no metric {metric!r} for translations: choose one of {', '.join(METRICS)}.")
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    _refuse(table, ~_texts(table))
    return Translation(metric, texts.cut_for(table.target.tolist()))


def restore(data: Mapping[str, Any]) -> "Translation":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        metric, cut = data["metric"], data["cut"]
        if metric not in METRICS or cut not in texts.CUTS:
            raise ValueError("unknown metric, or way to cut texts into words")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artifact.") from error
    return Translation(metric, cut)


@dataclass(frozen=True)
class Translation(TaskDefaults):
    """Texts to be generated. ``cut`` is how BLEU cuts them into words (``_translations.CUTS``)."""

    metric: str = METRICS[0]
    cut: str = texts.CUTS[0]

    name = "translation"
    output_kind = OutputKind.TEXT
    allows_empty = False
    classes = ()
    columns = 1
    can_ensemble = False

    def encode(self, table: Table) -> Array:
        """(n,) object: the texts to be generated. Raises TaskError, naming rows, for cells that are none."""
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        _refuse(table, ~_texts(table))
        return ragged.objects(map(str, table.target))

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        return _written(table)

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better."""
        return texts.METRICS[self.metric] * self._stats(self.metric, y, outputs).value()

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        return float(self._stats(self.metric, y, outputs).spread(_ERROR_ROUNDS, seed).std(ddof=1))

    def _stats(self, metric: str, y: Array, outputs: Array) -> texts.Stats:
        return texts.stats(metric, list(y), texts.texts_of(outputs), self.cut)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """Return ``rows``, BLEU, chrF and TER as ``[value, low, high]`` in 0..100, and their ``signatures``.

        ``by_class`` has a row for each range of reference lengths.
        """
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        counted = {metric: self._stats(metric, y, outputs) for metric in METRICS}
        return {
            "rows": len(y),
            **{metric: stats.interval() for metric, stats in counted.items()},
            "by": "length",
            "by_class": _by_length(y, counted),
            "signatures": {metric: texts.signature(metric, self.cut) for metric in METRICS},
        }

    def strata(self, table: Table) -> Array:
        """Return (n,) int64: splits keep the shares of these."""
        return np.zeros(len(table), np.int64)

    def labels(self, y: Array) -> Objects:
        """Return (n,) what ``encode`` was given."""
        return ragged.objects(y)

    def decode(self, outputs: Array) -> Objects:
        """Return (n,) predictions in the user's own form."""
        return ragged.objects(texts.texts_of(outputs))

    def to_text_spans(self, answers: Sequence[Any], table: Table) -> Objects:
        """Return predictions with their positions in characters."""
        return ragged.objects(answers)

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return list(answers)

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        raise TaskError("this model answers with texts, which have no probabilities: use predict.")

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "no answer", np.zeros(self.columns, np.float32)

    def broadcast(self, guess: Array, table: Table) -> Array:
        """(n,) an answer of one character for each row."""
        return ragged.objects(guess[None] for _ in range(len(table)))

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """ChrF as a share of 1; ``weights`` of rows."""
        counted = texts.stats("chrf", [str(text) for text in truth], [str(text) for text in answers], self.cut)
        return counted.value(None if weights is None else np.asarray(weights, np.float64)) / 100

    def counts(self, table: Table) -> dict[str, int]:
        """Nothing comes twice."""
        return {}

    def mistakes(self, test: Table, y: Array, outputs: Array, most: int = 20) -> list[dict[str, Any]]:
        """Return the rows whose answers are least like the reference by chrF, with both."""
        answers = texts.texts_of(outputs)
        counted = texts.stats("chrf", list(y), answers, self.cut)
        each = [texts.Stats("chrf", self.cut, row[None]).value() for row in counted.rows]
        worst = np.argsort(each, kind="stable")[:most]
        return [
            {
                "row": int(test.row_numbers[i]),
                "text": str(test.full_text[i]),
                "answer": answers[i],
                "truth": str(y[i]),
                "chrF": f"{each[i]:.1f}",
            }
            for i in worst.tolist()
        ]

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        return {
            "model": "translator",
            "answer": "a text",
            "unusable": "their target is no text",
            "confidence": "how near its answers come to those of people is what BLEU "
            f"({texts.signature('bleu', self.cut)}) and chrF above say",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"name": self.name, "metric": self.metric, "cut": self.cut}


def _by_length(y: Array, counted: Mapping[str, texts.Stats]) -> list[dict[str, Any]]:
    """Return every metric by range of lengths."""
    at = np.searchsorted(_LENGTHS, [_length(text) for text in y])
    made = []
    for i, name in enumerate(_names()):
        inside = (at == i).astype(np.float64)
        if inside.any():
            values = {metric: stats.value(inside) for metric, stats in counted.items()}
            made.append({"label": name, "rows": int(inside.sum()), **values})
    return made


def _length(text: str) -> int:
    """In words; of a script without spaces, every second sign is one."""
    spaced = len(text.split())
    return spaced if spaced > len(text) / 30 else len(text) // 2


def _names() -> list[str]:
    lows = [1, *(edge + 1 for edge in _LENGTHS)]
    ranges = [f"{low} to {high} words" for low, high in zip(lows, _LENGTHS, strict=False)]
    return [*ranges, f"{lows[-1]} words and more"]


def _written(table: Table) -> Array:
    assert table.target is not None
    return np.array([isinstance(cell, str) and bool(cell.strip()) for cell in table.target], bool)


def _texts(table: Table) -> Array:
    assert table.target is not None
    return np.array([isinstance(cell, str) for cell in table.target], bool)


def _refuse(table: Table, wrong: Array) -> None:
    if not wrong.any():
        return
    at = np.flatnonzero(wrong)
    assert table.target is not None
    named = ", ".join(f"{str(table.target[i])[:40]!r} in row {int(table.row_numbers[i])}" for i in at[:3])
    more = f" and {len(at) - 3} more" if len(at) > 3 else ""
    raise TaskError(
        f"column {table.target_name!r} holds something other than text in {len(at)} of {len(table)} rows "
        f"({named}{more}): give texts, or choose another target."
    )
