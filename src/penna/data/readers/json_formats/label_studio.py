"""Label Studio's JSON export: tasks with their data and annotations.

Each control of the labeling page becomes a column of the same name. (Its JSON-MIN format is already rows.)
"""

from collections.abc import Sequence
from typing import Any

from penna.data.readers.json_formats.base import one_or_all
from penna.data.readers.read_notes import Notes

KEYS = frozenset({"annotations", "completions"})
#: Kind of result -> the key of its value that holds labels of the whole text.
_WHOLE = {"choices": "choices", "rating": "rating", "number": "number", "textarea": "text", "taxonomy": "taxonomy"}
_SPANS = ("labels", "hypertextlabels")


class _Annotated(dict[str, Any]):
    """A row that was annotated: without a span, it has none."""


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """Return one row: the data of the task, and its first valid annotation.

    >>> result = {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}
    >>> rows({"id": 7, "data": {"text": "Ann left"}, "annotations": [{"result": [result]}]}, 1, "a.json", Notes())
    [{'id': 7, 'text': 'Ann left', 'mood': 'good'}]
    """
    if not isinstance(record, dict) or not isinstance(record.get("data"), dict):
        return None
    annotations = record.get("annotations", record.get("completions"))
    if not isinstance(annotations, list) or not all(isinstance(one, dict) and "result" in one for one in annotations):
        return None
    stands = [one for one in annotations if not one.get("was_cancelled")]
    if len(stands) > 1:
        notes.add("annotations", [number])
    row = (_Annotated if stands else dict)({"id": record.get("id"), **record["data"]})
    for control, cell in _columns(stands[0].get("result") or [] if stands else [], notes).items():
        row[control if control not in row else f"{control}_annotated"] = cell
    return [row]


def settled(rows: Sequence[dict[str, Any]]) -> None:
    """Give an empty list of spans to each annotated row without any, if other rows have some."""
    annotated = [row for row in rows if isinstance(row, _Annotated)]
    spans = {key for row in annotated for key, cell in row.items() if isinstance(cell, _Spans)}
    for row in annotated:
        for key in spans:
            row.setdefault(key, [])


class _Spans(list[Any]):
    """A cell that holds spans."""


def _columns(results: list[Any], notes: Notes) -> dict[str, Any]:
    """Return control -> its cell: spans of the text, or labels of the whole text."""
    cells: dict[str, Any] = {}
    for one in results:
        kind, value = one.get("type"), one.get("value")
        name = str(one.get("from_name") or kind)
        if kind in _SPANS and isinstance(value, dict) and "start" in value:
            cells.setdefault(name, _Spans()).append(_span(value, kind))
        elif kind in _WHOLE and isinstance(value, dict) and not one.get("parentID") and "start" not in value:
            labels = value.get(_WHOLE[kind])
            cells[name] = one_or_all(labels) if isinstance(labels, list) else labels
        else:
            notes.once("keys", [f"{kind} of annotations"])
    return cells


def _span(value: dict[str, Any], kind: str) -> dict[str, Any]:
    start, end = value["start"], value["end"]
    if kind == "hypertextlabels":  # in hypertext, these are positions in the page
        offsets = value.get("globalOffsets") or {}
        start, end = offsets.get("start", start), offsets.get("end", end)
    return {"start": start, "end": end, "labels": value.get(kind) or value.get("labels") or []}
