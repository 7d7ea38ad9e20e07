"""Entities in a text: which words, and of which type. Light: serving opens this file.

Learnt as a tag for each word in one scheme (``entities``), whatever scheme the rows were given in; answered as they
were given: a tag for each word of theirs, or spans in characters.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from penna import metrics
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.metrics import entities
from penna.preprocessing import data_findings
from penna.tasks import _entity_output, _span_cells
from penna.tasks._alternative_targets import lonely_words
from penna.tasks._integer_tags import as_given
from penna.tasks._tag_schemes import NAMES, Scheme, Span, spans, tags
from penna.tasks._tag_target import form_of, named, parse_target
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task: none of its kinds.
ESTIMATOR_TYPE = "tagger"
#: Families that go by another name here.
FAMILY_ALIASES = {"linear": "crf", "finetune": "tagger"}
#: Answers are about parts of the text: it is read alone, and as it is.
IS_SPAN_TASK = True

_METRICS: dict[str, metrics.Metric] = {
    "entity_f1": entities.entity_f1,
    "entity_macro_f1": entities.entity_macro_f1,
    "token_accuracy": entities.token_accuracy,
}
_ALWAYS = {"entity_precision": entities.entity_precision, "entity_recall": entities.entity_recall}
METRICS = tuple(_METRICS)
_MOST_TYPES = 1000


def matches(table: Table) -> bool:
    """Return a tag for each word of the text, or lists of spans in it."""
    return bool(_span_cells.form_of(table))


def inference_note(table: Table) -> str:
    """Return what ``recognise`` has to say for itself."""
    task = from_table(table)
    how = _entity_output.form(task.form, task.scheme)
    if task.form == _span_cells.TAGS and (note := lonely_words(table)):
        return note
    if task.names and not table.tag_names:
        return (
            f"column {table.target_name!r} holds whole numbers, one for each word: taken as tags "
            f"(--task token_classification), 0 as outside, and each of the {len(task.types)} others as a "
            "type; --tag-names says what they stand for."
        )
    return (
        f"column {table.target_name!r} holds {how}, of {len(task.types)} types ({_entity_output.some(task.types)}): "
        "taken as entities to find (--task token_classification)."
    )


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows whose tags or spans go with their text. ``rare`` is for classes.

    Raises TaskError where no row can be used, where tags follow no scheme, and where there is no entity at all.
    """
    table = parse_target(table)
    form, scheme = form_of(table)
    marked = _span_cells.read(table, form, scheme)
    found = _span_cells.left_out(table, marked, form, scheme)
    keep = np.flatnonzero(marked.usable)
    if not len(keep):
        messages = " ".join(f.message for f in found)
        raise TaskError(f"no row of column {table.target_name!r} can be used: {messages} Correct them.")
    if not any(marked.entities[i] for i in keep):
        raise TaskError(data_findings.none_left("entity", table, len(keep), found))
    return replace(table, target=_span_cells.written(marked, table, form)).take(keep), found


def from_table(table: Table, metric: str | None = None) -> "TokenClassification":
    """Return the task of finding this table's entities; entity F1 without ``metric``.

    Raises TaskError as ``settle`` does.
    """
    metric = metric or METRICS[0]
    if metric not in METRICS:
        raise SettingError(f"there is no metric {metric!r} for entities: choose one of {', '.join(METRICS)}.")
    table = parse_target(table)
    form, scheme = form_of(table)
    settled, _ = prepare_target(table)
    marked = _span_cells.read(settled, form, scheme)
    kinds = sorted({kind for row in marked.entities if not isinstance(row, str) for _, _, kind in row})
    if len(kinds) > _MOST_TYPES:
        raise TaskError(f"column {table.target_name!r} names {len(kinds):,} types of entities: is it the target?")
    return TokenClassification(tuple(kinds), metric, form, scheme, table.tag_names)


