"""The nested JSON that SQuAD is published in (Rajpurkar et al. 2016): articles hold paragraphs, and these questions. A
row for each question. Knows records; never a file."""

import re
from collections.abc import Iterator
from typing import Any

from penna.errors import TableError

_LOOKS = re.compile(r'\s*\{\s*(?:"[^"]*"\s*:\s*(?:"[^"\[]*"|[\w.+-]+)\s*,\s*)*"data"\s*:\s*\[')


def looks(head: str) -> bool:
    """Whether a file that begins so holds a list of articles.

    >>> looks('{"version": "v2.0", "data": [{"title": "Rome", "paragraphs": [')
    True
    """
    return _LOOKS.match(head.lstrip("\ufeff")) is not None


def rows(articles: Iterator[tuple[int, dict[str, Any]]], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered rows of id, title, context, question and answers (text, answer_start); of a question without an answer
    an empty list, and None where nothing is said of answers. Raises TableError for what is no article.

    >>> asked = {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    >>> article = {"title": "t", "paragraphs": [{"context": "Ann did.", "qas": [asked]}]}
    >>> [(number, row["question"], row["context"]) for number, row in rows(iter([(1, article)]), "a.json")]
    [(1, 'Who?', 'Ann did.')]
    """
    number = 0
    for place, article in articles:
        try:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    number += 1
                    yield number, _row(article, paragraph, asked)
        except (KeyError, TypeError, AttributeError) as error:
            raise TableError(
                f"article {place} of {name} is not as SQuAD has them ({type(error).__name__}: {error}): each needs "
                '"paragraphs" with "context" and "qas", or write one object a question.'
            ) from None


def _row(article: dict[str, Any], paragraph: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    none = bool(asked.get("is_impossible"))
    said = [] if none else asked.get("answers")
    answers = None if said is None else [{"text": one["text"], "answer_start": one.get("answer_start")} for one in said]
    return {
        "id": asked.get("id"),
        "title": article.get("title"),
        "context": paragraph["context"],
        "question": asked["question"],
        "answers": answers,
    }
