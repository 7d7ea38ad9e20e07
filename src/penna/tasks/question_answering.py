"""Answers to questions, quoted from a text, or none where it holds none. Light: serving opens this file.

A row is a pair: the question, and the text that holds its answer. Learnt as the first and the last word of it
(``quotes``), answered with its characters.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penna import metrics
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.metrics import quotes
from penna.preprocessing import data_findings
from penna.tasks import _answer_cells
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task: none of its kinds.
ESTIMATOR_TYPE = "reader"
#: Families that go by another name here.
FAMILY_ALIASES = {"linear": "sliding_window", "finetune": "reader"}
#: Answers are parts of the text: it is read as it is, next to its question alone.
IS_SPAN_TASK = True

METRICS = quotes.NAMES
#: Quotes that are reported after the likeliest.
OTHERS = 4
#: Rows by which a search chooses: a reader reads each of them whole.
MAX_VALIDATION_ROWS = 4000
#: Rows that are measured for the length of answers, the share of them that are not longer, and the most words of any.
_MEASURED, _NEARLY_ALL, _MOST_WORDS = 1000, 0.995, 300


def matches(table: Table) -> bool:
    """Pairs whose target quotes their second text."""
    return _answer_cells.like(table)


def inference_note(table: Table) -> str:
    """Return what ``recognise`` has to say for itself."""
    assert table.pair is not None
    quotes = f"column {table.target_name!r} quotes column {table.pair[1]!r}"
    return f"{quotes}: taken as answers to find (--task question_answering)."


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows whose answers stand in their texts; rows with one text stay on one side of every split.

    ``rare`` is for classes.

    Raises TaskError where there is no pair, where no row can be used, and where no row has an answer.
    """
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    if table.pair is None:
        raise TaskError(
            "answers are found in pairs of a question and a text: name both (--text question --text-pair context)."
        )
    read = _answer_cells.read(table)
    wrong = data_findings.left_out(table, read)
    keep = np.flatnonzero([not isinstance(row, str) for row in read])
    if not len(keep):
        messages = " ".join(f.message for f in wrong)
        raise TaskError(f"no row of column {table.target_name!r} can be used: {messages} Correct them.")
    if not any(read[i] for i in keep):
        raise TaskError(data_findings.none_left("answer", table, len(keep), wrong))
    group = table.text[table.pair[1]] if table.group is None else table.group
    return replace(table, group=group).take(keep), wrong


def from_table(table: Table, metric: str | None = None) -> "QuestionAnswering":
    """Return the task of answering this table's questions; F1 without ``metric``.

    Raises TaskError as ``settle`` does.
    """
    metric = metric or METRICS[0]
    if metric not in METRICS:
        raise SettingError(f"there is no metric {metric!r} for answers: choose one of {', '.join(METRICS)}.")
    table, _ = prepare_target(table)
    silent = any(not row for row in _answer_cells.read(table))
    spans = [
        truth.span for truth in QuestionAnswering(metric).encode(table.sample(_MEASURED)) if truth.span is not None
    ]
    words = np.quantile([after - first for first, after in spans], _NEARLY_ALL) if spans else 0
    return QuestionAnswering(metric, silent, int(np.clip(np.ceil(words), quotes.LONGEST, _MOST_WORDS)))


def restore(data: Mapping[str, Any]) -> "QuestionAnswering":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    metric, silent, longest = (data.get(name) for name in ("metric", "silent", "longest"))
    if metric not in METRICS or type(silent) is not bool or type(longest) is not int or not 0 < longest <= _MOST_WORDS:
        raise TaskError("the stored task is damaged (a metric or a length that is not known): fit again.")
    return QuestionAnswering(metric, silent, longest)


