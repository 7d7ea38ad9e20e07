"""The nested JSON of SQuAD (Rajpurkar et al. 2016): articles hold paragraphs, and these hold questions.

Each question becomes a row. A paragraph may also be a record of its own, as in MRQA.
"""

from collections.abc import Mapping
from typing import Any

from penna.data.readers.read_notes import Notes
from penna.errors import TableError

KEYS = frozenset({"qas", "paragraphs", "header"})
#: Keys of a question that are read, or that repeat what is read.
_READ = {"id", "qid", "question", "answers", "is_impossible"}


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """Return rows of id, title, context, question and answers (text, answer_start).

    A question without an answer has an empty list; None if the record does not mention answers.

    >>> entry = {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    >>> article = {"title": "t", "paragraphs": [{"context": "Ann did.", "qas": [entry]}]}
    >>> [(row["question"], row["context"]) for row in rows(article, 1, "a.json", Notes())]
    [('Who?', 'Ann did.')]
    """
    if not isinstance(record, dict):
        return None
    if record.keys() == {"header"}:  # the first line of MRQA's files
        notes.once("keys", ["header"])
        return []
    if "context" in record and isinstance(record.get("qas"), list):
        paragraphs = [record]
    elif isinstance(record.get("paragraphs"), list) and not _of_spacy(record["paragraphs"]):
        paragraphs = record["paragraphs"]
    else:
        return None
    try:
        return [_row(record, paragraph, entry, notes) for paragraph in paragraphs for entry in paragraph["qas"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"article {number} of {name} is not as SQuAD has them ({type(error).__name__}: {error}): each needs "
            '"paragraphs" with "context" and "qas", or write one object per question.'
        ) from None


def _of_spacy(paragraphs: list[Any]) -> bool:
    """Return whether these are spaCy's paragraphs, which hold sentences."""
    return all(isinstance(one, dict) and "sentences" in one for one in paragraphs)


def _row(article: Mapping[str, Any], paragraph: Mapping[str, Any], entry: Mapping[str, Any], notes: Notes) -> Any:
    none = bool(entry.get("is_impossible"))
    answers = [] if none else entry.get("answers")
    notes.once("keys", sorted(f"{key} of questions" for key in entry.keys() - _READ))
    return {
        "id": entry.get("id", entry.get("qid")),
        **({"title": article["title"]} if "title" in article else {}),
        "context": paragraph["context"],
        "question": entry["question"],
        "answers": None if answers is None else [_answer(one) for one in answers],
    }


def _answer(cell: Any) -> dict[str, Any]:
    if isinstance(cell, str):
        return {"text": cell, "answer_start": None}
    return {"text": cell["text"], "answer_start": cell.get("answer_start")}
