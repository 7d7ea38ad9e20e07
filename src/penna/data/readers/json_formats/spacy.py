"""spaCy's training data and output.

Three forms: ``[text, {"entities": [[start, end, label]]}]``, ``Doc.to_json()``, and the JSON of version 2 with
tags for tokens.
"""

from typing import Any

from penna.data.readers.read_notes import Notes

KEYS = frozenset({"ents", "paragraphs"})
#: The tag of a token that has none.
_OUTSIDE = ("O", "", "-", None)


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """Return a row for each text, with ``entities``, ``cats`` or both; for version 2, a row for each sentence.

    >>> rows(["Ann left", {"cats": {"A": 1, "B": 0}}], 1, "a.json", Notes())
    [{'text': 'Ann left', 'cats': {'A': 1, 'B': 0}}]
    >>> rows({"text": "Ann left", "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": []}, 1, "a.json", Notes())
    [{'text': 'Ann left', 'entities': [{'start': 0, 'end': 3, 'label': 'PER'}]}]
    """
    if pair(record):
        text, annotations = record
        notes.once("keys", sorted(f"{key} of texts" for key in annotations.keys() - {"entities", "cats"}))
        return [{"text": text, **{key: annotations[key] for key in ("entities", "cats") if key in annotations}}]
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("text"), str) and isinstance(record.get("ents"), list) and "entities" not in record:
        rest = {key: cell for key, cell in record.items() if key not in ("text", "ents", "tokens", "sents")}
        return [{"text": record["text"], "entities": record["ents"], **rest}]
    paragraphs = record.get("paragraphs")
    if isinstance(paragraphs, list) and paragraphs and all(isinstance(one, dict) for one in paragraphs):
        return _of_version_two(paragraphs)
    return None


def pair(record: Any) -> bool:
    """Return whether this is a text and a dict of its annotations."""
    if not isinstance(record, list | tuple) or len(record) != 2 or not isinstance(record[0], str):
        return False
    return isinstance(record[1], dict) and not record[1].keys().isdisjoint(("entities", "cats"))


def _of_version_two(paragraphs: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    if not all(isinstance(one.get("sentences"), list) for one in paragraphs):
        return None
    converted = []
    for paragraph in paragraphs:
        for sentence in paragraph["sentences"]:
            words = [token["orth"] for token in sentence["tokens"]]
            tags = [token.get("ner", "O") for token in sentence["tokens"]]
            converted.append({"tokens": words, "tags": ["O" if tag in _OUTSIDE else tag for tag in tags]})
    return converted