@dataclass(frozen=True)
class QuestionAnswering(TaskDefaults):
    """Extractive question answering.

    ``silent``: whether some texts hold no answer, as rows that were trained on say; ``longest``: of any answer, in
    words; ``adjusted``: whether a post-processing step will place how sure silence must be.
    """

    metric: str = METRICS[0]
    silent: bool = True
    longest: int = quotes.LONGEST
    adjusted: bool = True

    name = "question_answering"
    output_kind = OutputKind.SPANS
    allows_empty = False
    classes = ()
    columns = 2
    rule = word_offsets.FOUND

    def fit_target(self, table: Table) -> "QuestionAnswering":
        """Return the same task with what these rows say of answers, and no others."""
        return replace(from_table(table, self.metric), adjusted=self.adjusted)

    def without_postprocessing(self) -> "QuestionAnswering":
        """Return the task that scores outputs as ``decode`` reads them."""
        return replace(self, adjusted=False)

    def encode(self, table: Table) -> Array:
        """(n,) object: a ``quotes.Truth`` for each row. Raises TaskError, naming rows, for what is in no text."""
        if table.target is None or table.pair is None:
            raise TaskError("the table needs a question, a text and answers in every row.")
        found = _answer_cells.read(table)
        wrong = [i for i, row in enumerate(found) if isinstance(row, str)]
        if wrong:
            raise TaskError(data_findings.unusable(table, wrong, str(found[wrong[0]])))
        texts = table.text[table.pair[1]]
        quoted = [row for row in found if not isinstance(row, str)]
        return ragged.objects(_answer_cells.truth(text, row) for text, row in zip(texts, quoted, strict=True))

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        if table.pair is None:
            return np.zeros(len(table), bool)
        return np.array([not isinstance(row, str) for row in _answer_cells.read(table)], bool)

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric; with unanswerable texts, by the threshold that post-processing will set."""
        return self._judged()(y, outputs)

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        return metrics.bootstrap_error(y, outputs, self._judged(), seed=seed)

    def _judged(self) -> metrics.Metric:
        if self.silent and self.adjusted:
            return quotes.placed(self.metric, self.longest)
        return self._asked(self.metric)

    def _asked(self, name: str) -> metrics.Metric:
        return quotes.metric(name, self.longest, self.silent)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """JSON-able: ``rows``, and three metrics as ``[value, low, high]``.

        Where some texts hold no answer also ``by_class``, a row for those that do and for those that do not.
        """
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        found = {name: metrics.bootstrap(y, outputs, self._asked(name)) for name in METRICS}
        measured = {"rows": len(y), **{name: list(value) for name, value in found.items()}}
        there = np.array([bool(truth.answers) for truth in y])
        if there.all() or not there.any():
            return measured
        kinds = [("with an answer", there), ("without", ~there)]
        return measured | {
            "by": "question",
            "by_class": [self._of_kind(n, y[rows], outputs[rows]) for n, rows in kinds],
        }

    def _of_kind(self, name: str, y: Array, outputs: Array) -> dict[str, Any]:
        return {"label": name, "rows": len(y), **{metric: self._asked(metric)(y, outputs) for metric in METRICS}}

    def strata(self, table: Table) -> Array:
        """(n,) whether the text holds an answer."""
        return np.array([int(bool(row)) for row in _answer_cells.read(table)], np.int64)

    def labels(self, y: Array) -> Objects:
        """(n,) the first true answer of each row, "" for none."""
        return ragged.objects(truth.answers[0] if truth.answers else "" for truth in y)

    def decode(self, outputs: Array) -> Objects:
        """(n,) the likeliest quotes of each row, as ((first word, word after the last) or None, probability)."""
        heard = outputs if self.silent else quotes.spoken(outputs)
        return ragged.objects(quotes.best(row, 1 + OTHERS, self.longest) for row in heard)

    def to_text_spans(self, answers: Sequence[Any], table: Table) -> Objects:
        """(n,) dicts: the likeliest quote ("text", "start", "end" in characters.

        "" and -1 for none) with its "score", and "others".
        """
        assert table.pair is not None
        texts = table.text[table.pair[1]]
        return ragged.objects(_answer_cells.as_dict(found, text) for found, text in zip(answers, texts, strict=True))

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return [json.dumps(answer, ensure_ascii=False) for answer in answers]

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        raise TaskError("this model quotes answers, and has no probabilities of whole rows: use predict.")

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "no answer", np.ones(2, np.float32)

    def broadcast(self, guess: Array, table: Table) -> Array:
        """(n,) no answer in any row."""
        assert table.pair is not None
        made = []
        for text in table.text[table.pair[1]]:
            row = np.zeros((1 + len(word_offsets.words(text, self.rule)), 2), np.float32)
            row[0] = guess
            made.append(row)
        return ragged.objects(made)

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """Mean F1 of answers, dicts or plain texts, against true ones in any form that they can be given in."""
        texts = [a["text"] if isinstance(a, dict) else str(a) for a in answers]
        each = [quotes.judge(a, _answer_cells.texts(t))[1] for a, t in zip(texts, truth, strict=True)]
        return float(np.average(each, weights=weights))

    def counts(self, table: Table) -> dict[str, int]:
        """Rows with an answer, and without."""
        there = int(self.strata(table).sum())
        return {"answer": there} | ({"no answer": len(table) - there} if there < len(table) else {})

    def mistakes(self, test: Table, y: Array, outputs: Array, most: int = 20) -> list[dict[str, Any]]:
        """Return the questions answered worst: what should have been quoted, and what was."""
        assert test.pair is not None
        spans = quotes.decoded(outputs, self.longest, self.silent)
        f1 = np.array([truth.judge(span)[1] for truth, span in zip(y, spans, strict=True)])
        worst = np.argsort(f1, kind="stable")[:most]
        return [
            {
                "row": int(test.row_numbers[i]),
                "text": f"{str(test.text[test.pair[0]][i])[:300]} — {_answer_cells.around(y[i])}",
                "missed": list(y[i].answers[:3]) or ["(no answer)"],
                "invented": [y[i].quote(spans[i]) or "(no answer)"],
            }
            for i in worst
            if f1[i] < 1
        ]

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        return {
            "model": "reader",
            "answer": "a part of the text, with its place in characters, or that there is none",
            "unusable": "their answers do not stand in their text",
            "confidence": "the score of an answer says how sure it is of both ends",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"name": self.name, "metric": self.metric, "silent": self.silent, "longest": self.longest}