def restore(data: Mapping[str, Any]) -> "TokenClassification":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        types, metric, form = data["types"], data["metric"], data["form"]
        name, sign = data["scheme"]["name"], data["scheme"]["sign"]
        if metric not in METRICS or form not in (_span_cells.TAGS, _span_cells.SPANS) or name not in NAMES:
            raise ValueError("unknown metric, form or scheme")
        if not 0 < len(types) <= _MOST_TYPES or not all(isinstance(t, str) for t in (*types, sign)) or len(sign) > 1:
            raise ValueError("its types are damaged")
        if list(types) != sorted(set(types)):
            raise ValueError("its types are unsorted or doubled")
        names = tuple(data.get("names", ()))
        if not all(isinstance(tag, str) for tag in names):
            raise ValueError("the names of its tags are damaged")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artifact.") from error
    return TokenClassification(tuple(types), metric, form, Scheme(name, sign), names)


@dataclass(frozen=True)
class TokenClassification(TaskDefaults):
    """Entities of these types.

    ``form``: "tags" of a ``scheme``, for texts that are lists of words, or "spans"; ``names``: what tags stand for that
    are given as whole numbers, by number.
    """

    types: tuple[str, ...]
    metric: str = METRICS[0]
    form: str = _span_cells.TAGS
    scheme: Scheme = field(default_factory=Scheme)
    names: tuple[str, ...] = ()

    name = "token_classification"
    output_kind = OutputKind.TAGS
    allows_empty = False
    classes = ()

    @property
    def columns(self) -> int:
        """Return the number of columns of an output."""
        return 1 + 2 * len(self.types)

    @property
    def rule(self) -> str:
        """How words are found in a text (``places``)."""
        return word_offsets.SPACES if self.form == _span_cells.TAGS else word_offsets.FOUND

    def encode(self, table: Table) -> Array:
        """(n,) object: (words,) int64 a row, 0 outside, 1 + 2 t and 2 + 2 t for the first and further words of type t.

        Raises TaskError, naming rows, for cells that do not go with their text, and types that were not there at fit.
        """
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        marked = self._read(table)
        wrong = np.flatnonzero(~self._takes(marked))
        if len(wrong):
            reason = marked.entities[wrong[0]]
            why = reason if isinstance(reason, str) else self._unknown(reason)
            raise TaskError(data_findings.unusable(table, wrong, why))
        lengths = [len(word_offsets.words(text, self.rule)) for text in table.full_text]
        return ragged.objects(self._numbers(row, n) for row, n in zip(marked.entities, lengths, strict=True))

    def _unknown(self, found: Sequence[Span]) -> str:
        new = sorted({kind for _, _, kind in found} - set(self.types))
        return (
            f"types that were not there at fit ({_entity_output.some(new)}; known: {_entity_output.some(self.types)})"
        )

    def _numbers(self, found: Any, length: int) -> Array:
        out = np.zeros(length, np.int64)
        for start, end, kind in found:
            out[start:end] = 2 + 2 * self._places[kind]
            out[start] -= 1
        return out

    def _takes(self, marked: _span_cells.Marked) -> Array:
        known = [
            not isinstance(row, str) and all(kind in self._places for _, _, kind in row) for row in marked.entities
        ]
        return np.array(known, bool)

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        return self._takes(self._read(table))

    def _read(self, table: Table) -> _span_cells.Marked:
        return _span_cells.read(named(table, self.names) if self.names else table, self.form, self.scheme)

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better."""
        return _METRICS[self.metric](y, outputs)

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        return metrics.bootstrap_error(y, outputs, _METRICS[self.metric], seed=seed)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """JSON-able: ``rows``, five metrics as ``[value, low, high]``, and ``by_class``, a row for each type."""
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        wanted = {METRICS[0]: entities.entity_f1, **_ALWAYS, **_METRICS}
        table = entities.by_type(y, outputs)
        return {
            "rows": len(y),
            **{name: list(metrics.bootstrap(y, outputs, metric)) for name, metric in wanted.items()},
            "by_class": [
                {"label": kind, **{name: column[j].item() for name, column in table.items()}}
                for j, kind in enumerate(self.types)
            ],
        }

    def strata(self, table: Table) -> Array:
        """(n,) the rarest type in each row, 0 where there is none: so each part has its share of every type."""
        found = [{(int(tag) - 1) // 2 for tag in row[row > 0]} for row in self.encode(table)]
        counts = Counter(kind for row in found for kind in row)
        return np.array([min((counts[k], k + 1) for k in row)[1] if row else 0 for row in found], np.int64)

    def labels(self, y: Array) -> Objects:
        """(n,) a tuple of tags for each row, of the user's scheme."""
        return self._spelt(*ragged.flat(y))

    def decode(self, outputs: Array) -> Objects:
        """Return (n,) predictions in the user's own form."""
        return self._spelt(*entities.decoded(outputs))

    def _spelt(self, flat: Array, offsets: Array) -> Objects:
        found = self._spans(flat, offsets)
        lengths = np.diff(offsets).tolist()
        return ragged.objects(tuple(tags(row, n, self.scheme)) for row, n in zip(found, lengths, strict=True))

    def _spans(self, flat: Array, offsets: Array) -> list[list[Span]]:
        """Return the entities of each row, in words."""
        out: list[list[Span]] = [[] for _ in offsets[1:]]
        found = entities.spans(flat.astype(np.int64), offsets)
        for start, end, kind, row in zip(found.starts, found.ends, found.types, found.rows, strict=True):
            out[row].append((int(start - offsets[row]), int(end - offsets[row]), self.types[kind]))
        return out

    def to_text_spans(self, answers: Sequence[Any], table: Table) -> Objects:
        """(n,) decoded answers in the coordinates of the texts: lists of tags, or of spans in characters."""
        if self.form == _span_cells.TAGS:
            return ragged.objects(as_given(row, self.names) for row in answers)
        return ragged.objects(
            _entity_output.in_characters(spans(row), text, word_offsets.words(text, self.rule))
            for row, text in zip(answers, table.full_text, strict=True)
        )

    def parse_texts(self, texts: Any) -> Any:
        """Return lists of words as texts."""
        listed = self.form == _span_cells.TAGS and isinstance(texts, list | tuple) and len(texts) > 0
        sentences = listed and all(isinstance(row, list | tuple) for row in texts)
        return [word_offsets.joined([str(word) for word in row]) for row in texts] if sentences else texts

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return [json.dumps(answer, ensure_ascii=False) for answer in answers]

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        raise TaskError("this model finds entities, and has no probabilities of whole rows: use predict.")

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "no entities", np.eye(1, self.columns, dtype=np.float32)[0]

    def broadcast(self, guess: Array, table: Table) -> Array:
        """(n,) the same (columns,) answer for every word of each row."""
        lengths = [len(word_offsets.words(text, self.rule)) for text in table.full_text]
        return ragged.objects(np.tile(guess, (n, 1)) for n in lengths)

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """F1 of the entities in two lists of rows, in any form that they can be given in; ``weights`` of rows."""
        given, found = (_entity_output.sets(rows, self.scheme.name == "bare", self.names) for rows in (truth, answers))
        each = np.ones(len(given)) if weights is None else np.asarray(weights, np.float64)
        both = [len(a & b) for a, b in zip(given, found, strict=True)]
        total = [len(a) + len(b) for a, b in zip(given, found, strict=True)]
        return float(2 * (each @ both) / (each @ total)) if any(total) else 1.0

    def counts(self, table: Table) -> dict[str, int]:
        """Entities of each type, most frequent first."""
        found = Counter(int(tag) // 2 for row in self.encode(table) for tag in row[row % 2 == 1])
        return {self.types[kind]: n for kind, n in found.most_common()}

    def mistakes(self, test: Table, y: Array, outputs: Array, most: int = 20) -> list[dict[str, Any]]:
        """Return the rows with most entities missed or invented.

        Text, what was missed, and what was answered instead.
        """
        flat, offsets = entities.decoded(outputs)
        pairs = list(zip(self._spans(ragged.flat(y)[0], offsets), self._spans(flat, offsets), strict=True))
        return _entity_output.mistakes(test, pairs, self.rule, most)

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        how = _entity_output.form(self.form, self.scheme)
        return {
            "model": "tagger",
            "answer": f"entities of {len(self.types)} types ({_entity_output.some(self.types, 30)}), as {how}",
            "unusable": "their cells do not go with their text, or name types that were never trained on",
            "confidence": "precision and recall above say how many of its entities are right, and how many it finds",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        data = {"name": self.name, "metric": self.metric, "types": list(self.types), "form": self.form}
        data |= {"names": list(self.names)} if self.names else {}
        return {**data, "scheme": {"name": self.scheme.name, "sign": self.scheme.sign}}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {kind: j for j, kind in enumerate(self.types)}
