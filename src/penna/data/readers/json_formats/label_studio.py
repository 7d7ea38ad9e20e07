"""What Label Studio exports as JSON: tasks with their data and annotations.

A column for each control of the labelling page, named as it is. (Its JSON-MIN are rows already.)
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
    """A row that somebody looked at: where it has no span, there is none."""


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """One row: what the task shows, and what the first annotation that stands says of it.

    >>> result = {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}
    >>> rows({"id": 7, "data": {"text": "Ann left"}, "annotations": [{"result": [result]}]}, 1, "a.json", Notes())
    [{'id': 7, 'text': 'Ann left', 'mood': 'good'}]
    """
    if not isinstance(record, dict) or not isinstance(record.get("data"), dict):
        return None
    given = record.get("annotations", record.get("completions"))
    if not isinstance(given, list) or not all(isinstance(one, dict) and "result" in one for one in given):
        return None
    stands = [one for one in given if not one.get("was_cancelled")]
    if len(stands) > 1:
        notes.add("annotations", [number])
    row = (_Annotated if stands else dict)({"id": record.get("id"), **record["data"]})
    for control, cell in _columns(stands[0].get("result") or [] if stands else [], notes).items():
        row[control if control not in row else f"{control}_annotated"] = cell
    return [row]


def settled(rows: Sequence[dict[str, Any]]) -> None:
    """Return an empty list of spans for each row that was annotated with none, where others have some."""
    annotated = [row for row in rows if isinstance(row, _Annotated)]
    spans = {key for row in annotated for key, cell in row.items() if isinstance(cell, _Spans)}
    for row in annotated:
        for key in spans:
            row.setdefault(key, [])


class _Spans(list[Any]):
    """A cell that holds spans."""


def _columns(results: list[Any], notes: Notes) -> dict[str, Any]:
    """Control -> its cell: spans of the text, or what is known of all of it."""
    cells: dict[str, Any] = {}
    for one in results:
        kind, value = one.get("type"), one.get("value")
        name = str(one.get("from_name") or kind)
        if kind in _SPANS and isinstance(value, dict) and "start" in value:
            cells.setdefault(name, _Spans()).append(_span(value, kind))
        elif kind in _WHOLE and isinstance(value, dict) and not one.get("parentID") and "start" not in value:
            found = value.get(_WHOLE[kind])
            cells[name] = one_or_all(found) if isinstance(found, list) else found
        else:
            notes.once("keys", [f"{kind} of annotations"])
    return cells


def _span(value: dict[str, Any], kind: str) -> dict[str, Any]:
    start, end = value["start"], value["end"]
    if kind == "hypertextlabels":  # there, these are places in the page
        offsets = value.get("globalOffsets") or {}
        start, end = offsets.get("start", start), offsets.get("end", end)
    return {"start": start, "end": end, "labels": value.get(kind) or value.get("labels") or []}
