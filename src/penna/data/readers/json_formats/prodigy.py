"""Prodigy's export (``db-out``): examples that an annotator accepted, rejected or skipped."""

from typing import Any

from penna.data.readers.json_formats.base import one_or_all
from penna.data.readers.read_notes import Notes

KEYS = frozenset({"_task_hash"})


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """Return the example as a row, without the tool's own keys; no row if it was not accepted.

    >>> rows({"text": "Ann left", "accept": ["a", "b"], "answer": "accept", "_task_hash": 1}, 1, "a.json", Notes())
    [{'text': 'Ann left', 'label': ['a', 'b']}]
    """
    if not isinstance(record, dict) or "_task_hash" not in record or "answer" not in record:
        return None
    if record["answer"] != "accept":
        notes.add("rejected", [number])
        return []
    row = {k: v for k, v in record.items() if k[:1] != "_" and k not in ("answer", "options", "accept", "tokens")}
    if isinstance(record.get("accept"), list):
        row["label"] = one_or_all(record["accept"])
    return [row]
