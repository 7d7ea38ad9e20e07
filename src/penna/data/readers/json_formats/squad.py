"""The nested JSON that SQuAD is published in (Rajpurkar et al. 2016): articles hold paragraphs, and these questions. A
row for each question; a paragraph may stand alone, as MRQA has it."""

from collections.abc import Mapping
from typing import Any

from penna.data.readers.read_notes import Notes
from penna.errors import TableError

KEYS = frozenset({"qas", "paragraphs", "header"})
#: What is read of a question, or says what is read already.
_READ = {"id", "qid", "question", "answers", "is_impossible"}


def rows(record: Any, number: int, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    """Rows of id, title, context, question and answers (text, answer_start); of a question without an answer an empty
    list, and None where nothing is said of answers.

    >>> asked = {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    >>> article = {"title": "t", "paragraphs": [{"context": "Ann did.", "qas": [asked]}]}
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
        return [_row(record, paragraph, asked, notes) for paragraph in paragraphs for asked in paragraph["qas"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"article {number} of {name} is not as SQuAD has them ({type(error).__name__}: {error}): each needs "
            '"paragraphs" with "context" and "qas", or write one object a question.'
        ) from None


def _of_spacy(paragraphs: list[Any]) -> bool:
    """Whether these are spaCy's paragraphs, which hold sentences."""
    return all(isinstance(one, dict) and "sentences" in one for one in paragraphs)


def _row(article: Mapping[str, Any], paragraph: Mapping[str, Any], asked: Mapping[str, Any], notes: Notes) -> Any:
    none = bool(asked.get("is_impossible"))
    said = [] if none else asked.get("answers")
    notes.once("keys", sorted(f"{key} of questions" for key in asked.keys() - _READ))
    return {
        "id": asked.get("id", asked.get("qid")),
        **({"title": article["title"]} if "title" in article else {}),
        "context": paragraph["context"],
        "question": asked["question"],
        "answers": None if said is None else [_answer(one) for one in said],
    }


def _answer(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"text": given, "answer_start": None}
    return {"text": given["text"], "answer_start": given.get("answer_start")}
